// Package fill makes shops of any size within seconds, to measure and to judge plans on.
package fill

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
)

// ReadersOrders is how many orders each of a shop's readers has.
const ReadersOrders = 5

const (
	shoppers  = 8_000
	stockEach = 100_000_000
)

// Size is that of a shop. The first users, its readers, have a cart and orders, the others, its shoppers, none.
// The first user of all is an admin.
type Size struct{ Products, Orders int }

// Readers is how many users have a cart and orders.
func (s Size) Readers() int { return max(s.Orders/ReadersOrders, 1) }

// Users is how many there are.
func (s Size) Users() int { return s.Readers() + shoppers }

// String is for people who know that it is of products and orders.
func (s Size) String() string { return fmt.Sprintf("%d/%d", s.Products, s.Orders) }

// Words1 and Words2 are the words of which products' names are made.
var (
	Words1 = []string{"Amber", "Brass", "Carved", "Dotted", "Elegant", "Folding", "Golden", "Handmade", "Indigo", "Jumbo",
		"Knitted", "Lacquered", "Mellow", "Narrow", "Oval", "Painted", "Quilted", "Rustic", "Silver", "Tall"}
	Words2 = []string{"Armchair", "Basket", "Candle", "Drawer", "Easel", "Frame", "Glass", "Hammock", "Inkwell", "Jug",
		"Kettle", "Lamp", "Mirror", "Notebook", "Ottoman", "Pillow", "Rug", "Stool", "Table", "Vase"}
)

// Serial is the number in the name of product n, in no order and never the same twice: below a million and
// some, a multiple of a prime modulo another does not repeat.
func Serial(n int) int { return n * 7919 % 1_000_003 }

// Categories is how many there are.
const Categories = 100

// Category is the name of one of them, from 0 on.
func Category(i int) string { return fmt.Sprintf("Category %02d", i) }

// The statements that fill a shop, each for the rows from n = ? to n = ?, chunk by chunk.
var (
	fillProducts = `
		INSERT INTO products (id, name, price, category, stock, image_url, created_at)
		` + numbers + `
		SELECT n, CONCAT(ELT(1 + n * 7 % 20, ` + quoted(Words1) + `), ' ', ELT(1 + n * 13 DIV 20 % 20, ` + quoted(Words2) + `),
				' No. ', LPAD(n * 7919 % 1000003, 7, '0')),
			100 + n * 104729 % 900000 / 100, CONCAT('Category ', LPAD(n * 31 % 100, 2, '0')), ` + fmt.Sprint(stockEach) + `,
			CONCAT('https://img.example.com/', n, '.jpg'), UTC_TIMESTAMP()
		FROM numbers`
	fillUsers = `
		INSERT INTO users (id, name, email, password_hash, is_admin, address, created_at)
		` + numbers + `
		SELECT n, CONCAT('User ', n), CONCAT('user', n, '@example.com'), ?, n = 1, '12 MG Road, Bengaluru', UTC_TIMESTAMP()
		FROM numbers`
	// Readers have three lines each.
	fillCarts = `
		INSERT INTO carts (user_id, product_id, quantity)
		` + numbers + `
		SELECT 1 + (n - 1) DIV 3, 1 + ((n - 1) DIV 3 * 17 + n % 3 * 331) % ?, 1 + n % 3
		FROM numbers`
	// An order has one or two items of one piece each, for a price of that time.
	fillOrders = `
		INSERT INTO orders (id, user_id, total_price, status, payment_method, payment_status, shipping_address, created_at, updated_at)
		` + numbers + `
		SELECT n, 1 + n % ?, 19.99 * (1 + n % 2), ELT(1 + n % 10, ` + statuses + `), 'UPI', 'Pending', '12 MG Road, Bengaluru',
			UTC_TIMESTAMP() - INTERVAL FLOOR((? - n) * 365.0 * 86400 / ?) SECOND, UTC_TIMESTAMP()
		FROM numbers`
	fillItems = `
		INSERT INTO order_items (order_id, product_id, name, price, quantity)
		` + numbers + `
		SELECT o.id, 1 + (o.id * 37 + k.k * 331) % ?, CONCAT('Product of order ', o.id), 19.99, 1
		FROM numbers
		JOIN orders o ON o.id = numbers.n
		JOIN (SELECT 0 AS k UNION ALL SELECT 1) k ON k.k <= o.id % 2`
	fillHistory = `
		INSERT INTO order_history (order_id, status, changed_by, created_at)
		` + numbers + `
		SELECT o.id, s.status, o.user_id, o.created_at
		FROM numbers
		JOIN orders o ON o.id = numbers.n
		JOIN (SELECT 'Pending' AS status, 1 AS step UNION ALL SELECT 'Shipped', 2 UNION ALL SELECT 'Cancelled', 2
			UNION ALL SELECT 'Delivered', 3) s
			ON s.status = 'Pending' OR s.status = o.status OR (s.status = 'Shipped' AND o.status = 'Delivered')
		ORDER BY o.id, s.step`
	fillTaken = `
		INSERT INTO stock_ledger (product_id, quantity, cause, order_id, created_at)
		` + numbers + `
		SELECT i.product_id, -i.quantity, 'ordered', i.order_id, UTC_TIMESTAMP()
		FROM numbers
		JOIN order_items i ON i.order_id = numbers.n`
	fillReturned = `
		INSERT INTO stock_ledger (product_id, quantity, cause, order_id, created_at)
		` + numbers + `
		SELECT i.product_id, i.quantity, 'cancelled', i.order_id, UTC_TIMESTAMP()
		FROM numbers
		JOIN orders o ON o.id = numbers.n AND o.status = 'Cancelled'
		JOIN order_items i ON i.order_id = o.id`
)

const (
	numbers = `WITH RECURSIVE numbers AS (
			SELECT ? AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < ?
		)`
	statuses = `'Pending', 'Pending', 'Pending', 'Pending', 'Pending', 'Shipped', 'Shipped', 'Delivered', 'Delivered', 'Cancelled'`
	// What a product's ledger opened with is its stock and what was taken since.
	openLedger = `
		INSERT INTO stock_ledger (product_id, quantity, cause, created_at)
		SELECT p.id, p.stock - COALESCE(l.quantity, 0), 'opening', UTC_TIMESTAMP()
		FROM products p
		LEFT JOIN (
			SELECT product_id, SUM(quantity) AS quantity
			FROM stock_ledger
			GROUP BY product_id
		) l ON l.product_id = p.id`
)

func quoted(words []string) string { return "'" + strings.Join(words, "', '") + "'" }

// Shop puts a shop of a size into a migrated, empty database. hash is that of everybody's password.
func Shop(ctx context.Context, db *sqlx.DB, s Size, hash string) error {
	conn, err := db.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := hurry(ctx, conn); err != nil {
		return err
	}
	steps := []struct {
		statement string
		rows      int
		args      []any
	}{
		{fillProducts, s.Products, nil},
		{fillUsers, s.Users(), []any{hash}},
		{fillCarts, 3 * s.Readers(), []any{s.Products}},
		{fillOrders, s.Orders, []any{s.Readers(), s.Orders, s.Orders}},
		{fillItems, s.Orders, []any{s.Products}},
		{fillHistory, s.Orders, nil},
		{fillTaken, s.Orders, nil},
		{fillReturned, s.Orders, nil},
	}
	const chunk = 50_000
	for _, step := range steps {
		for from := 1; from <= step.rows; from += chunk {
			args := append([]any{from, min(from+chunk-1, step.rows)}, step.args...)
			if _, err := conn.ExecContext(ctx, step.statement, args...); err != nil {
				return fmt.Errorf("fill the database: %w", err)
			}
		}
	}
	if _, err := conn.ExecContext(ctx, openLedger); err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	rows, err := conn.QueryContext(ctx, "ANALYZE TABLE products, users, carts, orders, order_items, order_history, stock_ledger")
	if err != nil {
		return err
	}
	return rows.Close()
}

// hurry lets a connection make many rows at once; the servers name the limit of a recursion differently.
func hurry(ctx context.Context, conn *sqlx.Conn) error {
	if _, err := conn.ExecContext(ctx, "SET SESSION foreign_key_checks = 0, unique_checks = 0"); err != nil {
		return err
	}
	var err error
	for _, limit := range []string{"cte_max_recursion_depth", "max_recursive_iterations"} {
		if _, err = conn.ExecContext(ctx, "SET SESSION "+limit+" = 10000000"); err == nil {
			break
		}
	}
	return err
}
