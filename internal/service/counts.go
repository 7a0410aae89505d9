package service

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/model"
)

// counts keeps how many users and products there are but for the last ones, which each dashboard counts itself:
// whoever is new shows at once. What is removed by hand shows with the next count.
type counts struct {
	db       *sqlx.DB
	products *Products
	kept     atomic.Pointer[counted]
	turn     chan struct{}
	asked    atomic.Int64
}

func newCounts(db *sqlx.DB, products *Products) *counts {
	return &counts{db: db, products: products, turn: make(chan struct{}, 1)}
}

// counted is what was counted at a moment, and where the last ones begin, which are not in it.
type counted struct {
	Users        int64 `db:"users"`
	UsersFrom    int64 `db:"users_from"`
	Products     int64 `db:"products"`
	ProductsFrom int64 `db:"products_from"`

	at        time.Time
	departure uint64
}

// How old a count may be, how often it is made anew while dashboards are asked for, and until how long after that; and
// how many rows are the last ones: more than are ever being written at once.
const (
	countAge   = 1200 * time.Millisecond
	countEvery = 400 * time.Millisecond
	countIdle  = time.Minute
	lastRows   = 100
)

// get returns a count that is not older than countAge, and has every departure through this instance.
func (h *counts) get(ctx context.Context) (*counted, error) {
	h.asked.Store(time.Now().UnixNano())
	if c := h.current(); c != nil {
		return c, nil
	}
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c := h.current(); c != nil { // counted by somebody else meanwhile
		return c, nil
	}
	return h.count(ctx)
}

func (h *counts) current() *counted {
	c := h.kept.Load()
	if c == nil || time.Since(c.at) > countAge || c.departure != h.products.departures.Load() {
		return nil
	}
	return c
}

// renew counts again, unless nobody asks any more or it was done just now.
func (h *counts) renew(ctx context.Context) error {
	if time.Since(time.Unix(0, h.asked.Load())) > countIdle {
		return nil
	}
	if c := h.current(); c != nil && time.Since(c.at) < countEvery {
		return nil
	}
	_, err := h.count(ctx)
	return err
}

func (h *counts) count(ctx context.Context) (*counted, error) {
	c := &counted{at: time.Now(), departure: h.products.departures.Load()}
	err := h.db.GetContext(ctx, c, `
		SELECT
			(SELECT COUNT(*) FROM users) - u.last AS users, u.least AS users_from,
			(SELECT COUNT(*) FROM products WHERE archived_at IS NULL) - p.last AS products, p.least AS products_from
		FROM (
			SELECT COUNT(*) AS last, COALESCE(MIN(id), 0) AS least
			FROM (SELECT id FROM users ORDER BY id DESC LIMIT ?) l
		) u, (
			SELECT COALESCE(SUM(archived_at IS NULL), 0) AS last, COALESCE(MIN(id), 0) AS least
			FROM (SELECT id, archived_at FROM products ORDER BY id DESC LIMIT ?) l
		) p`, lastRows, lastRows)
	if err != nil {
		return nil, err
	}
	h.kept.Store(c)
	return c, nil
}

// read completes the count with the last users and products, as a transaction sees them.
func (c *counted) read(ctx context.Context, tx *sqlx.Tx, t *model.Totals) error {
	var last counted
	if err := tx.GetContext(ctx, &last, `
		SELECT
			(SELECT COUNT(*) FROM users WHERE id >= ?) AS users,
			(SELECT COUNT(*) FROM products FORCE INDEX (PRIMARY) WHERE id >= ? AND archived_at IS NULL) AS products`,
		c.UsersFrom, c.ProductsFrom); err != nil {
		return err
	}
	t.Users, t.Products = c.Users+last.Users, c.Products+last.Products
	return nil
}
