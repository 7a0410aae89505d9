package handler_test

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"hexamart/internal/bench/fill"
	"hexamart/internal/testkit"
)

// bigSize is enough for an optimizer to choose as in a shop of any size.
var bigSize = fill.Size{Products: 20_000, Orders: 50_000}

const bigPassword = "thimble-of-all"

// bigShop returns a shop with much of everything, and what its services send. Its user 1 is an admin; user 7 has
// a tenth of all orders.
func bigShop(t *testing.T) (*testkit.Shop, *wire) {
	t.Helper()
	w := &wire{}
	s := shopOn(t, w.change, nil)
	hash, err := bcrypt.GenerateFromPassword([]byte(bigPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := fill.Shop(t.Context(), s.DB, bigSize, string(hash)); err != nil {
		t.Fatal(err)
	}
	const numbers = "WITH RECURSIVE numbers AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 99) "
	const tenThousand = numbers + `, many AS (SELECT a.n * 100 + b.n AS n FROM numbers a JOIN numbers b) `
	for _, statement := range []string{
		"UPDATE products SET stock = IF(id % 50 = 1, 0, id % 90), archived_at = IF(id % 10 = 0, '2026-01-01' + INTERVAL id SECOND, NULL)",
		"UPDATE orders SET user_id = 7 WHERE id % 10 = 0",
		"UPDATE orders SET created_at = NULL WHERE id < 200",
		`INSERT INTO audit_log (actor_id, action, object_type, object_id, before_state, after_state, address, request_id, created_at)
			` + tenThousand + `
			SELECT 1 + n % 20, ELT(1 + n % 5, 'product.create', 'product.update', 'product.update', 'order.status', 'admin.login'), 'product', n,
				'{"a": 1}', '{"a": 2}', '127.0.0.1', 'x', UTC_TIMESTAMP() - INTERVAL 10000 - n HOUR
			FROM many`,
		`INSERT INTO refresh_tokens (family, generation, hash, user_id, token_version, created_at, expires_at)
			` + tenThousand + `
			SELECT UNHEX(LEFT(SHA2(n, 256), 32)), 0, UNHEX(SHA2(n, 256)), 1 + n, 0, UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL n - 10 HOUR
			FROM many`,
		`INSERT INTO login_failures (name, full_until)
			` + tenThousand + `
			SELECT UNHEX(SHA2(n, 256)), IF(n < 10, 1, 2000000000000000 + n)
			FROM many`,
		`INSERT INTO idempotency_keys (user_id, name, request, order_id, answer, created_at)
			` + tenThousand + `
			SELECT 1 + n, 'a key', UNHEX(SHA2(n, 256)), 1 + n, '{}', UTC_TIMESTAMP() - INTERVAL IF(n < 10, 72, 1) HOUR
			FROM many`,
	} {
		s.Exec(statement)
	}
	tables := []string{"products", "users", "carts", "orders", "order_items", "order_history", "stock_ledger", "audit_log", "refresh_tokens", "login_failures", "idempotency_keys"}
	for _, table := range tables { // what the walk deletes would make them small, some seconds later
		s.Exec("ALTER TABLE " + table + " STATS_PERSISTENT = 1, STATS_AUTO_RECALC = 0")
	}
	rows, err := s.DB.Query("ANALYZE TABLE " + strings.Join(tables, ", "))
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	return s, w
}
