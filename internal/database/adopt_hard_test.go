package database_test

import (
	"slices"
	"strings"
	"testing"

	"hexamart/internal/testkit"
)

// hardQueries are all that an adopted database holds, in the order in which cases of TestAdoptHard
// give it.
var hardQueries = []string{
	"SELECT id, name, email, email_key, password_hash, is_admin, address, token_version, created_at FROM users ORDER BY id",
	"SELECT id, name, price, category, stock, image_url, created_at, archived_at FROM products ORDER BY id",
	"SELECT id, user_id, product_id, quantity FROM carts ORDER BY id",
	"SELECT id, user_id, total_price, status, payment_method, payment_status, shipping_address, created_at, updated_at, adopted FROM orders ORDER BY id",
	"SELECT id, order_id, product_id, name, quantity, price, adopted FROM order_items ORDER BY id",
	"SELECT order_id, status, note, changed_by, created_at FROM order_history ORDER BY order_id",
}

type hardCase struct {
	tables  []string // pairs that are replaced in the sample's tables
	rows    []string
	want    [][]string // of each of hardQueries
	changes []string
	moved   int64
}

// empty returns the sample's tables without its rows.
func empty(t *testing.T, pairs ...string) []string {
	return slices.DeleteFunc(replaced(t, pairs...), func(s string) bool { return strings.HasPrefix(s, "INSERT") })
}

// TestAdoptHard adopts databases with harder quirks than the sample's, and compares each value and all
// that is said of it.
func TestAdoptHard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]hardCase{"MySQL9": hardMySQL(), "Latin1Double": hardLatin1(), "MyISAMDecimal": hardMyISAM()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testkit.EmptyDatabase(t)
			db := testkit.Open(t, cfg, nil)
			if name == "MySQL9" && strings.Contains(text(t, db, "SELECT VERSION()"), "MariaDB") { // which lacks the collation
				c.tables = slices.Replace(c.tables, 1, 2, "utf8mb4_unicode_ci")
			}
			load(t, cfg, append(empty(t, c.tables...), c.rows...))
			a, err := adoptAll(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			for i, query := range hardQueries {
				if got := content(t, db, query); !slices.Equal(got, c.want[i]) {
					t.Errorf("%s\n got %s\nwant %s", query, strings.Join(got, "\n     "), strings.Join(c.want[i], "\n     "))
				}
			}
			got := said(a)
			slices.Sort(got)
			slices.Sort(c.changes)
			if !slices.Equal(got, c.changes) || a.Moved != c.moved {
				t.Errorf("%d moved, said\n%s\nwant\n%s", a.Moved, strings.Join(got, "\n"), strings.Join(c.changes, "\n"))
			}
		})
	}
}

// hardMySQL is a database of MySQL's own collation, which takes é for e and ß for ss, with words and
// e-mails in every writing. What a FLOAT holds of 33.335 is a little less, and so is rounded down.
func hardMySQL() hardCase {
	return hardCase{
		tables: []string{"utf8mb4_general_ci", "utf8mb4_0900_ai_ci", "int(11)", "int", "varchar(20) DEFAULT NULL", "varchar(60) DEFAULT NULL"},
		rows: []string{
			"INSERT INTO users VALUES (3, 'Zoë 😀', 'Zoe@Example.COM', 'h3', NULL, ''), (2000000, ' ', 'strasse@example.com', 'h2', 7, '北京')",
			"INSERT INTO products VALUES (1, 'Café', 16777216, 'KÜCHE', -2147483648, ''), (2, 'CAFE', 0.005, 'küche', 2147483647, NULL), (9, 'Straße', 1e9, 'x', 0, ' ')",
			"INSERT INTO carts VALUES (1, 3, 2, 0), (2, 3, 2, 5), (3, 3, 2, 2147483642), (4, 2000000, 9, -1), (5, 2000000, 1, 1)",
			"INSERT INTO orders VALUES (1, 3, 0.1, 'OUT FOR DELIVERY', 'upi', NULL, '2020-02-29 23:59:59'), (2, 3, 1e9, 'Délivered', ' Net Banking ', '', '1970-01-01 00:00:00'), " +
				"(5, 3, 33.335, 'canceled', 'CASH ON DELIVERY', '😀', NULL), (6, 2000000, 4.45, 'DISPATCHED', 'Refunded', 'x', '2038-01-20 00:00:00'), (7, 3, 2, 'shipped', 'Pending', 'x', NULL)",
			"INSERT INTO order_items VALUES (4, 1, 1, 1, 0.1), (5, 2, 2, 0, 1e9), (6, 5, 9, 2147483647, 11.115)",
		},
		want: [][]string{
			{"3|Zoë 😀|Zoe@Example.COM|zoe@example.com|h3|0||0|NULL", "2000000| |strasse@example.com|strasse@example.com|h2|1|北京|0|NULL"},
			{"1|Café|16777216.00|KÜCHE|0||NULL|NULL", "2|CAFE|0.00|küche|2147483647|NULL|NULL|NULL", "9|Straße|1000000000.00|x|0| |NULL|NULL"},
			{"2|3|2|2147483647", "5|2000000|1|1"},
			{"1|3|0.10|Shipped|UPI|Pending|NULL|2020-02-29T23:59:59Z|NULL|1", "2|3|1000000000.00|Pending|Net Banking|Pending||1970-01-01T00:00:00Z|NULL|1",
				"5|3|33.33|Cancelled|Cash on Delivery|Pending|😀|NULL|NULL|1", "6|2000000|4.45|Shipped|NULL|Refunded|x|2038-01-20T00:00:00Z|NULL|1",
				"7|3|2.00|Shipped|NULL|Pending|x|NULL|NULL|1"},
			{"4|1|1|Café|1|0.10|1", "5|2|2|CAFE|0|1000000000.00|1", "6|5|9|Straße|2147483647|11.11|1"},
			{"1|Shipped|OUT FOR DELIVERY|NULL|2020-02-29T23:59:59Z", "2|Pending|Délivered|NULL|1970-01-01T00:00:00Z",
				"5|Cancelled|canceled|NULL|NULL", "6|Shipped|DISPATCHED|NULL|2038-01-20T00:00:00Z", "7|Shipped|shipped|NULL|NULL"},
		},
		changes: []string{"users 3 is_admin NULL -> 0", "users 2000000 is_admin 7 -> 1", "products 1 stock -2147483648 -> 0", "products 2 price 0.005 -> 0.00",
			"carts 1 quantity 0 -> NULL", "carts 2 quantity 5 -> 2147483647", "carts 3 quantity 2147483642 -> NULL", "carts 4 quantity -1 -> NULL",
			"orders 1 status OUT FOR DELIVERY -> Shipped", "orders 2 status Délivered -> Pending", "orders 5 status canceled -> Cancelled",
			"orders 6 status DISPATCHED -> Shipped", "orders 7 status shipped -> Shipped", "orders 5 total_price 33.335 -> 33.33", "order_items 6 price 11.115 -> 11.11"},
		moved: 3,
	}
}

// hardLatin1 is an old server's database, whose owner made DOUBLEs of the FLOATs: amounts are those that
// were written, and only real fractions of a cent are said to have been rounded.
func hardLatin1() hardCase {
	return hardCase{
		tables: []string{"utf8mb4_general_ci", "latin1_german1_ci", "utf8mb4", "latin1"},
		rows: []string{
			"INSERT INTO users VALUES (1, 'Jürgen', 'JÜRGEN@example.com', 'h1', 1, 'Größe 5')",
			"INSERT INTO products VALUES (1, 'Fön', 19.99, 'Bäder', 3, NULL), (2, 'Schnäppchen', 123456.78, 'Bäder', 0, NULL)",
			"INSERT INTO orders VALUES (1, 1, 282.833, 'Delivered', 'UPI', 'Köln', '2019-01-01 00:00:00'), (2, 1, 0, ' pending', 'bar', NULL, NULL), (3, 1, 0, 'Zurück', 'bar', NULL, NULL)",
			"ALTER TABLE products MODIFY price DOUBLE NOT NULL", "ALTER TABLE orders MODIFY total_price DOUBLE NOT NULL",
			"ALTER TABLE order_items MODIFY price DOUBLE NOT NULL",
			"UPDATE orders SET total_price = 19.99E0 * 3 WHERE id = 2", "UPDATE orders SET total_price = 1e9 + 0.004 WHERE id = 3",
			"INSERT INTO order_items VALUES (1, 2, 1, 3, 19.99), (2, 1, 2, 1, 0.1E0 + 0.2E0), (3, 3, 1, 1, 5.001)",
		},
		want: [][]string{
			{"1|Jürgen|JÜRGEN@example.com|jürgen@example.com|h1|1|Größe 5|0|NULL"},
			{"1|Fön|19.99|Bäder|3|NULL|NULL|NULL", "2|Schnäppchen|123456.78|Bäder|0|NULL|NULL|NULL"},
			nil,
			{"1|1|282.83|Delivered|UPI|Pending|Köln|2019-01-01T00:00:00Z|NULL|1", "2|1|59.97|Pending|NULL|bar|NULL|NULL|NULL|1",
				"3|1|1000000000.00|Pending|NULL|bar|NULL|NULL|NULL|1"},
			{"1|2|1|Fön|3|19.99|1", "2|1|2|Schnäppchen|1|0.30|1", "3|3|1|Fön|1|5.00|1"},
			{"1|Delivered|NULL|NULL|2019-01-01T00:00:00Z", "2|Pending| pending|NULL|NULL", "3|Pending|Zurück|NULL|NULL"},
		},
		changes: []string{"orders 1 total_price 282.833 -> 282.83", "orders 3 total_price 1000000000.004 -> 1000000000.00", "orders 2 status  pending -> Pending",
			"orders 3 status Zurück -> Pending", "order_items 3 price 5.001 -> 5.00"},
		moved: 1,
	}
}

// hardMyISAM is a database of an engine without transactions and foreign keys, with exact amounts, narrow
// and wide columns, and what the owner added.
func hardMyISAM() hardCase {
	return hardCase{
		tables: []string{"ENGINE=InnoDB", "ENGINE=MyISAM", "utf8mb4_general_ci", "utf8mb3_bin", "utf8mb4", "utf8mb3", "float", "decimal(10,4)", "tinyint(1)", "int",
			"`category` varchar(50)", "`category` varchar(30)", "`stock` int(11) NOT NULL", "`stock` bigint NOT NULL, `created_at` timestamp NULL, `own` json DEFAULT NULL",
			"`shipping_address` varchar(255)", "`shipping_address` text"},
		rows: []string{
			"INSERT INTO users VALUES (1, 'A', 'a@example.com', 'h1', -1, NULL), (2, 'a', 'ä@example.com', 'h2', 0, NULL)",
			"INSERT INTO products VALUES (1, 'One', 1.0050, 'x', 3000000000, '2001-02-03 04:05:06', '[1]', 'http://x'), (2, 'ONE', 1.0049, 'X', -1, NULL, NULL, NULL)",
			"INSERT INTO carts VALUES (8, 1, 1, 3), (7, 1, 1, 4), (9, 2, 1, 1)",
			"INSERT INTO orders VALUES (10, 2, -0.0050, 'PENDING', 'Credit card', REPEAT('ä', 300), '2001-02-03 04:05:06')",
			"INSERT INTO order_items VALUES (1, 10, 2, -1, 99999.9950)",
			"ALTER TABLE orders ADD KEY own_status (status), ADD FULLTEXT own_text (shipping_address)",
		},
		want: [][]string{
			{"1|A|a@example.com|a@example.com|h1|1|NULL|0|NULL", "2|a|ä@example.com|ä@example.com|h2|0|NULL|0|NULL"},
			{"1|One|1.01|x|3000000000|http://x|2001-02-03T04:05:06Z|NULL", "2|ONE|1.00|X|0|NULL|NULL|NULL"},
			{"7|1|1|7", "9|2|1|1"},
			{"10|2|-0.01|Pending|Credit Card|Pending|" + strings.Repeat("ä", 300) + "|2001-02-03T04:05:06Z|NULL|1"},
			{"1|10|2|ONE|-1|100000.00|1"},
			{"10|Pending|PENDING|NULL|2001-02-03T04:05:06Z"},
		},
		changes: []string{"users 1 is_admin -1 -> 1", "products 1 price 1.0050 -> 1.01", "products 2 price 1.0049 -> 1.00", "products 2 stock -1 -> 0",
			"carts 7 quantity 4 -> 7", "carts 8 quantity 3 -> NULL", "orders 10 total_price -0.0050 -> -0.01", "orders 10 status PENDING -> Pending",
			"order_items 1 price 99999.9950 -> 100000.00"},
		moved: 1,
	}
}
