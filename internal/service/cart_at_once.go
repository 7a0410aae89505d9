package service

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"hexamart/internal/database"
	"hexamart/internal/model"
)

// newLine is what is to be put into a cart.
type newLine struct {
	userID, productID, quantity int64
}

// addition is a newLine with what is known of its product and its cart before it is written.
type addition struct {
	N int `db:"n"` // of its call
	model.CartItem
	Lines int64 `db:"cart_lines"`

	call *call[newLine, model.CartItem]
	most int64 // pieces that the line may have
}

// fewLines is how many a cart may have for a new one to be added without a look at how many others are added at the same
// time. A group adds one more than that to a cart at most, so it takes nine at once to fill it beyond its room.
const fewLines = model.MaxCartLines / 10

// addAtOnce adds what may be added with one write each, in one transaction for all who come at one time, and gives
// ErrUnexpected where it may not: the long way then says why. What it judges by is read before; only the line
// itself can have changed since, and that is judged again where it is written, which also tells what is in it now.
func (s *Cart) addAtOnce(ctx context.Context, calls []*call[newLine, model.CartItem]) {
	additions, err := s.judge(ctx, calls)
	if err != nil {
		for _, c := range calls {
			c.err = err
		}
		return
	}
	if len(additions) == 0 {
		return
	}
	done, err := s.write(ctx, additions)
	err = apart(err, len(additions))
	for i, a := range additions {
		if a.call.err = err; err == nil {
			a.call.answer = a.added(done[i])
		}
	}
}

// judge reads what all calls are about and returns those that may be done. The others have their error.
func (s *Cart) judge(ctx context.Context, calls []*call[newLine, model.CartItem]) ([]*addition, error) {
	args := make([]any, 0, 3*len(calls))
	for i, c := range calls {
		c.err = errNoProduct
		args = append(args, i, c.ask.userID, c.ask.productID)
	}
	var read []*addition
	if err := s.db.SelectContext(ctx, &read, `
		SELECT asked.n, asked.user_id, p.id AS product_id, p.name, p.price, p.image_url, p.stock, COALESCE(c.id, 0) AS id,
			COALESCE(c.quantity, 0) AS quantity,
			(SELECT COUNT(*) FROM carts l WHERE l.user_id = asked.user_id) AS cart_lines
		FROM (`+asked("SELECT ? AS n, ? AS user_id, ? AS product_id", len(calls))+`) asked
		STRAIGHT_JOIN `+productsByID+` ON p.id = asked.product_id
		LEFT JOIN `+cartLines+` ON c.user_id = asked.user_id AND c.product_id = asked.product_id
		WHERE p.archived_at IS NULL`, args...); err != nil {
		return nil, err
	}
	may, pieces, lines := read[:0], map[[2]int64]int64{}, map[int64]int64{} // of the group, by line and by cart
	for _, a := range read {
		a.call, a.most = calls[a.N], min(model.MaxQuantity, a.Stock)
		if a.call.err = a.call.ctx.Err(); a.call.err != nil { // the client has gone in time
			continue
		}
		line := [2]int64{a.UserID, a.ProductID}
		quantity := pieces[line] + a.call.ask.quantity
		isNew := a.ID == 0 && pieces[line] == 0
		a.call.err = database.ErrUnexpected
		if a.Quantity+quantity > a.most || isNew && a.Lines+lines[a.UserID] > fewLines {
			continue
		}
		if pieces[line] = quantity; isNew {
			lines[a.UserID]++
		}
		may = append(may, a)
	}
	return may, nil
}

// asked makes a table of what several calls ask for.
func asked(row string, n int) string {
	return strings.TrimSuffix(strings.Repeat(row+" UNION ALL ", n), " UNION ALL ")
}

// write puts all of it into the carts, or nothing. Lines refer to products, which are locked for it: in the order
// of their ids, as everywhere.
func (s *Cart) write(ctx context.Context, additions []*addition) ([]database.Done, error) {
	slices.SortFunc(additions, func(a, b *addition) int {
		return cmp.Or(cmp.Compare(a.ProductID, b.ProductID), cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.N, b.N))
	})
	b := database.Batch{Shared: len(additions) > 1}
	for _, a := range additions {
		quantity := a.call.ask.quantity
		b.Add(`
			INSERT INTO carts (user_id, product_id, quantity)
			VALUES (?, ?, ?)
			ON DUPLICATE KEY UPDATE quantity = LAST_INSERT_ID(id * ? + quantity + ?) % ? + `+database.Unless("quantity + ? > ?"),
			a.UserID, a.ProductID, quantity, lineAndPieces, quantity, lineAndPieces, quantity, a.most)
	}
	users := make([]any, 0, len(additions)+1)
	for _, a := range additions {
		if a.ID == 0 {
			users = append(users, a.UserID)
		}
	}
	if len(users) > 0 { // whose carts others may have filled since they were read
		b.Add(`
			SET @lines = `+database.Unless(`(
				SELECT COUNT(*)
				FROM carts
				WHERE user_id IN (`+rows("?", len(users))+`)
				GROUP BY user_id
				ORDER BY COUNT(*) DESC
				LIMIT 1) > ?`), append(users, model.MaxCartLines/2)...)
	}
	return b.Run(ctx, s.db)
}

// lineAndPieces is by how much the id of a line is multiplied to tell both, that and how many pieces it has now.
const lineAndPieces = 2 * model.MaxQuantity

// added is the line as it was written, by somebody else first or not, and whatever has become of it since.
func (a *addition) added(done database.Done) model.CartItem {
	item := a.CartItem
	if done.Rows == 1 { // a new line
		item.ID, item.Quantity = done.ID, a.call.ask.quantity
	} else { // LAST_INSERT_ID's
		item.ID, item.Quantity = done.ID/lineAndPieces, done.ID%lineAndPieces
	}
	item.TotalPrice, item.Available = item.Price*model.Money(item.Quantity), true // as SQL says it of whole carts, without a bound
	return item
}
