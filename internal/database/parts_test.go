package database_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// TestParts compares the list of parts with what migrations make, on either server.
func TestParts(t *testing.T) {
	t.Parallel()
	parts, err := database.ReadParts(t.Context(), testkit.DB(t))
	if err != nil {
		t.Fatal(err)
	}
	parts = slices.DeleteFunc(parts, func(part string) bool { return strings.Contains(part, "goose_db_version") })
	slices.Sort(parts)
	text, err := os.ReadFile("parts.txt")
	if want := strings.Join(parts, "\n") + "\n"; err != nil || string(text) != want {
		t.Errorf("%v; parts.txt should be\n%s", err, want)
	}
}

// TestMissingParts drops a part of each kind: that is named.
func TestMissingParts(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	if missing, err := database.MissingParts(t.Context(), db); missing != nil || err != nil {
		t.Fatalf("a new database lacks %q, %v", missing, err)
	}
	run(t, db, "CREATE TABLE own (id INT PRIMARY KEY)")
	for statement, want := range map[string]string{
		"DROP TABLE stock_ledger":                                           "table stock_ledger InnoDB",
		"ALTER TABLE products DROP KEY ix_products_name":                    "index products.ix_products_name archived_at, name, id",
		"ALTER TABLE users DROP KEY uq_users_email":                         "unique index users.uq_users_email email_key",
		"ALTER TABLE refresh_tokens DROP CONSTRAINT fk_refresh_tokens_user": "constraint refresh_tokens.fk_refresh_tokens_user FOREIGN KEY",
		"ALTER TABLE orders DROP CONSTRAINT ck_orders_total":                "constraint orders.ck_orders_total CHECK",
		"ALTER TABLE login_failures ENGINE = MyISAM":                        "table login_failures InnoDB",
		"ALTER TABLE products MODIFY name VARCHAR(100) COLLATE utf8mb4_bin": "column products.name varchar(100) NOT NULL utf8mb4_unicode_ci",
		"ALTER TABLE carts MODIFY quantity SMALLINT NOT NULL":               "column carts.quantity int NOT NULL",
	} {
		run(t, db, statement)
		if missing, err := database.MissingParts(t.Context(), db); !slices.Contains(missing, want) || err != nil {
			t.Errorf("after %s: %q, %v", statement, missing, err)
		}
	}
}
