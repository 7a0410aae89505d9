package database_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

func strs(t *testing.T, db *sqlx.DB, query string) (list []string) {
	t.Helper()
	if err := db.SelectContext(t.Context(), &list, query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	slices.Sort(list)
	return list
}

// filled returns a database with one row in every table, each with the id 1.
func filled(t *testing.T) *sqlx.DB {
	t.Helper()
	db := testkit.DB(t)
	for _, statement := range []string{
		"INSERT INTO users (id, name, email, password_hash) VALUES (1, 'Asha', 'asha@example.com', '')",
		"INSERT INTO products (id, name, price, category, stock) VALUES (1, 'Lamp', 19.99, 'Home', 5)",
		"INSERT INTO carts (id, user_id, product_id, quantity) VALUES (1, 1, 1, 1)",
		"INSERT INTO orders (id, user_id, total_price, status, payment_method, payment_status) VALUES (1, 1, 0, 'Pending', 'UPI', 'Pending')",
		"INSERT INTO order_items (id, order_id, product_id, name, price, quantity) VALUES (1, 1, 1, 'Lamp', 19.99, 1)",
		"INSERT INTO order_history (id, order_id, status, changed_by) VALUES (1, 1, 'Pending', 1)",
		"INSERT INTO stock_ledger (id, product_id, quantity, cause, changed_by) VALUES (1, 1, 5, 'created', 1)",
		"INSERT INTO idempotency_keys (user_id, name, request, order_id, created_at) VALUES (1, 'a', '', 1, UTC_TIMESTAMP())",
		"INSERT INTO audit_log (id, actor_id, action, object_type, object_id, created_at) VALUES (1, 1, 'product.create', 'product', 1, UTC_TIMESTAMP())",
		"INSERT INTO refresh_tokens (family, generation, hash, user_id, token_version, created_at, expires_at) VALUES ('a', 0, 'h', 1, 0, UTC_TIMESTAMP(), UTC_TIMESTAMP())",
	} {
		run(t, db, statement)
	}
	return db
}

func TestSchemaTables(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	if got := strs(t, db, `
		SELECT CONCAT_WS(' ', table_name, engine, table_collation)
		FROM information_schema.tables
		WHERE table_schema = DATABASE() AND (engine <> 'InnoDB' OR table_collation <> 'utf8mb4_unicode_ci')`); got != nil {
		t.Errorf("neither InnoDB nor utf8mb4_unicode_ci: %v", got)
	}
	if got := strs(t, db, `
		SELECT table_name
		FROM information_schema.tables
		WHERE table_schema = DATABASE() AND table_name NOT IN (
			SELECT table_name
			FROM information_schema.table_constraints
			WHERE table_schema = DATABASE() AND constraint_type = 'PRIMARY KEY')`); got != nil {
		t.Errorf("without a primary key: %v", got)
	}
	if got, want := strs(t, db, `
		SELECT CONCAT_WS(' ', table_name, column_name, column_type)
		FROM information_schema.columns
		WHERE table_schema = DATABASE() AND data_type IN ('decimal', 'float', 'double')`), []string{
		"order_items price decimal(12,2)", "orders total_price decimal(12,2)", "products price decimal(12,2)",
	}; !slices.Equal(got, want) {
		t.Errorf("amounts are %v, want %v", got, want)
	}
}

func TestSchemaForeignKeys(t *testing.T) {
	t.Parallel()
	t.Run("AreThese", func(t *testing.T) {
		t.Parallel()
		got := strs(t, testkit.DB(t), `
			SELECT CONCAT_WS(' ', k.table_name, k.column_name, k.referenced_table_name, k.referenced_column_name,
				REPLACE(r.delete_rule, 'NO ACTION', 'RESTRICT'))
			FROM information_schema.key_column_usage AS k
			JOIN information_schema.referential_constraints AS r
				ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
			WHERE k.table_schema = DATABASE()`)
		want := []string{
			"carts product_id products id RESTRICT", "carts user_id users id CASCADE",
			"idempotency_keys order_id orders id CASCADE", "idempotency_keys user_id users id CASCADE",
			"order_history changed_by users id SET NULL", "order_history order_id orders id RESTRICT",
			"order_items order_id orders id RESTRICT", "order_items product_id products id RESTRICT",
			"orders user_id users id RESTRICT", "refresh_tokens user_id users id CASCADE",
			"stock_ledger order_id orders id RESTRICT", "stock_ledger product_id products id CASCADE",
		}
		if !slices.Equal(got, want) {
			t.Errorf("foreign keys are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
	t.Run("RefuseUnknown", func(t *testing.T) {
		t.Parallel()
		db := filled(t)
		for _, column := range []string{"carts.user_id", "carts.product_id", "orders.user_id", "order_items.order_id",
			"order_items.product_id", "order_history.order_id", "order_history.changed_by", "stock_ledger.product_id",
			"idempotency_keys.user_id", "idempotency_keys.order_id", "refresh_tokens.user_id"} {
			table, _, _ := strings.Cut(column, ".")
			if _, err := db.ExecContext(t.Context(), "UPDATE "+table+" SET "+column+" = 99"); !database.IsMissingReference(err) {
				t.Errorf("%s: %v", column, err)
			}
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO stock_ledger (product_id, quantity, cause, order_id) VALUES (1, -1, 'ordered', 99)"); !database.IsMissingReference(err) {
			t.Errorf("stock_ledger.order_id: %v", err)
		}
	})
	t.Run("KeepWhatIsReferredTo", func(t *testing.T) {
		t.Parallel()
		db := filled(t)
		for _, table := range []string{"users", "products", "orders"} {
			if _, err := db.ExecContext(t.Context(), "DELETE FROM "+table); errno(err) != 1451 {
				t.Errorf("%s: %v", table, err)
			}
		}
	})
	t.Run("CartGoesWithUser", func(t *testing.T) {
		t.Parallel()
		db := filled(t)
		run(t, db, "INSERT INTO users (id, name, email, password_hash) VALUES (2, 'Ben', 'ben@example.com', '')")
		run(t, db, "INSERT INTO carts (user_id, product_id, quantity) VALUES (2, 1, 1)")
		run(t, db, "UPDATE order_history SET changed_by = 2")
		run(t, db, "DELETE FROM users WHERE id = 2")
		if n := number(t, db, "SELECT COUNT(*) FROM carts"); n != 1 {
			t.Errorf("%d cart lines are left", n)
		}
		if n := number(t, db, "SELECT COUNT(*) FROM order_history WHERE changed_by IS NULL"); n != 1 {
			t.Error("the history does not outlive who made it")
		}
	})
}

// TestSchemaChecks breaks every CHECK with a row that is good but for one value.
func TestSchemaChecks(t *testing.T) {
	t.Parallel()
	db := filled(t)
	broken := map[string][]string{
		"ck_products_price":        {"UPDATE products SET price = -0.01"},
		"ck_products_stock":        {"UPDATE products SET stock = -1", "UPDATE products SET stock = stock - 6"},
		"ck_carts_quantity":        {"UPDATE carts SET quantity = 0", "UPDATE carts SET quantity = -1"},
		"ck_orders_total":          {"UPDATE orders SET total_price = -0.01"},
		"ck_orders_status":         {"UPDATE orders SET status = 'Lost'", "UPDATE orders SET status = ''"},
		"ck_orders_payment_method": {"UPDATE orders SET payment_method = 'Cheque'", "UPDATE orders SET payment_method = ''"},
		"ck_order_items_price":     {"UPDATE order_items SET price = -0.01"},
		"ck_order_items_quantity":  {"UPDATE order_items SET quantity = 0"},
		"ck_stock_ledger_cause": {"UPDATE stock_ledger SET cause = 'lost'", "UPDATE stock_ledger SET cause = 'ordered'",
			"UPDATE stock_ledger SET order_id = 1", "UPDATE stock_ledger SET cause = 'ordered', order_id = 1, quantity = 1",
			"UPDATE stock_ledger SET cause = 'cancelled', order_id = 1, quantity = -1"},
		"ck_order_history_status": {"UPDATE order_history SET status = 'Lost'"},
	}
	for name, statements := range broken {
		for _, statement := range statements {
			_, err := db.ExecContext(t.Context(), statement)
			if n := errno(err); (n != 3819 && n != 4025) || !strings.Contains(err.Error(), name) { // MySQL, MariaDB
				t.Errorf("%s does not break %s: %v", statement, name, err)
			}
		}
	}
	var known []string
	for name := range broken {
		known = append(known, name)
	}
	slices.Sort(known)
	got := strs(t, db, "SELECT constraint_name FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()")
	if !slices.Equal(got, known) {
		t.Errorf("the CHECKs are %v, tested are %v", got, known)
	}
	for _, edge := range []string{
		"UPDATE products SET price = 0, stock = 0", "UPDATE products SET price = 9999999999.99, stock = 1000000000",
		"UPDATE orders SET payment_method = NULL, shipping_address = NULL, created_at = NULL",
		"UPDATE orders SET payment_method = 'Cash on Delivery', status = 'Cancelled'",
		"UPDATE carts SET quantity = 1", "UPDATE order_items SET price = 0, quantity = 1",
	} {
		run(t, db, edge)
	}
}

func TestSchemaUniqueKeys(t *testing.T) {
	t.Parallel()
	db := filled(t)
	run(t, db, "INSERT INTO products (id, name, price, category, stock) VALUES (2, 'Mug', 7.10, 'Home', 5)")
	for _, c := range []struct {
		statement string
		duplicate bool
	}{
		{"INSERT INTO carts (user_id, product_id, quantity) VALUES (1, 1, 1)", true},
		{"INSERT INTO carts (user_id, product_id, quantity) VALUES (1, 2, 1)", false},
		{"INSERT INTO users (name, email, password_hash) VALUES ('A', 'asha@example.com', '')", true},
		{"INSERT INTO users (name, email, password_hash) VALUES ('A', 'ASHA@Example.com', '')", true},
		{"INSERT INTO users (name, email, password_hash) VALUES ('A', 'ashá@example.com', '')", false},
		{"INSERT INTO users (name, email, password_hash) VALUES ('A', 'ASHÁ@example.com', '')", true},
		{"INSERT INTO users (name, email, password_hash) VALUES ('A', REPEAT('🛒', 255), '')", false},
		{"INSERT INTO products (name, price, category, stock) VALUES ('Mug', 7.10, 'Home', 5)", false},
		{"INSERT INTO stock_ledger (product_id, quantity, cause) VALUES (1, 5, 'created')", false},
		{"INSERT INTO stock_ledger (product_id, quantity, cause, order_id) VALUES (1, -1, 'ordered', 1)", false},
		{"INSERT INTO stock_ledger (product_id, quantity, cause, order_id) VALUES (1, -2, 'ordered', 1)", true},
		{"INSERT INTO stock_ledger (product_id, quantity, cause, order_id) VALUES (1, 1, 'cancelled', 1)", false},
		{"INSERT INTO refresh_tokens (family, generation, hash, user_id, token_version, created_at, expires_at) VALUES ('a', 0, 'i', 1, 0, '2026-01-01', '2026-01-01')", true},
		{"INSERT INTO refresh_tokens (family, generation, hash, user_id, token_version, created_at, expires_at) VALUES ('a', 1, 'h', 1, 0, '2026-01-01', '2026-01-01')", true},
		{"INSERT INTO refresh_tokens (family, generation, hash, user_id, token_version, created_at, expires_at) VALUES ('a', 1, 'i', 1, 0, '2026-01-01', '2026-01-01')", false},
		{"INSERT INTO refresh_tokens (family, generation, hash, user_id, token_version, created_at, expires_at) VALUES ('b', 0, 'H', 1, 0, '2026-01-01', '2026-01-01')", false},
		{"INSERT INTO idempotency_keys (user_id, name, request, created_at) VALUES (1, 'a', '', '2026-01-01')", true},
		{"INSERT INTO idempotency_keys (user_id, name, request, created_at) VALUES (1, 'A', '', '2026-01-01')", false},
	} {
		_, err := db.ExecContext(t.Context(), c.statement)
		if database.IsDuplicate(err) != c.duplicate || (err != nil) != c.duplicate {
			t.Errorf("%s: %v", c.statement, err)
		}
	}
}
