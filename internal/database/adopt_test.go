package database_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// legacy returns the statements of the sample of an earlier backend's database.
func legacy(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/legacy-hexamart.sql")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for s := range strings.SplitSeq(string(b), ";\n") {
		lines := slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return strings.HasPrefix(l, "--") })
		if s = strings.TrimSpace(strings.Join(lines, "\n")); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// load fills a new database with statements, on one connection that checks no foreign keys.
func load(t *testing.T, cfg *mysql.Config, statements []string) {
	t.Helper()
	db := testkit.Open(t, cfg, nil)
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		run(t, db, s)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// adoptAll does what the program does at its start.
func adoptAll(ctx context.Context, db *sqlx.DB) (*database.Adoption, error) {
	a, err := database.Adopt(ctx, db, database.AdoptOptions{})
	if err == nil {
		_, err = database.Migrate(ctx, db)
	}
	return a, err
}

// content returns rows of a database as text, a line each.
func content(t *testing.T, db *sqlx.DB, query string) []string {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	names, _ := rows.Columns()
	var list []string
	for rows.Next() {
		fields, ptrs := make([]*string, len(names)), make([]any, len(names))
		for i := range fields {
			ptrs[i] = &fields[i]
		}
		if err := rows.Scan(ptrs...); err != nil {
			t.Fatal(err)
		}
		var line []string
		for _, f := range fields {
			if f == nil {
				line = append(line, "NULL")
			} else {
				line = append(line, *f)
			}
		}
		list = append(list, strings.Join(line, "|"))
	}
	return list
}

// adopted is what the sample comes to, each value of it but the password hashes.
var adopted = map[string][]string{
	"SELECT id, name, email, is_admin, address, token_version FROM users ORDER BY id": {
		"1|Asha Rao|asha@example.com|0|12 MG Road, Bengaluru|0", "2|Ben Ortiz|Ben.Ortiz@example.com|0|NULL|0",
		"3|Chen Wei|chen@example.com|0|NULL|0", "4|Store Admin|admin@example.com|1|NULL|0", "5|No Orders|none@example.com|0|NULL|0"},
	"SELECT id, name, price, category, stock, image_url, archived_at FROM products ORDER BY id": {
		"1|Desk Lamp|19.99|Home|40|https://img.example/lamp.jpg|NULL", "2|Noise-cancelling Headphones|249.50|Electronics|7|NULL|NULL",
		"3|Café Crème Mug ☕|7.10|Kitchen|120||NULL", "4|4K Television 75 inch|123456.78|Electronics|2|NULL|NULL",
		"5|Sticker|0.10|Toys|0|NULL|NULL", "7|Gift (free)|0.00|Toys|10|NULL|NULL"},
	"SELECT id, user_id, product_id, quantity FROM carts ORDER BY id": {"6|2|1|1", "9|3|1|3", "10|3|7|1"},
	"SELECT id, user_id, total_price, status, payment_method, payment_status, shipping_address, created_at, updated_at, adopted FROM orders ORDER BY id": {
		"1|1|74.17|Shipped|UPI|Pending|12 MG Road|2026-11-22T12:06:45Z|NULL|1", "2|1|282.83|Delivered|Credit Card|Pending||2026-11-22T12:06:45Z|NULL|1",
		"3|2|123456.78|Shipped|Net Banking|Pending|5 Calle Mayor|2026-11-22T12:06:45Z|NULL|1", "4|3|28.40|Pending|Cash on Delivery|Pending|上海|2026-11-22T12:06:46Z|NULL|1",
		"5|1|59.97|Pending|UPI|Pending|NULL|NULL|NULL|1", "6|5|0.00|Pending|Cash on Delivery|Pending|nowhere|2024-12-31T23:59:59Z|NULL|1"},
	"SELECT id, order_id, product_id, name, quantity, price, adopted FROM order_items ORDER BY id": {
		"1|1|1|Desk Lamp|3|19.99|1", "2|1|3|Café Crème Mug ☕|2|7.10|1", "3|2|2|Noise-cancelling Headphones|1|249.50|1",
		"5|3|4|4K Television 75 inch|1|123456.78|1", "6|4|3|Café Crème Mug ☕|4|7.10|1"},
	"SELECT order_id, status, note, changed_by, created_at FROM order_history ORDER BY order_id": {
		"1|Shipped|NULL|NULL|2026-11-22T12:06:45Z", "2|Delivered|delivered|NULL|2026-11-22T12:06:45Z", "3|Shipped|In Transit|NULL|2026-11-22T12:06:45Z",
		"4|Pending|NULL|NULL|2026-11-22T12:06:46Z", "5|Pending|NULL|NULL|NULL", "6|Pending|NULL|NULL|2024-12-31T23:59:59Z"},
}

// changes are what is said of the sample.
var changes = []string{"carts 7 quantity 0 -> NULL", "carts 9 quantity 2 -> 3", "carts 11 quantity 1 -> NULL", "carts 12 quantity -2 -> NULL",
	"orders 2 total_price 282.833 -> 282.83", "orders 2 status delivered -> Delivered", "orders 3 status In Transit -> Shipped",
	"orders 5 status NULL -> Pending", "products 5 stock -3 -> 0", "users 5 is_admin NULL -> 0"}

func said(a *database.Adoption) []string {
	text := func(s *string) string {
		if s == nil {
			return "NULL"
		}
		return *s
	}
	var list []string
	for _, c := range a.Changes {
		list = append(list, fmt.Sprintf("%s %d %s %s -> %s", c.Table, c.Row, c.Column, text(c.Old), text(c.New)))
	}
	return list
}

// wantAdopted compares each value, and the shape with that of a new database.
func wantAdopted(t *testing.T, db, fresh *sqlx.DB) {
	t.Helper()
	for query, want := range adopted {
		if got := content(t, db, query); !slices.Equal(got, want) {
			t.Errorf("%s\n got %s\nwant %s", query, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
	if missing, err := database.MissingParts(t.Context(), db); missing != nil || err != nil {
		t.Errorf("it lacks %q, %v", missing, err)
	}
	const shape = `
		SELECT table_name, column_name, column_type, is_nullable, COALESCE(collation_name, '-'), COALESCE(column_default, '-'), extra
		FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name NOT IN ('adoption_log', 'goose_db_version')
		ORDER BY table_name, column_name`
	const constraints = `
		SELECT table_name, constraint_name, constraint_type
		FROM information_schema.table_constraints
		WHERE table_schema = DATABASE() AND table_name NOT IN ('adoption_log', 'goose_db_version')
		ORDER BY table_name, constraint_name`
	for _, query := range []string{shape, constraints} {
		if got, want := content(t, db, query), content(t, fresh, query); !slices.Equal(got, want) {
			t.Errorf("shape is\n%s\nof a new database\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	load(t, cfg, legacy(t))
	db := testkit.Open(t, cfg, nil)
	before := content(t, db, "SELECT id, password_hash FROM users ORDER BY id")
	check, err := database.Adopt(t.Context(), db, database.AdoptOptions{Check: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, db, "SELECT status FROM orders ORDER BY id"); got[1] != "delivered" {
		t.Errorf("the check has changed orders: %v", got)
	}
	a, err := adoptAll(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	fresh := testkit.DB(t)
	wantAdopted(t, db, fresh)
	if got := content(t, db, "SELECT id, password_hash FROM users ORDER BY id"); !slices.Equal(got, before) {
		t.Errorf("password hashes are %v", got)
	}
	for name, result := range map[string]*database.Adoption{"done": a, "checked": check} {
		got := said(result)
		slices.Sort(got)
		want := slices.Clone(changes)
		slices.Sort(want)
		if !slices.Equal(got, want) || result.Moved != 6 || result.Rows["orders"] != 6 || len(result.Warnings) > 0 {
			t.Errorf("%s: %d of %v, %s, %q", name, result.Moved, result.Rows, strings.Join(got, "\n"), result.Warnings)
		}
	}
	if again, err := adoptAll(t.Context(), db); again != nil || err != nil {
		t.Errorf("again: %v, %v", again, err)
	}
	wantAdopted(t, db, fresh)
}

// longTests is the variable that asks for every case where a sample of them is tried otherwise.
const longTests = "HEXAMART_TEST_LONG"

// TestAdoptInterrupted ends the adoption after a statement, each of all of them where every case is asked
// for, and wants the same result of the next one.
func TestAdoptInterrupted(t *testing.T) {
	t.Parallel()
	statements, fresh := legacy(t), testkit.DB(t)
	all := adoptUntil(t, statements, fresh, 1_000_000)
	step := 5
	if os.Getenv(longTests) != "" {
		step = 1
	}
	for n := 1 + rand.IntN(step); n <= all; n += step {
		t.Run(fmt.Sprintf("After%d", n), func(t *testing.T) {
			t.Parallel()
			adoptUntil(t, statements, fresh, int64(n))
		})
	}
}

// adoptUntil adopts the sample until the end of the nth statement, and then again without an end. It
// returns how many statements the first attempt made.
func adoptUntil(t *testing.T, statements []string, fresh *sqlx.DB, n int64) int {
	db, made := interrupted(t, statements, n)
	if _, err := adoptAll(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	wantAdopted(t, db, fresh)
	return made
}

// interrupted returns a database whose adoption ended with its nth statement, and how many were made.
func interrupted(t *testing.T, statements []string, n int64) (*sqlx.DB, int) {
	t.Helper()
	cfg := testkit.EmptyDatabase(t)
	load(t, cfg, statements)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var count atomic.Int64
	first := testkit.Open(t, cfg, func(context.Context, database.Statement) {
		if count.Add(1) == n {
			cancel()
		}
	})
	if _, err := adoptAll(ctx, first); err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	return testkit.Open(t, cfg, nil), int(count.Load())
}

// TestAdoptWrittenMeanwhile lets the earlier backend go on selling between an interrupted adoption and
// the next one.
func TestAdoptWrittenMeanwhile(t *testing.T) {
	t.Parallel()
	statements := legacy(t)
	_, all := interrupted(t, statements, 1_000_000)
	for n := int64(all / 3); n <= int64(all); n += int64(all / 15) {
		t.Run(fmt.Sprintf("After%d", n), func(t *testing.T) {
			t.Parallel()
			db, _ := interrupted(t, statements, n)
			// Once the tables have their new shape these fail, as they would for the earlier backend.
			_, _ = db.Exec("INSERT INTO carts (user_id, product_id, quantity) VALUES (2, 1, 4)")
			_, _ = db.Exec("INSERT INTO orders (user_id, total_price, status, payment_status) VALUES (1, 5, 'In Transit', 'UPI')")
			begun := len(content(t, db, "SHOW TABLES LIKE 'adoption_log'")) > 0
			finished := begun && len(content(t, db, "SELECT id FROM adoption_log WHERE column_name = 'finished'")) > 0
			if !finished {
				_, _ = db.Exec("UPDATE orders SET status = 'Shipped' WHERE id = 4")
				_, _ = db.Exec("UPDATE orders SET status = 'delivered' WHERE id = 3")
			}
			if _, err := adoptAll(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			if odd := content(t, db, `
				SELECT o.id, o.status, o.payment_status, o.payment_method, h.status
				FROM orders o
				LEFT JOIN order_history h ON h.order_id = o.id
				WHERE h.status IS NULL OR h.status <> o.status OR o.payment_method IS NULL OR o.payment_status <> 'Pending'`); len(odd) > 0 {
				t.Errorf("odd orders: %q", odd)
			}
			want := []string{"3|Delivered", "4|Shipped"}
			if got := content(t, db, "SELECT id, status FROM orders WHERE id IN (3, 4) ORDER BY id"); !finished && !slices.Equal(got, want) {
				t.Errorf("the earlier backend made them %q, they are %q", want, got)
			}
		})
	}
}
