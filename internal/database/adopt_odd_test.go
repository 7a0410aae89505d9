package database_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/security"
	"hexamart/internal/testkit"
)

// refusal wants a database to be refused by a check and by an adoption, which leave it as it is, and
// returns what they say.
func refusal(t *testing.T, db *sqlx.DB) string {
	t.Helper()
	all := func() (list []string) {
		list = []string{schema(t, db)}
		for _, table := range []string{"users", "products", "carts", "orders", "order_items"} {
			list = append(list, content(t, db, "SELECT * FROM "+table+" ORDER BY 1, 2")...)
		}
		return list
	}
	before := all()
	var said []string
	for _, check := range []bool{true, false} {
		_, err := database.Adopt(t.Context(), db, database.AdoptOptions{Check: check})
		if !errors.Is(err, database.ErrNotAdoptable) {
			t.Fatalf("check %t: %v", check, err)
		}
		said = append(said, err.Error())
	}
	if said[0] != said[1] {
		t.Errorf("a check says %s, an adoption %s", said[0], said[1])
	}
	if after := all(); !slices.Equal(after, before) {
		t.Errorf("was %v, is %v", before, after)
	}
	return said[1]
}

// oddCases are databases that can't be adopted, with what is said of each: all of it, a line each.
var oddCases = map[string]struct {
	statements []string
	says       []string
}{
	"Types": {[]string{"ALTER TABLE products MODIFY price VARCHAR(30) NOT NULL, MODIFY stock VARCHAR(10) NOT NULL, MODIFY image_url BLOB NULL",
		"ALTER TABLE orders MODIFY total_price TEXT NOT NULL, DROP COLUMN status", "ALTER TABLE orders ADD COLUMN status INT NULL",
		"ALTER TABLE order_items MODIFY quantity VARCHAR(20) NOT NULL, DROP FOREIGN KEY order_items_ibfk_1", "ALTER TABLE order_items MODIFY order_id BIGINT NOT NULL",
		"UPDATE users SET address = NULL", "ALTER TABLE users MODIFY is_admin VARCHAR(10) NULL, MODIFY address DATETIME NULL",
		"UPDATE products SET price = 'abc' WHERE id = 1", "UPDATE orders SET total_price = 'much'"},
		[]string{"the column order_items.order_id is bigint, not int: change its type", "the column order_items.quantity is varchar(20), not a number: change its type",
			"the column orders.status is int, not text: change its type", "the column orders.total_price is text, not a number: change its type",
			"the column products.image_url is blob, not text: change its type", "the column products.price is varchar(30), not a number: change its type",
			"the column products.stock is varchar(10), not a number: change its type", "the column users.address is datetime, not text: change its type",
			"the column users.is_admin is varchar(10), not a number: change its type"}},
	"Computed": {[]string{"ALTER TABLE orders DROP COLUMN shipping_address", "ALTER TABLE orders ADD COLUMN shipping_address VARCHAR(255) GENERATED ALWAYS AS (LOWER(status)) STORED"},
		[]string{"the column orders.shipping_address is computed, so nothing can be written there: make it one of its own"}},
	"HugeStock": {[]string{"ALTER TABLE products MODIFY stock DOUBLE NOT NULL", "UPDATE products SET stock = 1e25 WHERE id IN (1, 3)", "UPDATE products SET stock = 9223372036854774784 WHERE id = 2"},
		[]string{"products with a stock beyond 9223372036854775807: id 1 (1e25), 3 (1e25); lower it"}},
	"UnsignedStock": {[]string{"UPDATE products SET stock = 0 WHERE stock < 0", "ALTER TABLE products MODIFY stock BIGINT UNSIGNED NOT NULL", "UPDATE products SET stock = 18446744073709551615 WHERE id = 1"},
		[]string{"products with a stock beyond 9223372036854775807: id 1 (18446744073709551615); lower it"}},
	"Bytes": {[]string{"ALTER TABLE users MODIFY name VARBINARY(255) NOT NULL, MODIFY email VARBINARY(255) NOT NULL", "ALTER TABLE orders MODIFY status VARBINARY(20) NULL",
		"UPDATE users SET name = x'ff00fe41' WHERE id = 1", "UPDATE users SET email = x'41ff' WHERE id = 2", "UPDATE orders SET status = x'c3' WHERE id = 3"},
		[]string{"rows of orders whose status holds bytes that are no UTF-8: id 3 (0xC3); put a text in UTF-8 there",
			"rows of users whose email holds bytes that are no UTF-8: id 2 (0x41FF); put a text in UTF-8 there",
			"rows of users whose name holds bytes that are no UTF-8: id 1 (0xFF00FE41); put a text in UTF-8 there"}},
	"Quantities": {[]string{"ALTER TABLE order_items MODIFY quantity DOUBLE NOT NULL", "ALTER TABLE carts MODIFY quantity FLOAT NOT NULL",
		"UPDATE order_items SET quantity = 1.5 WHERE id = 1", "UPDATE order_items SET quantity = 2147483648 WHERE id = 2", "UPDATE carts SET quantity = 2.25 WHERE id = 9"},
		[]string{"cart lines of a quantity that is no whole number: id 9 (2.25); make it one",
			"order items of a quantity that is no whole number, or none that an INT holds: id 1 (1.5), 2 (2147483648); make it one"}},
	"NoCounter": {[]string{"ALTER TABLE users MODIFY id INT NOT NULL", "ALTER TABLE products MODIFY id INT NOT NULL", "ALTER TABLE orders MODIFY id INT NOT NULL",
		"ALTER TABLE order_items MODIFY id BIGINT NOT NULL"},
		[]string{"the column users.id does not count by itself, so no row could be added: SET FOREIGN_KEY_CHECKS = 0, and ALTER TABLE users MODIFY id INT NOT NULL AUTO_INCREMENT",
			"the column products.id does not count by itself, so no row could be added: SET FOREIGN_KEY_CHECKS = 0, and ALTER TABLE products MODIFY id INT NOT NULL AUTO_INCREMENT",
			"the column orders.id does not count by itself, so no row could be added: SET FOREIGN_KEY_CHECKS = 0, and ALTER TABLE orders MODIFY id INT NOT NULL AUTO_INCREMENT",
			"the column order_items.id does not count by itself, so no row could be added: SET FOREIGN_KEY_CHECKS = 0, and ALTER TABLE order_items MODIFY id BIGINT NOT NULL AUTO_INCREMENT"}},
	"NoKey":   {[]string{"ALTER TABLE order_items DROP PRIMARY KEY, ADD KEY own_id (id)"}, []string{"the primary key of order_items is not its id alone: make it that"}},
	"WideKey": {[]string{"ALTER TABLE carts DROP PRIMARY KEY, ADD PRIMARY KEY (id, user_id)"}, []string{"the primary key of carts is not its id alone: make it that"}},
	"LastIDs": {[]string{"UPDATE users SET id = 2147483647 WHERE id = 5", "UPDATE orders SET user_id = 2147483647 WHERE user_id = 5", "UPDATE products SET id = 2146483648 WHERE id = 7",
		"UPDATE carts SET product_id = 2146483648 WHERE product_id = 7", "UPDATE orders SET id = 2147483646 WHERE id = 6", "UPDATE order_items SET id = 2147483647 WHERE id = 6",
		"UPDATE carts SET id = 2147483647 WHERE id = 6"}, // of which there will be more
		[]string{"rows of users after whose id there are fewer than 1000000 others: id 2147483647; give them lower ids",
			"rows of products after whose id there are fewer than 1000000 others: id 2146483648; give them lower ids",
			"rows of orders after whose id there are fewer than 1000000 others: id 2147483646; give them lower ids",
			"rows of order_items after whose id there are fewer than 1000000 others: id 2147483647; give them lower ids"}},
	"LastBigIDs": {[]string{"ALTER TABLE carts MODIFY id BIGINT NOT NULL AUTO_INCREMENT", "UPDATE carts SET id = 9223372036854775807 WHERE id = 6"},
		[]string{"rows of carts after whose id there are fewer than 1000000 others: id 9223372036854775807; give them lower ids"}},
	"Counter": {[]string{"ALTER TABLE users AUTO_INCREMENT = 2147483000", "ALTER TABLE products AUTO_INCREMENT = 2146483647"},
		[]string{"the next id of users would be 2147483000, after which there are fewer than 1000000 others: ALTER TABLE users AUTO_INCREMENT = 1"}},
	"LowIDs": {[]string{"SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'", "UPDATE users SET id = 0 WHERE id = 4", "UPDATE products SET id = -1 WHERE id = 7", "UPDATE carts SET product_id = -1 WHERE product_id = 7",
		"UPDATE orders SET id = -3 WHERE id = 6", "UPDATE order_items SET id = 0 WHERE id = 6", "UPDATE carts SET id = -6 WHERE id = 6"},
		[]string{"rows of users whose id is not a positive number: id 0; give them other ids", "rows of products whose id is not a positive number: id -1; give them other ids",
			"rows of carts whose id is not a positive number: id -6; give them other ids", "rows of orders whose id is not a positive number: id -3; give them other ids",
			"rows of order_items whose id is not a positive number: id 0; give them other ids"}},
	"Elsewhere": {[]string{"CREATE TABLE people (id INT PRIMARY KEY) ENGINE = InnoDB", "ALTER TABLE orders ADD CONSTRAINT own_fk FOREIGN KEY (user_id) REFERENCES people (id)",
		"ALTER TABLE products ADD COLUMN maker INT NULL, ADD CONSTRAINT own_maker FOREIGN KEY (maker) REFERENCES people (id)"},
		[]string{"the foreign key own_fk of orders.user_id refers to a table where HexaMart adds no rows: drop it"}},
	"Many": {[]string{"UPDATE order_items SET price = 1e12", "INSERT INTO order_items (order_id, product_id, quantity, price) SELECT 1, p.id, 1, 1e12 FROM products p, products q"},
		[]string{"order items with a price beyond 9999999999.99: id 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, and 31 more"}},
	"Escapes": {[]string{"ALTER TABLE users ADD COLUMN `x\x1b[2J` INT NOT NULL, ADD COLUMN `day\u202e` DATE NULL", "SET sql_mode = ''", "UPDATE users SET `day\u202e` = '0000-00-00' WHERE id = 1",
		"CREATE TRIGGER `e\x1b[31mRED\x07` BEFORE UPDATE ON orders FOR EACH ROW SET NEW.status = OLD.status", "ALTER TABLE products ADD UNIQUE KEY `own: drop\n``it``` (name)",
		"ALTER TABLE orders MODIFY payment_status ENUM('UPI', 'Credit Card', 'Net Banking', 'Cash on Delivery', '\x1b[1m') NOT NULL",
		"ALTER TABLE products ADD KEY own_price (price)", "CREATE TABLE `\x1b[3m` (name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, CONSTRAINT `own\x1b` FOREIGN KEY (name) REFERENCES users (email)) ENGINE = InnoDB"},
		[]string{`the column orders.payment_status is enum('UPI','Credit Card','Net Banking','Cash on Delivery','\x1b[1m'), not text: change its type`,
			`the column users."x\x1b[2J" has no default, so no row could be added without it; give it one`,
			"the unique key \"own: drop\\n`it`\" of products is over the text name, which is compared in another way here; drop it",
			`the foreign key "own\x1b" of "\x1b[3m" refers to users.email, which changes its type: drop it`,
			`the trigger "e\x1b[31mRED\a" of orders would run when rows are adopted: drop it, and make it again afterwards`,
			`rows of users whose "day\u202e" has a day, month or year of zeros: id 1`}},
}

// TestAdoptOdd refuses what no rehearsal on empty tables shows, and names all of it.
func TestAdoptOdd(t *testing.T) {
	t.Parallel()
	for name, c := range oddCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testkit.EmptyDatabase(t)
			load(t, cfg, append(append(legacy(t), "SET FOREIGN_KEY_CHECKS = 0"), c.statements...))
			db := testkit.Open(t, cfg, nil)
			got := strings.Split(refusal(t, db), "\n  ")[1:]
			for i, line := range got { // MariaDB shows a width
				got[i] = strings.NewReplacer("bigint(20)", "bigint", "int(11)", "int").Replace(line)
			}
			if !slices.Equal(got, c.says) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.says, "\n"))
			}
		})
	}
	t.Run("View", func(t *testing.T) {
		t.Parallel()
		cfg := testkit.EmptyDatabase(t)
		load(t, cfg, append(legacy(t), "RENAME TABLE users TO people", "CREATE VIEW users AS SELECT * FROM people"))
		_, err := database.Adopt(t.Context(), testkit.Open(t, cfg, nil), database.AdoptOptions{Check: true})
		if !errors.Is(err, database.ErrNotAdoptable) || !strings.Contains(err.Error(), "users is a view and not a table") {
			t.Error(err)
		}
	})
}

// TestAdoptFractions says of each value with more than can be kept what becomes of it, before and after.
func TestAdoptFractions(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	load(t, cfg, append(empty(t), "ALTER TABLE products MODIFY stock FLOAT NOT NULL", "ALTER TABLE orders MODIFY created_at DATETIME(6) NULL, ADD COLUMN updated_at TIMESTAMP(3) NULL ON UPDATE CURRENT_TIMESTAMP(3)",
		"INSERT INTO users VALUES (1, 'A', 'a@example.com', '', 0, NULL)",
		"INSERT INTO products VALUES (1, 'a', 1, 'x', 1.5, NULL), (2, 'b', 1, 'x', 0.25, NULL), (3, 'c', 1, 'x', -0.5, NULL), (4, 'd', 1, 'x', 16777216, NULL), (5, 'e', 1, 'x', 1234567.5, NULL)",
		"INSERT INTO orders VALUES (1, 1, 1, 'Pending', 'UPI', 'x', '9999-12-31 23:59:59.999999', '2026-01-01 10:00:00.999'), (2, 1, 1, 'Pending', 'UPI', 'x', '2026-01-01 10:00:00', NULL)"))
	db := testkit.Open(t, cfg, nil)
	want := []string{"orders 1 created_at 9999-12-31 23:59:59.999999 -> 9999-12-31 23:59:59", "orders 1 updated_at 2026-01-01 10:00:00.999 -> 2026-01-01 10:00:00",
		"products 1 stock 1.5 -> 1", "products 2 stock 0.25 -> 0", "products 3 stock -0.5 -> 0", "products 5 stock 1234567.5 -> 1234567"}
	for _, check := range []bool{true, false} {
		a, err := database.Adopt(t.Context(), db, database.AdoptOptions{Check: check})
		if err != nil {
			t.Fatal(err)
		}
		got := said(a)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("check %t: got\n%s\nwant\n%s", check, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	for query, want := range map[string][]string{
		"SELECT id, stock FROM products ORDER BY id":                {"1|1", "2|0", "3|0", "4|16777216", "5|1234567"},
		"SELECT id, created_at, updated_at FROM orders ORDER BY id": {"1|9999-12-31T23:59:59Z|2026-01-01T10:00:00Z", "2|2026-01-01T10:00:00Z|NULL"},
		"SELECT order_id, created_at FROM order_history":            {"1|9999-12-31T23:59:59Z", "2|2026-01-01T10:00:00Z"},
	} {
		if got := content(t, db, query); !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", query, got, want)
		}
	}
}

// TestAdoptUnusable names those whose password is lost, and nobody else.
func TestAdoptUnusable(t *testing.T) {
	t.Parallel()
	const salted = "Oy2NLqmd3iGsvLnWyqpoH.NrXyl03gzAGxGvQ1VtGKGsFEFAtNswK"
	cfg := testkit.EmptyDatabase(t)
	statements := empty(t)
	last, beyond := fmt.Sprintf("%02d", security.MaxCost), fmt.Sprintf("%02d", security.MaxCost+1)
	for i, hash := range []string{"$2b$12$" + salted, "$2a$04$" + salted, "$2y$" + last + "$" + salted, "$2$10$" + salted, // as good as any
		"$2b$" + beyond + "$" + salted, "$2b$31$" + salted, "$2b$03$" + salted, "", "swordfish", "$2b$12$" + salted + "=", "$2b$12$" + salted[1:], "$pbkdf2$12$" + salted} {
		statements = append(statements, fmt.Sprintf("INSERT INTO users VALUES (%d, 'x', ' u%[1]d\x1b@example.com', '%s', 0, NULL)", i+1, hash))
	}
	load(t, cfg, statements)
	db := testkit.Open(t, cfg, nil)
	const lost = "user %d (\"u%[1]d\\x1b@example.com\") can't log in until hexamart password sets a new password: what is stored is "
	var want []string
	for id, cost := range map[int]string{5: beyond, 6: "31", 7: "03"} {
		want = append(want, fmt.Sprintf(lost+"a hash of bcrypt's of cost %[2]s, and HexaMart takes 4 to %[3]s", id, cost, last))
	}
	slices.Sort(want)
	for id := 8; id <= 12; id++ {
		want = append(want, fmt.Sprintf(lost+"no hash of bcrypt's", id))
	}
	for _, check := range []bool{true, false} {
		a, err := database.Adopt(t.Context(), db, database.AdoptOptions{Check: check})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Warnings, want) {
			t.Errorf("check %t: got\n%s\nwant\n%s", check, strings.Join(a.Warnings, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestAdoptOddities names rows that stay as they are, and that people will ask about.
func TestAdoptOddities(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	hash := "$2b$12$Oy2NLqmd3iGsvLnWyqpoH.NrXyl03gzAGxGvQ1VtGKGsFEFAtNswK"
	load(t, cfg, append(empty(t),
		"INSERT INTO users VALUES (1, 'x', ' a@example.com ', '"+hash+"', 0, NULL), (2, 'x', 'b@example.com\t', '"+hash+"', 0, NULL)",
		"INSERT INTO products (id, name, price, category, stock) VALUES (1, 'Lamp', 5, 'Home', 3)",
		"INSERT INTO orders (id, user_id, total_price, payment_status) VALUES (1, 1, -50, 'UPI'), (2, 1, 5, 'UPI')",
		"INSERT INTO order_items (id, order_id, product_id, quantity, price) VALUES (1, 1, 1, -3, 5), (2, 2, 1, 1, 5), (3, 2, 1, 1, -5)"))
	db := testkit.Open(t, cfg, nil)
	want := []string{
		"orders with a total below zero: id 1; they stay, and hexamart verify names them",
		"order items with a price below zero, or of no pieces: id 1, 3; they stay, and hexamart verify names them",
		"users whose e-mail begins or ends with a tab or the like: id 2; they can't log in until it is taken away",
	}
	for _, check := range []bool{true, false} {
		a, err := database.Adopt(t.Context(), db, database.AdoptOptions{Check: check})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Warnings, want) {
			t.Errorf("check %t: got\n%s\nwant\n%s", check, strings.Join(a.Warnings, "\n"), strings.Join(want, "\n"))
		}
	}
}
