package service

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/model"
)

// newOrder is what is asked for.
type newOrder struct {
	userID int64
	in     model.OrderInput
}

// draft is an order that is judged and not yet written, made of these lines of its user's cart.
type draft struct {
	model.Order
	call  *call[newOrder, model.PlacedOrder]
	lines []cartLine
}

// placeAtOnce is the short way to place the orders that come at one time: the carts are read and judged
// without a lock, and what follows of them is sent as one batch, with one COMMIT, that happens only if the carts and
// their products are still what was read. ErrUnexpected for those for whom they are not; then the long way,
// with locks and each alone, finds out what is the matter.
func (s *Orders) placeAtOnce(ctx context.Context, calls []*call[newOrder, model.PlacedOrder]) {
	drafts, err := s.draft(ctx, calls)
	if err != nil {
		for _, c := range calls {
			c.err = err
		}
		return
	}
	if len(drafts) == 0 {
		return
	}
	if err = write(ctx, s.db, drafts); !errors.Is(err, database.ErrUnexpected) {
		s.products.changed()
	}
	err = apart(err, len(drafts))
	for _, d := range drafts {
		if d.call.err = err; err == nil {
			d.call.answer, d.call.err = answer(d.Order)
		}
	}
}

// mostLines is how many lines the orders of a group may have: it takes longer by their square to find what each of them takes.
const mostLines = 400

// draft reads the carts of all calls and returns the orders that they make. The others have their error: that of
// their cart, or ErrUnexpected for what must wait for one of the same group, being the same user's, wanting what that leaves
// too little of, or being too much for one group.
func (s *Orders) draft(ctx context.Context, calls []*call[newOrder, model.PlacedOrder]) ([]*draft, error) {
	users := make([]any, len(calls))
	for i, c := range calls {
		users[i] = c.ask.userID
	}
	var lines []cartLine
	if err := s.db.SelectContext(ctx, &lines, selectCarts+`
		WHERE c.user_id IN (`+rows("?", len(users))+`)
		ORDER BY c.user_id, c.product_id`, users...); err != nil {
		return nil, err
	}
	carts := map[int64][]cartLine{}
	for _, l := range lines {
		carts[l.UserID] = append(carts[l.UserID], l)
	}
	var drafts []*draft
	together := 0 // lines
	seen, taken := map[int64]bool{}, map[int64]int64{}
	for _, c := range calls {
		cart := carts[c.ask.userID]
		if c.err = c.ctx.Err(); c.err != nil { // the client has gone in time
			continue
		}
		if c.err = database.ErrUnexpected; seen[c.ask.userID] {
			continue
		}
		seen[c.ask.userID] = true
		var o model.Order
		if o, c.err = makeOrder(c.ask.userID, c.ask.in, cart); c.err != nil {
			continue
		}
		if c.err = database.ErrUnexpected; together > 0 && together+len(cart) > mostLines {
			continue
		}
		if slices.ContainsFunc(cart, func(l cartLine) bool { return taken[l.ProductID]+l.Quantity > l.Stock }) {
			continue
		}
		for _, l := range cart {
			taken[l.ProductID] += l.Quantity
		}
		together += len(cart)
		drafts = append(drafts, &draft{o, c, cart})
	}
	return drafts, nil
}

// write places all of these orders, or none, and sets their ids.
func write(ctx context.Context, db *sqlx.DB, drafts []*draft) error {
	b := database.Batch{Shared: len(drafts) > 1}
	b.Add(openOrderTables)
	lines := batchLines(&b, drafts)
	products := batchStock(&b, drafts, lines)
	orders := batchOrders(&b, drafts, products)
	done, err := b.Run(ctx, db)
	if err != nil {
		return err
	}
	for i, d := range drafts {
		d.ID = done[orders[i]].ID
		d.OrderID = d.ID
	}
	return nil
}

// batchLines empties the carts, if they hold what they held, of so many lines. It is the first to lock: a second order
// of one cart waits here.
func batchLines(b *database.Batch, drafts []*draft) (count int) {
	var users, lines []any
	for _, d := range drafts {
		users = append(users, d.UserID)
		count += len(d.lines)
		for _, l := range d.lines {
			lines = append(lines, l.ID, l.Quantity)
		}
	}
	b.Add(`
		DELETE c
		FROM `+cartLines+`
		WHERE c.user_id IN (`+rows("?", len(users))+`) AND (c.id, c.quantity) IN (`+rows("(?, ?)", count)+`)`, append(users, lines...)...)
	return count
}

// batchStock takes the stock of so many products that are still sold, under the name and at the price that were read, if as
// many lines were in the carts. They are locked in the order of their ids.
func batchStock(b *database.Batch, drafts []*draft, lines int) (count int) {
	wanted, read := map[int64]int64{}, map[int64]cartLine{}
	for _, d := range drafts {
		for _, l := range d.lines {
			wanted[l.ProductID] += l.Quantity
			read[l.ProductID] = l
		}
	}
	var taken, ids, still []any
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		taken = append(taken, id, wanted[id])
		ids = append(ids, id)
		still = append(still, id, read[id].Name, read[id].Price, wanted[id])
	}
	b.Add(`
		UPDATE `+productsByID+`
		SET p.stock = p.stock - CASE p.id `+strings.Repeat("WHEN ? THEN ? ", len(ids))+`END, p.changed_at = p.changed_at
		WHERE p.id IN (`+rows("?", len(ids))+`) AND p.archived_at IS NULL AND `+database.Matched(lines)+` = 0
			AND (`+strings.TrimSuffix(strings.Repeat("(p.id = ? AND p.name = ? COLLATE utf8mb4_bin AND p.price = ? AND p.stock >= ?) OR ", len(ids)), " OR ")+`)`,
		slices.Concat(taken, ids, still)...)
	return len(ids)
}

// batchOrders writes what insertOrder writes, if all stock was taken, and returns the numbers of the statements
// that make the orders.
func batchOrders(b *database.Batch, drafts []*draft, products int) (orders []int) {
	var items, taken, history []any
	var itemRows, takenRows, historyRows []string
	guard := " + " + database.Matched(products)
	for i, d := range drafts {
		o, id := d.Order, "@order_"+strconv.Itoa(i)
		orders = append(orders, b.Add(`
			INSERT INTO orders (user_id, total_price, status, payment_method, payment_status, shipping_address, created_at, updated_at)
			VALUES (?`+guard+`, ?, ?, ?, ?, ?, ?, ?)`,
			o.UserID, o.TotalPrice, o.Status, o.PaymentMethod, o.PaymentStatus, o.ShippingAddress, o.CreatedAt, o.UpdatedAt))
		b.Add("SET " + id + " = LAST_INSERT_ID()")
		guard = ""
		for _, it := range o.Products {
			itemRows = append(itemRows, "("+id+", ?, ?, ?, ?)")
			items = append(items, it.ProductID, it.Name, it.Price, it.Quantity)
			takenRows = append(takenRows, "("+id+", ?, ?, ?, ?)")
			taken = append(taken, it.ProductID, -it.Quantity, causeOrdered, o.CreatedAt)
		}
		historyRows = append(historyRows, "("+id+", ?, ?, ?)")
		history = append(history, o.Status, o.UserID, o.CreatedAt)
	}
	b.Add(`
		INSERT INTO order_items (order_id, product_id, name, price, quantity)
		VALUES `+strings.Join(itemRows, ", "), items...)
	b.Add(`
		INSERT INTO stock_ledger (order_id, product_id, quantity, cause, created_at)
		VALUES `+strings.Join(takenRows, ", "), taken...)
	b.Add(`
		INSERT INTO order_history (order_id, status, changed_by, created_at)
		VALUES `+strings.Join(historyRows, ", "), history...)
	return orders
}

// rows repeats the placeholders of a row.
func rows(row string, n int) string { return strings.TrimSuffix(strings.Repeat(row+", ", n), ", ") }
