package service

import (
	"context"
	"strings"

	"hexamart/internal/database"
	"hexamart/internal/model"
)

// placeAtOnce is the short way to place an order: the cart is read and judged without a lock, and what
// follows of it is sent as one batch that happens only if the cart and its products are still what was
// read. ErrUnexpected if they are not; then the long way, with locks, finds out what is the matter.
func (s *Orders) placeAtOnce(ctx context.Context, userID int64, in model.OrderInput) (model.PlacedOrder, error) {
	var lines []cartLine
	if err := s.db.SelectContext(ctx, &lines, selectCart, userID); err != nil {
		return model.PlacedOrder{}, err
	}
	o, err := makeOrder(userID, in, lines)
	if err != nil {
		return model.PlacedOrder{}, err
	}
	var b database.Batch
	batchLines(&b, userID, lines)
	batchStock(&b, lines)
	order := batchOrder(&b, o)
	ids, err := b.Run(ctx, s.db)
	if err != nil {
		return model.PlacedOrder{}, err
	}
	o.ID, o.OrderID = ids[order], ids[order]
	return answer(o)
}

// batchLines empties the cart, if it holds what it held. It is first: a second order of one cart waits here.
func batchLines(b *database.Batch, userID int64, lines []cartLine) {
	args := []any{userID}
	for _, l := range lines {
		args = append(args, l.ID, l.Quantity)
	}
	b.Add(`
		DELETE c
		FROM `+cartLines+`
		WHERE c.user_id = ? AND (c.id, c.quantity) IN (`+rows("(?, ?)", len(lines))+`)`, args...)
}

// batchStock takes the stock of products that are still sold, at the price that was read, if the cart was what
// it was. They are locked in the order of their ids, in which the lines are.
func batchStock(b *database.Batch, lines []cartLine) {
	var taken, ids, still []any
	for _, l := range lines {
		taken = append(taken, l.ProductID, l.Quantity)
		ids = append(ids, l.ProductID)
		still = append(still, l.ProductID, l.Price, l.Quantity)
	}
	b.Add(`
		UPDATE `+productsByID+`
		SET p.stock = p.stock - CASE p.id `+strings.Repeat("WHEN ? THEN ? ", len(lines))+`END
		WHERE p.id IN (`+rows("?", len(lines))+`) AND p.archived_at IS NULL AND `+database.Matched(len(lines))+` = 0
			AND (`+strings.TrimSuffix(strings.Repeat("(p.id = ? AND p.price = ? AND p.stock >= ?) OR ", len(lines)), " OR ")+`)`,
		append(append(taken, ids...), still...)...)
}

// batchOrder writes what insertOrder writes, if all stock was taken, and returns the number of the statement
// that makes the order.
func batchOrder(b *database.Batch, o model.Order) (order int) {
	order = b.Add(`
		INSERT INTO orders (user_id, total_price, status, payment_method, payment_status, shipping_address, created_at, updated_at)
		VALUES (? + `+database.Matched(len(o.Products))+`, ?, ?, ?, ?, ?, ?, ?)`,
		o.UserID, o.TotalPrice, o.Status, o.PaymentMethod, o.PaymentStatus, o.ShippingAddress, o.CreatedAt, o.UpdatedAt)
	b.Add("SET @order_id = LAST_INSERT_ID()")
	var items, taken []any
	for _, it := range o.Products {
		items = append(items, it.ProductID, it.Name, it.Price, it.Quantity)
		taken = append(taken, it.ProductID, -it.Quantity, causeOrdered, o.CreatedAt)
	}
	b.Add(`
		INSERT INTO order_items (order_id, product_id, name, price, quantity)
		VALUES `+rows("(@order_id, ?, ?, ?, ?)", len(o.Products)), items...)
	b.Add(`
		INSERT INTO stock_ledger (order_id, product_id, quantity, cause, created_at)
		VALUES `+rows("(@order_id, ?, ?, ?, ?)", len(o.Products)), taken...)
	b.Add(`
		INSERT INTO order_history (order_id, status, changed_by, created_at)
		VALUES (@order_id, ?, ?, ?)`, o.Status, o.UserID, o.CreatedAt)
	return order
}

// rows repeats the placeholders of a row.
func rows(row string, n int) string { return strings.TrimSuffix(strings.Repeat(row+", ", n), ", ") }
