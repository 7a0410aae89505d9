package service

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/model"
)

// position tells which rows of order_history a summary has: all up to an id, and some beyond it. An id in between
// that is missing may still come: its transaction may be under way. Once it is certain that it is not, there is no
// more need to look.
type position struct {
	upTo   int64
	beyond map[int64]bool
	marks  []mark // oldest first; the newest is of the moment of the summary
}

// mark is the largest id at a moment: what is smaller was given to transactions that had begun by then.
type mark struct {
	at time.Time
	id int64
}

// What is behind so many rows is taken for settled, whatever its age, and more than twice as many are not read
// one by one.
const maxUnsettled = 10_000

var errBehind = errors.New("too much has happened since the figures were read")

func (p position) has(id int64) bool { return id <= p.upTo || p.beyond[id] }

// at is when the position was taken.
func (p position) at() time.Time {
	if len(p.marks) == 0 {
		return time.Time{}
	}
	return p.marks[len(p.marks)-1].at
}

// plus is the position with all rows that were visible at a moment; ids are those beyond upTo, ascending.
func (p position) plus(ids []int64, at time.Time, settleTime time.Duration) position {
	next := position{upTo: p.upTo, beyond: map[int64]bool{}, marks: slices.Clone(p.marks)}
	if n := len(ids); n > 0 {
		next.marks = append(next.marks, mark{at, ids[n-1]})
		if n > maxUnsettled {
			next.upTo = max(next.upTo, ids[n-maxUnsettled-1])
		}
	}
	for len(next.marks) > 0 && at.Sub(next.marks[0].at) > settleTime {
		next.upTo = max(next.upTo, next.marks[0].id)
		next.marks = next.marks[1:]
	}
	for _, id := range ids {
		if id == next.upTo+1 {
			next.upTo = id
		} else if id > next.upTo {
			next.beyond[id] = true
		}
	}
	return next
}

// readPosition returns the present position; of the one before only its marks are used.
func readPosition(ctx context.Context, tx *sqlx.Tx, before position, settleTime time.Duration) (position, error) {
	var ids []int64
	err := tx.SelectContext(ctx, &ids, `
		SELECT id
		FROM order_history
		ORDER BY id DESC
		LIMIT ?`, maxUnsettled+1)
	if err != nil || len(ids) == 0 {
		return position{}, err
	}
	slices.Reverse(ids)
	marks := slices.DeleteFunc(slices.Clone(before.marks), func(m mark) bool { return m.id > ids[len(ids)-1] })
	return position{marks: marks}.plus(ids, time.Now(), settleTime), nil
}

// readNews reads what a summary at a position lacks. An order's rows become visible in their order, for each
// is written while the order is locked: those that are missing are its last ones, and the status before the first of them
// is the summary's. errBehind if there are too many. Of rows that the summary has, as behind a gap there are up to maxUnsettled
// even where nothing is new, no more is read than that they are there.
func readNews(ctx context.Context, tx *sqlx.Tx, p position) (news, error) {
	var rows []struct {
		ID      int64 `db:"id"`
		OrderID int64 `db:"order_id"`
	}
	var n news
	if err := tx.SelectContext(ctx, &rows, `
		SELECT id, order_id
		FROM order_history FORCE INDEX (PRIMARY)
		WHERE id > ?
		ORDER BY id
		LIMIT ?`, p.upTo, 2*maxUnsettled); err != nil {
		return n, err
	}
	if len(rows) == 2*maxUnsettled {
		return n, errBehind
	}
	n.read = time.Now()
	known := map[int64]bool{} // orders of which a row is missing
	var missing []any         // the first ones
	for _, r := range rows {
		n.ids = append(n.ids, r.ID)
		if !p.has(r.ID) && !known[r.OrderID] {
			known[r.OrderID] = true
			missing = append(missing, r.ID)
		}
	}
	items := 0
	for some := range slices.Chunk(missing, idsAtOnce) {
		changes, err := readChanges(ctx, tx, some)
		if err != nil {
			return n, err
		}
		for _, c := range changes {
			items += len(c.items)
		}
		if n.changes = append(n.changes, changes...); items > 2*maxUnsettled {
			return n, errBehind
		}
	}
	return n, nil
}

// readChanges reads what became of orders since before these rows of history.
func readChanges(ctx context.Context, tx *sqlx.Tx, ids []any) (changes []change, err error) {
	var read []struct {
		ID      int64         `db:"id"`
		Was     *model.Status `db:"was"`
		Is      model.Status  `db:"status"`
		Total   model.Money   `db:"total_price"`
		Day     *string       `db:"day"`
		Product *int32        `db:"product_id"`
		Pieces  *int64        `db:"quantity"`
		Cost    *model.Money  `db:"cost"`
	}
	if err := tx.SelectContext(ctx, &read, `
		SELECT h.id,
			(SELECT b.status FROM order_history b WHERE b.order_id = h.order_id AND b.id < h.id ORDER BY b.id DESC LIMIT 1) AS was,
			o.status, o.total_price, DATE_FORMAT(o.created_at, '%Y-%m-%d') AS day,
			i.product_id, i.quantity, i.price * i.quantity AS cost
		FROM order_history h FORCE INDEX (PRIMARY)
		STRAIGHT_JOIN orders o ON o.id = h.order_id
		LEFT JOIN order_items i ON i.order_id = o.id
		WHERE h.id IN (`+rows("?", len(ids))+`)
		ORDER BY h.id`, ids...); err != nil {
		return nil, err
	}
	var last int64
	for _, r := range read {
		if r.ID != last {
			last = r.ID
			c := change{is: r.Is, total: r.Total, day: r.Day}
			if r.Was != nil {
				c.was = *r.Was
			}
			changes = append(changes, c)
		}
		if r.Product != nil {
			c := &changes[len(changes)-1]
			c.items = append(c.items, sales{*r.Product, 1, *r.Pieces, *r.Cost})
		}
	}
	return changes, nil
}
