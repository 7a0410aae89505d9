package service

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/model"
)

// window is how often each product was sold from a day on. It never changes.
type window struct {
	since    string
	products []sales       // in the order of their ids
	leaders  []sales       // the best, best first
	asked    *atomic.Int64 // as that of figures
}

// sales are what the lines of orders about a product add up to.
type sales struct {
	product  int32
	lines    int32
	quantity int64
	revenue  model.Money
}

func (s sales) plus(other sales, times int64) sales {
	s.lines += other.lines * int32(times) // #nosec G115 -- 1 or -1
	s.quantity += other.quantity * times
	s.revenue += other.revenue * model.Money(times)
	return s
}

// better compares two products' places in the dashboard.
func better(a, b sales) int {
	return cmp.Or(cmp.Compare(b.quantity, a.quantity), cmp.Compare(a.product, b.product))
}

// leading is how many are at hand without a look at all products: more than a dashboard has, since some may fall behind.
const leading = 50

func newWindow(since string, products []sales, asked *atomic.Int64) *window {
	w := &window{since: since, products: products, asked: asked}
	for _, p := range products {
		if len(w.leaders) == leading {
			if better(p, w.leaders[leading-1]) > 0 {
				continue
			}
			w.leaders = w.leaders[:leading-1]
		}
		i, _ := slices.BinarySearchFunc(w.leaders, p, better)
		w.leaders = slices.Insert(w.leaders, i, p)
	}
	return w
}

// sold sums up by how much changes of orders change the products' sales.
func (w *window) sold(changes []change) map[int32]sales {
	sum := map[int32]sales{}
	for _, c := range changes {
		if c.day == nil || *c.day < w.since || c.sold() == 0 {
			continue
		}
		for _, item := range c.items {
			sum[item.product] = sum[item.product].plus(item, c.sold())
		}
	}
	return sum
}

func (w *window) find(product int32) (int, bool) {
	return slices.BinarySearchFunc(w.products, product, func(s sales, id int32) int { return cmp.Compare(s.product, id) })
}

func (w *window) plus(changes []change) *window {
	sold := w.sold(changes)
	if len(sold) == 0 {
		return w
	}
	products, rest := make([]sales, 0, len(w.products)+len(sold)), 0
	for _, id := range slices.Sorted(maps.Keys(sold)) {
		i, found := w.find(id)
		products = append(products, w.products[rest:i]...)
		now := sales{product: id}
		if rest = i; found {
			now, rest = w.products[i], i+1
		}
		if now = now.plus(sold[id], 1); now.lines != 0 {
			products = append(products, now)
		}
	}
	return newWindow(w.since, append(products, w.products[rest:]...), w.asked)
}

// best returns the n best products after changes.
func (w *window) best(n int, changes []change) []sales {
	sold := w.sold(changes)
	list := slices.DeleteFunc(slices.Clone(w.leaders), func(s sales) bool {
		_, moved := sold[s.product]
		return moved
	})
	for id, more := range sold {
		now := sales{product: id}
		if i, found := w.find(id); found {
			now = w.products[i]
		}
		if now = now.plus(more, 1); now.lines != 0 {
			list = append(list, now)
		}
	}
	slices.SortFunc(list, better)
	// Whoever neither led nor moved is behind all that led.
	if all := len(w.leaders) == len(w.products); !all && (len(list) < n || better(list[n-1], w.leaders[len(w.leaders)-1]) > 0) {
		list = w.plus(changes).leaders
	}
	return list[:min(n, len(list))]
}

// readWindow adds up all products' sales from a day on.
func readWindow(ctx context.Context, tx *sqlx.Tx, since string) (w *window, err error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT i.product_id, COUNT(*), SUM(i.quantity), SUM(i.price * i.quantity)
		FROM orders o
		JOIN order_items i ON i.order_id = o.id
		WHERE o.created_at >= ? AND o.status <> 'Cancelled'
		GROUP BY i.product_id`, since)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var products []sales
	for rows.Next() {
		var s sales
		if err := rows.Scan(&s.product, &s.lines, &s.quantity, &s.revenue); err != nil {
			return nil, err
		}
		products = append(products, s)
	}
	slices.SortFunc(products, func(a, b sales) int { return cmp.Compare(a.product, b.product) })
	asked := &atomic.Int64{}
	asked.Store(time.Now().UnixNano())
	return newWindow(since, slices.Clip(products), asked), rows.Err()
}

// nameProducts gives products the names that they have now.
func nameProducts(ctx context.Context, tx *sqlx.Tx, sold []sales) ([]model.ProductSales, error) {
	list := make([]model.ProductSales, len(sold))
	ids := make([]int64, len(sold))
	for i, p := range sold {
		ids[i] = int64(p.product)
		list[i] = model.ProductSales{ProductID: ids[i], Quantity: p.quantity, Revenue: p.revenue}
	}
	if len(ids) == 0 {
		return list, nil
	}
	query, args, err := sqlx.In(`
		SELECT id AS product_id, name
		FROM products
		WHERE id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	var named []model.ProductSales
	err = tx.SelectContext(ctx, &named, query, args...)
	for _, n := range named {
		list[slices.Index(ids, n.ProductID)].Name = n.Name
	}
	return list, err
}
