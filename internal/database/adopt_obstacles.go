package database

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// obstacle is a SELECT of rows that can't be adopted, what is said of them, and what to do unless that is plain.
// It returns a text that names a row.
type obstacle struct{ what, query, advice string }

var obstacles = []obstacle{
	{"users with the same e-mail but for case and spaces around it", `
		SELECT GROUP_CONCAT(id ORDER BY id SEPARATOR ', ')
		FROM users
		GROUP BY LOWER(TRIM(CONVERT(email USING utf8mb4))) COLLATE utf8mb4_bin
		HAVING COUNT(*) > 1`, ""},
	{"products with a price below zero or above 9999999999.99", "SELECT id FROM products WHERE NOT (price >= 0 AND price < 9999999999.995)", ""},
	{"orders with a total beyond 9999999999.99", "SELECT id FROM orders WHERE NOT ABS(total_price) < 9999999999.995", ""},
	{"order items with a price beyond 9999999999.99", "SELECT id FROM order_items WHERE NOT ABS(price) < 9999999999.995", ""},
	{"users with an e-mail of more than 255 characters", "SELECT id FROM users WHERE CHAR_LENGTH(email) > 255", ""},
	{"orders with a status of more than 255 characters", "SELECT id FROM orders WHERE CHAR_LENGTH(status) > 255", ""},
	{"cart lines of more pieces than a cart can hold", `
		SELECT GROUP_CONCAT(id ORDER BY id SEPARATOR ', ')
		FROM carts
		WHERE quantity > 0
		GROUP BY user_id, product_id
		HAVING SUM(quantity) > 2147483647`, ""},
	{"users without name, e-mail or password", "SELECT id FROM users WHERE name IS NULL OR email IS NULL OR password_hash IS NULL", ""},
	{"products without name, price, category or stock", "SELECT id FROM products WHERE name IS NULL OR price IS NULL OR category IS NULL OR stock IS NULL", ""},
	{"cart lines without user, product or quantity", "SELECT id FROM carts WHERE user_id IS NULL OR product_id IS NULL OR quantity IS NULL", ""},
	{"cart lines whose user or product is gone", "SELECT id FROM carts WHERE user_id NOT IN (SELECT id FROM users) OR product_id NOT IN (SELECT id FROM products)", ""},
	{"orders without total or payment status", "SELECT id FROM orders WHERE total_price IS NULL OR payment_status IS NULL", ""},
	{"orders whose user is gone", "SELECT id FROM orders WHERE user_id IS NULL OR user_id NOT IN (SELECT id FROM users)", ""},
	{"order items without price or quantity", "SELECT id FROM order_items WHERE price IS NULL OR quantity IS NULL", ""},
	{"order items whose order or product is gone", `
		SELECT id
		FROM order_items
		WHERE order_id IS NULL OR product_id IS NULL OR order_id NOT IN (SELECT id FROM orders) OR product_id NOT IN (SELECT id FROM products)`, ""},
	{"cart lines of a quantity that is no whole number", "SELECT CONCAT(id, ' (', quantity, ')') FROM carts WHERE quantity >= 1 AND quantity <> FLOOR(quantity)",
		"make it one"},
	{"order items of a quantity that is no whole number, or none that an INT holds", `
		SELECT CONCAT(id, ' (', quantity, ')')
		FROM order_items
		WHERE quantity <> FLOOR(quantity) OR quantity NOT BETWEEN -2147483648 AND 2147483647`, "make it one"},
	{"products with a stock beyond 9223372036854775807", "SELECT CONCAT(id, ' (', stock, ')') FROM products WHERE NOT stock < 9223372036854775808", "lower it"},
}

// idObstacles are ids that no address can name, and those so near to the last one that the next rows would have none. Cart
// lines get wider ids.
func (a *adopter) idObstacles() (list []obstacle) {
	for _, table := range legacyTables {
		list = append(list, obstacle{"rows of " + table + " whose id is not a positive number", "SELECT id FROM " + table + " WHERE id < 1", "give them other ids"},
			obstacle{fmt.Sprintf("rows of %s after whose id there are fewer than %d others", table, idReserve),
				fmt.Sprintf("SELECT id FROM %s WHERE id > %d", table, a.lastID(table)-idReserve), "give them lower ids"})
	}
	return list
}

// columnObstacles are about values that a column holds now but not after its table was written anew:
// days that are none, in the owner's columns as well, texts that take more bytes in utf8mb4, and bytes that are no text.
func (a *adopter) columnObstacles() (list []obstacle) {
	room := map[string]int{"tinytext": 1<<8 - 1, "text": 1<<16 - 1, "mediumtext": 1<<24 - 1}
	for _, name := range slices.Sorted(maps.Keys(a.columns)) {
		c := a.columns[name]
		column := quoted(c.Name)
		switch {
		case !slices.Contains(legacyTables, c.Table):
		case isDate(c):
			list = append(list, obstacle{"rows of " + c.Table + " whose " + shown(c.Name) + " has a day, month or year of zeros",
				"SELECT id FROM " + c.Table + " WHERE CAST(" + column + " AS CHAR) LIKE '0000%' OR CAST(" + column + " AS CHAR) LIKE '%-00%'", ""})
		case room[c.Type] > 0 && slices.Contains(legacyColumns[c.Table], c.Name):
			list = append(list, obstacle{"rows of " + c.Table + " whose " + c.Name + " is too long for a " + c.Type + " in utf8mb4",
				fmt.Sprintf("SELECT id FROM %s WHERE LENGTH(CONVERT(%s USING utf8mb4)) > %d", c.Table, column, room[c.Type]), ""})
		case c.Type == "varbinary" && slices.Contains(legacyColumns[c.Table], c.Name): // MySQL makes NULL of such bytes, MariaDB question marks
			list = append(list, obstacle{"rows of " + c.Table + " whose " + c.Name + " holds bytes that are no UTF-8",
				fmt.Sprintf("SELECT CONCAT(id, ' (0x', HEX(LEFT(%[2]s, 20)), ')') FROM %[1]s WHERE %[2]s IS NOT NULL AND NOT CAST(CONVERT(%[2]s USING utf8mb4) AS BINARY) <=> %[2]s",
					c.Table, column), "put a text in UTF-8 there"})
		}
	}
	return list
}

func isDate(c column) bool { return slices.Contains(dates, c.Type) }

// find returns what is to be said of an obstacle, "" if there is none. One that the server can't look for is
// among the others where these are the cause: a column of another type.
func (o obstacle) find(ctx context.Context, a *adopter, others int) (string, error) {
	var rows []string
	err := a.db.SelectContext(ctx, &rows, o.query+" LIMIT 11")
	switch {
	case errno(err) > 0 && others > 0, err == nil && len(rows) == 0:
		return "", nil
	case err == nil && len(rows) > 10:
		var all int
		err = a.db.GetContext(ctx, &all, "SELECT COUNT(*) FROM ("+o.query+") found")
		rows = append(rows[:10], "and "+strconv.Itoa(all-10)+" more")
	}
	if err != nil {
		return "", fmt.Errorf("look for %s: %w", o.what, err)
	}
	text := o.what + ": id " + strings.Join(rows, ", ")
	if o.advice != "" {
		text += "; " + o.advice
	}
	return text, nil
}
