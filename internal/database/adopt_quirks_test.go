package database_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// replaced returns the sample with other words in it; pairs are old, new, ...
func replaced(t *testing.T, pairs ...string) []string {
	t.Helper()
	list := legacy(t)
	r := strings.NewReplacer(pairs...)
	for i, s := range list {
		list[i] = r.Replace(s)
	}
	return list
}

// with returns wanted rows and those of one more query.
func with(want map[string][]string, query string, rows ...string) map[string][]string {
	want = maps.Clone(want)
	want[query] = rows
	return want
}

// TestAdoptQuirks adopts databases that others could have made of the same backend.
func TestAdoptQuirks(t *testing.T) {
	t.Parallel()
	inserts := func(s string) bool { return strings.HasPrefix(s, "INSERT") }
	for name, c := range map[string]struct {
		statements []string
		want       map[string][]string // rows of queries, after
	}{
		"Latin1": {
			statements: replaced(t, "utf8mb4_general_ci", "latin1_swedish_ci", "utf8mb4", "latin1", "上海", "Zürich", " ☕", ""),
			want: map[string][]string{
				"SELECT name FROM products WHERE id = 3":                           {"Café Crème Mug"},
				"SELECT shipping_address FROM orders WHERE id = 4":                 {"Zürich"},
				"SELECT HEX(name) FROM order_items WHERE id = 2":                   {"436166C3A9204372C3A86D65204D7567"},
				"SELECT id FROM users WHERE email_key = LOWER('ASHA@example.com')": {"1"},
			},
		},
		"NoRows": {
			statements: slices.DeleteFunc(legacy(t), inserts),
			want:       map[string][]string{"SELECT COUNT(*) FROM orders": {"0"}},
		},
		"MyISAM": {
			statements: replaced(t, "InnoDB AUTO_INCREMENT=7", "MyISAM AUTO_INCREMENT=7"),
			want:       adopted,
		},
		"OwnersAdditions": {
			statements: append(legacy(t),
				"ALTER TABLE products ADD COLUMN supplier VARCHAR(40) CHARACTER SET latin1 NOT NULL DEFAULT 'none', ADD KEY own_name (name), ADD COLUMN created_at TIMESTAMP NULL",
				"UPDATE products SET supplier = 'Müller' WHERE id = 1",
				"CREATE TABLE reviews (id INT PRIMARY KEY, product_id INT NOT NULL, CONSTRAINT own_fk FOREIGN KEY (product_id) REFERENCES products (id)) ENGINE = InnoDB",
				"INSERT INTO reviews VALUES (1, 4)",
				"ALTER TABLE users MODIFY name TEXT NOT NULL",
				"ALTER TABLE products MODIFY name VARCHAR(180) NOT NULL"),
			want: map[string][]string{
				"SELECT supplier FROM products WHERE id = 1": {"Müller"},
				"SELECT product_id FROM reviews":             {"4"},
				"SELECT index_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name = 'own_name'":                                        {"own_name"},
				"SELECT constraint_name FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() AND constraint_name = 'own_fk'":              {"own_fk"},
				"SELECT character_maximum_length FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'order_items' AND column_name = 'name'": {"180"},
			},
		},
		"OldRows": { // as a server of many years ago wrote them
			statements: replaced(t, "DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci", "DEFAULT CHARSET=utf8mb3 ROW_FORMAT=COMPACT",
				"varchar(255) NOT NULL,\n  `password", "varchar(191) NOT NULL,\n  `password", " ☕", ""),
			want: map[string][]string{"SELECT name FROM products WHERE id = 3": {"Café Crème Mug"}},
		},
		"RowFormats": {
			statements: append(replaced(t, "InnoDB AUTO_INCREMENT=7", "MyISAM ROW_FORMAT=FIXED AUTO_INCREMENT=7"), "ALTER TABLE users ROW_FORMAT = COMPRESSED KEY_BLOCK_SIZE = 8"),
			want:       adopted,
		},
		"TimesOfChange": { // which the adoption is not
			statements: append(legacy(t),
				"ALTER TABLE users ADD COLUMN changed TIMESTAMP NULL DEFAULT '2021-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP",
				"ALTER TABLE products ADD COLUMN changed DATETIME NULL DEFAULT '2021-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP",
				"ALTER TABLE carts ADD COLUMN changed TIMESTAMP NULL DEFAULT '2021-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP",
				"ALTER TABLE orders ADD COLUMN updated_at TIMESTAMP NULL DEFAULT '2021-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP",
				"ALTER TABLE order_items ADD COLUMN changed TIMESTAMP NULL DEFAULT '2021-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP"),
			want: map[string][]string{
				"SELECT DISTINCT changed FROM users":       {"2021-01-01T00:00:00Z"},
				"SELECT DISTINCT changed FROM products":    {"2021-01-01T00:00:00Z"},
				"SELECT DISTINCT changed FROM carts":       {"2021-01-01T00:00:00Z"},
				"SELECT DISTINCT updated_at FROM orders":   {"2021-01-01T00:00:00Z"},
				"SELECT DISTINCT changed FROM order_items": {"2021-01-01T00:00:00Z"},
			},
		},
		"NamesInQuotes": {
			statements: append(legacy(t),
				"ALTER TABLE carts DROP FOREIGN KEY carts_ibfk_1, DROP FOREIGN KEY carts_ibfk_2, ADD CONSTRAINT `a;b` FOREIGN KEY (user_id) REFERENCES users (id)",
				"ALTER TABLE carts ADD CONSTRAINT `a``b'` FOREIGN KEY (product_id) REFERENCES products (id)",
				"ALTER TABLE orders ADD COLUMN `d``x;%s?` DATETIME NULL DEFAULT '2021-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP"),
			want: map[string][]string{
				"SELECT constraint_name FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() AND table_name = 'carts' ORDER BY 1": {
					"fk_carts_product", "fk_carts_user"},
				"SELECT DISTINCT `d``x;%s?` FROM orders": {"2021-01-01T00:00:00Z"},
			},
		},
		"OtherNumbers": { // that are whole ones
			statements: replaced(t, "`quantity` int(11) NOT NULL,\n  PRIMARY", "`quantity` float NOT NULL,\n  PRIMARY", "`quantity` int(11) NOT NULL,\n  `price`", "`quantity` decimal(12,3) NOT NULL,\n  `price`",
				"`stock` int(11)", "`stock` double", "`is_admin` tinyint(1)", "`is_admin` bit(1)"),
			want: with(adopted, "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name IN ('carts', 'order_items') AND column_name = 'quantity'", "int"),
		},
		"Varbinary": {
			statements: append(legacy(t), "ALTER TABLE users MODIFY name VARBINARY(255) NOT NULL, MODIFY email VARBINARY(255) NOT NULL, MODIFY password_hash VARBINARY(255) NOT NULL",
				"ALTER TABLE products MODIFY name VARBINARY(100) NOT NULL", "ALTER TABLE orders MODIFY status VARBINARY(20) NULL, MODIFY payment_status VARBINARY(50) NOT NULL"),
			want: adopted,
		},
		"CartsOfOtherIDs": {
			statements: append(legacy(t), "ALTER TABLE carts MODIFY id INT NOT NULL"),
			want: map[string][]string{
				"SELECT extra FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'carts' AND column_name = 'id'": {"auto_increment"},
				"SELECT id FROM carts ORDER BY id": {"6", "9", "10"},
			},
		},
		"EmailInSpaces": {
			statements: append(legacy(t), "UPDATE users SET email = '  Asha@example.com ' WHERE id = 1"),
			want: map[string][]string{
				"SELECT id, email FROM users WHERE email_key = 'asha@example.com'":          {"1|Asha@example.com"},
				"SELECT old_value, new_value FROM adoption_log WHERE column_name = 'email'": {"  Asha@example.com |Asha@example.com"},
			},
		},
		"AdminFlag": {
			statements: append(legacy(t), "UPDATE users SET is_admin = 2 WHERE id = 4"),
			want:       map[string][]string{"SELECT is_admin FROM users WHERE id = 4": {"1"}},
		},
		"FarAhead": {
			statements: append(legacy(t), "ALTER TABLE orders AUTO_INCREMENT = 2000000000"),
			want: map[string][]string{
				"SELECT auto_increment FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'orders'": {"2000000000"},
			},
		},
		"OddOrders": {
			statements: append(legacy(t),
				"INSERT INTO order_items VALUES (7, 4, 3, -2, 7.1), (8, 4, 3, 0, -1.005)",
				"INSERT INTO orders VALUES (8, 1, -14.2, 'canceled', 'cash on delivery', 'x', NULL), (9, 1, 0.125, ' OUT FOR DELIVERY ', 'Paid', 'x', NULL), (10, 1, 1, '', '', 'x', NULL)"),
			want: map[string][]string{
				"SELECT id, quantity, price FROM order_items WHERE id > 6 ORDER BY id": {"7|-2|7.10", "8|0|-1.00"},
				"SELECT id, total_price, status, payment_method, payment_status FROM orders WHERE id > 7 ORDER BY id": {
					"8|-14.20|Cancelled|Cash on Delivery|Pending", "9|0.13|Shipped|NULL|Paid", "10|1.00|Pending|NULL|"},
				"SELECT order_id, note FROM order_history WHERE order_id > 7 ORDER BY order_id": {"8|canceled", "9| OUT FOR DELIVERY ", "10|"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testkit.EmptyDatabase(t)
			load(t, cfg, c.statements)
			db := testkit.Open(t, cfg, nil)
			a, err := adoptAll(t.Context(), db)
			if err != nil || a == nil {
				t.Fatal(a, err)
			}
			if name == "FarAhead" { // else MySQL shows figures of a day ago
				for _, r := range content(t, db, "ANALYZE TABLE orders") {
					t.Log(r)
				}
			}
			for query, want := range c.want {
				if got := content(t, db, query); !slices.Equal(got, want) {
					t.Errorf("%s\n got %q\nwant %q", query, got, want)
				}
			}
			for _, statement := range []string{
				"INSERT INTO users (name, email, password_hash) VALUES ('x', 'new@example.com', 'x')",
				"INSERT INTO products (name, price, category, stock) VALUES ('上海 ☕', 1, 'x', 1)",
			} {
				run(t, db, statement)
			}
		})
	}
}

// TestAdoptRefused checks that what can't be adopted is named, all of it, and stays untouched.
func TestAdoptRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statements []string
		is         error
		says       []string
	}{
		"ColumnMissing": {[]string{"ALTER TABLE orders DROP COLUMN total_price", "ALTER TABLE users DROP COLUMN address"},
			database.ErrForeign, []string{"column orders.total_price", "column users.address"}},
		"TableMissing": {[]string{"DROP TABLE order_items"}, database.ErrForeign, []string{"table order_items"}},
		"Rows": {[]string{"UPDATE products SET price = -1 WHERE id = 2", "UPDATE orders SET total_price = 1e12 WHERE id = 3",
			"ALTER TABLE users DROP KEY ix_users_email", "UPDATE users SET email = 'ASHA@example.com' WHERE id = 5"},
			database.ErrNotAdoptable, []string{"products with a price below zero", "id 2", "orders with a total beyond", "id 3", "same e-mail", "id 1, 5"}},
		"Columns": {[]string{"ALTER TABLE users ADD COLUMN shoe_size INT NOT NULL", "ALTER TABLE order_items ADD COLUMN name INT NULL"},
			database.ErrNotAdoptable, []string{"users.shoe_size has no default", "order_items.name has a name"}},
		"Keys": {[]string{"ALTER TABLE products ADD UNIQUE KEY own_name (name)"},
			database.ErrNotAdoptable, []string{"the unique key own_name of products"}},
		"Names": {[]string{"ALTER TABLE orders ADD CONSTRAINT fk_orders_user FOREIGN KEY (user_id) REFERENCES users (id)",
			"ALTER TABLE products ADD KEY ix_products_price (price)", "CREATE TABLE order_history (id INT PRIMARY KEY)", "CREATE TABLE stock_ledger (id INT PRIMARY KEY)"},
			database.ErrNotAdoptable, []string{"constraint fk_orders_user of orders", "index ix_products_price of products", "table order_history", "table stock_ledger"}},
		"Types": {[]string{"ALTER TABLE products MODIFY name TEXT NOT NULL", "ALTER TABLE orders MODIFY payment_status ENUM('UPI', 'Credit Card', 'Net Banking', 'Cash on Delivery') NOT NULL"},
			database.ErrNotAdoptable, []string{"too wide", "orders.payment_status is enum"}},
		"Dates": {[]string{"SET sql_mode = ''", "ALTER TABLE users ADD COLUMN birthday DATE NULL", "UPDATE users SET birthday = '0000-00-00' WHERE id = 2",
			"UPDATE orders SET created_at = '2024-05-00 10:00:00' WHERE id = 3", "ALTER TABLE products ADD COLUMN created_at INT NULL"},
			database.ErrNotAdoptable, []string{"whose birthday has a day, month or year of zeros: id 2", "whose created_at has a day, month or year of zeros: id 3", "products.created_at is int"}},
		"Bytes": {[]string{"ALTER TABLE users MODIFY address TINYTEXT CHARACTER SET latin1 NULL", "UPDATE users SET address = REPEAT('ä', 200) WHERE id = 1"},
			database.ErrNotAdoptable, []string{"rows of users whose address is too long for a tinytext in utf8mb4: id 1"}},
		"PaymentCheck": {[]string{"ALTER TABLE orders ADD CONSTRAINT own_check CHECK (payment_status IN ('UPI', 'Credit Card', 'Net Banking', 'Cash on Delivery'))"},
			database.ErrNotAdoptable, []string{"the table orders does not take what HexaMart writes"}},
		"StatusCheck": {[]string{"ALTER TABLE orders ADD CONSTRAINT own_check CHECK (status IN ('pending', 'shipped', 'in transit', 'delivered'))"},
			database.ErrNotAdoptable, []string{"the table orders does not take what HexaMart writes"}},
		"CartCheck": {[]string{"ALTER TABLE carts ADD CONSTRAINT own_check CHECK (quantity <= 2)"},
			database.ErrNotAdoptable, []string{"the table carts does not take what HexaMart writes"}},
		"StockTrigger": {[]string{"CREATE TRIGGER own_trigger AFTER INSERT ON order_items FOR EACH ROW UPDATE products SET stock = stock - NEW.quantity WHERE id = NEW.product_id"},
			database.ErrNotAdoptable, []string{"the trigger own_trigger of order_items seems to take stock"}},
		"Triggers": {[]string{"CREATE TRIGGER own_trigger BEFORE UPDATE ON orders FOR EACH ROW SET NEW.status = OLD.status"},
			database.ErrNotAdoptable, []string{"the trigger own_trigger of orders"}},
		"Partitions": {[]string{"ALTER TABLE order_items DROP FOREIGN KEY order_items_ibfk_1, DROP FOREIGN KEY order_items_ibfk_2", "ALTER TABLE order_items PARTITION BY HASH (id) PARTITIONS 3"},
			database.ErrNotAdoptable, []string{"the table order_items can't be brought to its new shape"}},
		"WideRow": {[]string{"ALTER TABLE products ADD COLUMN notes VARCHAR(15970) NULL"},
			database.ErrNotAdoptable, []string{"the table products can't be brought to its new shape"}},
		"Lengths": {[]string{"ALTER TABLE users MODIFY email VARCHAR(400) NOT NULL", "UPDATE users SET email = REPEAT('x', 256) WHERE id = 3",
			"UPDATE carts SET quantity = 2000000000 WHERE user_id = 3"},
			database.ErrNotAdoptable, []string{"users with an e-mail of more than 255 characters: id 3", "cart lines of more pieces than a cart can hold: id 9, 11"}},
		"Orphans": {[]string{"DELETE FROM users WHERE id = 5", "DELETE FROM products WHERE id = 4"},
			database.ErrNotAdoptable, []string{"orders whose user is gone: id 6", "order items whose order or product is gone: id 5"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testkit.EmptyDatabase(t)
			load(t, cfg, append(append(legacy(t), "SET FOREIGN_KEY_CHECKS = 0"), c.statements...))
			db := testkit.Open(t, cfg, nil)
			all := func() []string {
				list := content(t, db, "SELECT table_name, column_name, column_type FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY 1, 2")
				for _, table := range []string{"users", "products", "carts", "orders"} {
					list = append(list, content(t, db, "SELECT * FROM "+table+" ORDER BY id")...)
				}
				return list
			}
			before := all()
			_, err := adoptAll(t.Context(), db)
			if !errors.Is(err, c.is) {
				t.Fatalf("got %v", err)
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
			if after := all(); !slices.Equal(after, before) {
				t.Errorf("was %v, is %v", before, after)
			}
		})
	}
}
