package database

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"hexamart/migrations"
)

// obstacle is a SELECT of rows that can't be adopted, and what is said of them. It returns a text that names
// a row.
type obstacle struct{ what, query string }

var obstacles = []obstacle{
	{"users with the same e-mail but for case and spaces around it", `
		SELECT GROUP_CONCAT(id ORDER BY id SEPARATOR ', ')
		FROM users
		GROUP BY LOWER(TRIM(CONVERT(email USING utf8mb4))) COLLATE utf8mb4_bin
		HAVING COUNT(*) > 1`},
	{"products with a price below zero or above 9999999999.99", "SELECT id FROM products WHERE NOT (price >= 0 AND price < 9999999999.995)"},
	{"orders with a total beyond 9999999999.99", "SELECT id FROM orders WHERE NOT ABS(total_price) < 9999999999.995"},
	{"order items with a price beyond 9999999999.99", "SELECT id FROM order_items WHERE NOT ABS(price) < 9999999999.995"},
	{"users with an e-mail of more than 255 characters", "SELECT id FROM users WHERE CHAR_LENGTH(email) > 255"},
	{"orders with a status of more than 255 characters", "SELECT id FROM orders WHERE CHAR_LENGTH(status) > 255"},
	{"cart lines of more pieces than a cart can hold", `
		SELECT GROUP_CONCAT(id ORDER BY id SEPARATOR ', ')
		FROM carts
		WHERE quantity > 0
		GROUP BY user_id, product_id
		HAVING SUM(quantity) > 2147483647`},
	{"users without name, e-mail or password", "SELECT id FROM users WHERE name IS NULL OR email IS NULL OR password_hash IS NULL"},
	{"products without name, price, category or stock", "SELECT id FROM products WHERE name IS NULL OR price IS NULL OR category IS NULL OR stock IS NULL"},
	{"cart lines without user, product or quantity", "SELECT id FROM carts WHERE user_id IS NULL OR product_id IS NULL OR quantity IS NULL"},
	{"cart lines whose user or product is gone", "SELECT id FROM carts WHERE user_id NOT IN (SELECT id FROM users) OR product_id NOT IN (SELECT id FROM products)"},
	{"orders without total or payment status", "SELECT id FROM orders WHERE total_price IS NULL OR payment_status IS NULL"},
	{"orders whose user is gone", "SELECT id FROM orders WHERE user_id IS NULL OR user_id NOT IN (SELECT id FROM users)"},
	{"order items without price or quantity", "SELECT id FROM order_items WHERE price IS NULL OR quantity IS NULL"},
	{"order items whose order or product is gone", `
		SELECT id
		FROM order_items
		WHERE order_id IS NULL OR product_id IS NULL OR order_id NOT IN (SELECT id FROM orders) OR product_id NOT IN (SELECT id FROM products)`},
}

// check looks for all that could stop the adoption half-way, or what is left of it, and names it at once.
func (a *adopter) check(ctx context.Context) error {
	if err := a.readShaped(ctx); err != nil {
		return err
	}
	problems := a.columnProblems()
	keys, err := a.keyProblems(ctx)
	if err != nil {
		return err
	}
	problems = append(problems, keys...)
	taken, err := a.takenNames(ctx)
	if err != nil {
		return err
	}
	problems = append(problems, taken...)
	for _, o := range append(a.columnObstacles(), obstacles...) {
		var rows []string
		if err := a.db.SelectContext(ctx, &rows, o.query+" LIMIT 11"); err != nil {
			return fmt.Errorf("look for %s: %w", o.what, err)
		}
		if len(rows) > 10 {
			rows = append(rows[:10], "and more")
		}
		if len(rows) > 0 {
			problems = append(problems, o.what+": id "+strings.Join(rows, ", "))
		}
	}
	problems = append(problems, a.missingRights(ctx)...)
	if len(problems) == 0 && !a.opt.Check {
		if problems, err = a.rehearse(ctx); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("%w:\n  %s", ErrNotAdoptable, strings.Join(problems, "\n  "))
	}
	return nil
}

// columnObstacles are about values that a column holds now but not after its table was written anew:
// days that are none, in the owner's columns as well, and texts that take more bytes in utf8mb4.
func (a *adopter) columnObstacles() (list []obstacle) {
	room := map[string]int{"tinytext": 1<<8 - 1, "text": 1<<16 - 1, "mediumtext": 1<<24 - 1}
	for _, name := range slices.Sorted(maps.Keys(a.columns)) {
		c := a.columns[name]
		column := "`" + c.Name + "`"
		switch {
		case !slices.Contains(legacyTables, c.Table):
		case isDate(c):
			list = append(list, obstacle{"rows of " + c.Table + " whose " + c.Name + " has a day, month or year of zeros",
				"SELECT id FROM " + c.Table + " WHERE CAST(" + column + " AS CHAR) LIKE '0000%' OR CAST(" + column + " AS CHAR) LIKE '%-00%'"})
		case room[c.Type] > 0 && slices.Contains(legacyColumns[c.Table], c.Name):
			list = append(list, obstacle{"rows of " + c.Table + " whose " + c.Name + " is too long for a " + c.Type + " in utf8mb4",
				fmt.Sprintf("SELECT id FROM %s WHERE LENGTH(CONVERT(%s USING utf8mb4)) > %d", c.Table, column, room[c.Type])})
		}
	}
	return list
}

func isDate(c column) bool { return slices.Contains([]string{"date", "datetime", "timestamp"}, c.Type) }

// columnProblems are names that an adoption needs for itself, ids of another type than new tables refer
// to, and columns of the owner's that would keep the shop from adding rows.
func (a *adopter) columnProblems() (problems []string) {
	for _, name := range newColumns {
		table, _, _ := strings.Cut(name, ".")
		early := table == "orders" || table == "order_items" // these get their columns first
		if _, ok := a.columns[name]; ok && !a.shaped[table] && !(a.started && early) {
			problems = append(problems, "the column "+name+" has a name that HexaMart needs for its own: rename it")
		}
	}
	for _, c := range a.columns {
		switch {
		case slices.Contains(legacyTables, c.Table) && !isOurs(c) && c.Nullable == "NO" && c.Default == nil &&
			!strings.Contains(strings.ToUpper(c.Extra), "GENERATED"):
			problems = append(problems, "the column "+c.Table+"."+c.Name+" has no default, so no row could be added without it; give it one")
		case slices.Contains([]string{"users", "products", "orders"}, c.Table) && c.Name == "id" &&
			(c.Type != "int" || strings.Contains(c.Full, "unsigned")):
			problems = append(problems, "the column "+c.Table+".id is "+c.Full+", not int")
		case slices.Contains([]string{"users.created_at", "products.created_at", "orders.created_at", "orders.updated_at"}, c.Table+"."+c.Name) && !isDate(c):
			problems = append(problems, "the column "+c.Table+"."+c.Name+" is "+c.Full+", not datetime: rename it, or change its type")
		case slices.Contains(legacyColumns[c.Table], c.Name) && c.Type == "enum":
			problems = append(problems, "the column "+c.Table+"."+c.Name+" is "+c.Full+", not text")
		}
	}
	if wide := a.width("products", "name") + a.width("products", "category"); wide > maxIndexed {
		problems = append(problems, "the columns products.name and products.category are too wide to be indexed together; make them narrower")
	}
	slices.Sort(problems)
	return problems
}

// maxIndexed is how many characters of four bytes an index holds, less what else is in it.
const maxIndexed = 700

// width returns a text column's width in characters; a type without one is too wide for anything.
func (a *adopter) width(table, name string) int64 {
	c := a.columns[table+"."+name]
	if c.Length == nil || strings.HasSuffix(c.Type, "text") {
		return maxIndexed + 1
	}
	return *c.Length
}

// takenNames are keys, constraints and tables of the owner's that have the name of one of HexaMart's.
func (a *adopter) takenNames(ctx context.Context) (problems []string, err error) {
	var clauses []string
	for _, s := range a.shapes() {
		if !a.shaped[s.table] {
			clauses = append(clauses, s.clauses()...)
		}
	}
	names := []string{""} // never none, for IN
	for _, c := range clauses {
		for _, word := range strings.Fields(c) {
			if strings.HasPrefix(c, "ADD ") && len(word) > 3 && slices.Contains([]string{"ix_", "uq_", "ck_", "fk_"}, word[:3]) {
				names = append(names, word)
			}
		}
	}
	query, args, err := sqlx.In(`
		SELECT CONCAT('the key or constraint ', constraint_name, ' of ', table_name, ' has a name that HexaMart needs for its own: rename it')
		FROM information_schema.table_constraints
		WHERE table_schema = DATABASE() AND constraint_name IN (?) AND table_name NOT LIKE 'hexamart\\_rehearsal\\_%'
		UNION
		SELECT DISTINCT CONCAT('the index ', index_name, ' of ', table_name, ' has a name that HexaMart needs for its own: rename it')
		FROM information_schema.statistics
		WHERE table_schema = DATABASE() AND index_name IN (?) AND table_name NOT LIKE 'hexamart\\_rehearsal\\_%'
		UNION
		SELECT CONCAT('the table ', table_name, ' has a name that HexaMart needs for its own: rename it')
		FROM information_schema.tables
		WHERE table_schema = DATABASE() AND ((table_name = 'order_history' AND NOT ?) OR table_name IN (?))
		UNION
		SELECT CONCAT('the trigger ', trigger_name, ' of ', event_object_table, ' would run when rows are adopted: drop it, and make it again afterwards')
		FROM information_schema.triggers
		WHERE trigger_schema = DATABASE() AND event_manipulation IN ('UPDATE', 'DELETE')
			AND event_object_table IN ('users', 'products', 'carts', 'orders', 'order_items')
		UNION
		SELECT CONCAT('the trigger ', trigger_name, ' of ', event_object_table, ' seems to take stock, which HexaMart does itself: drop it')
		FROM information_schema.triggers
		WHERE trigger_schema = DATABASE() AND event_manipulation = 'INSERT'
			AND event_object_table IN ('orders', 'order_items') AND LOWER(action_statement) LIKE '%stock%'
		UNION
		SELECT CONCAT('the foreign key ', constraint_name, ' of ', table_name, '.', column_name, ' is over a text that changes its type: drop it')
		FROM information_schema.key_column_usage
		WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL
			AND table_name IN ('users', 'products', 'carts', 'orders', 'order_items')
			AND column_name IN ('name', 'email', 'category', 'status', 'payment_status', 'price', 'total_price')`,
		names, names, a.started, laterTables())
	if err != nil {
		return nil, err
	}
	err = a.db.SelectContext(ctx, &problems, query, args...)
	return problems, err
}

// laterTables are those that only the migrations after an adoption make.
func laterTables() (names []string) {
	files, _ := fs.Glob(migrations.FS, "*.sql") // the pattern is good
	for _, file := range files {
		b, _ := fs.ReadFile(migrations.FS, file)
		for _, m := range regexp.MustCompile(`CREATE TABLE IF NOT EXISTS (\w+)`).FindAllSubmatch(b, -1) {
			if name := string(m[1]); !slices.Contains([]string{"users", "products", "carts", "orders", "order_items", "order_history"}, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// keyProblems are unique keys over texts, which may hold twice what their new collation takes for the
// same; that of e-mails is replaced.
func (a *adopter) keyProblems(ctx context.Context) (problems []string, err error) {
	var keys []struct {
		Table string `db:"t"`
		Key   string `db:"k"`
		Name  string `db:"c"`
	}
	err = a.db.SelectContext(ctx, &keys, `
		SELECT table_name AS t, index_name AS k, column_name AS c
		FROM information_schema.statistics
		WHERE table_schema = DATABASE() AND non_unique = 0 AND index_name <> 'ix_users_email'
		ORDER BY table_name, index_name`)
	for _, k := range keys {
		c := a.columns[k.Table+"."+k.Name]
		if slices.Contains(legacyColumns[k.Table], k.Name) && c.Length != nil {
			problems = append(problems, fmt.Sprintf("the unique key %s of %s is over the text %s, which is compared in another way here; drop it", k.Key, k.Table, k.Name))
		}
	}
	if err != nil {
		return nil, err
	}
	var foreign []string
	err = a.db.SelectContext(ctx, &foreign, `
		SELECT CONCAT('the foreign key ', constraint_name, ' of ', table_name, ' refers to ', referenced_table_name, '.',
			referenced_column_name, ', which changes its type: drop it')
		FROM information_schema.key_column_usage
		WHERE table_schema = DATABASE() AND referenced_table_schema = DATABASE()
			AND referenced_table_name IN ('users', 'products', 'carts', 'orders', 'order_items')
			AND (referenced_column_name <> 'id' OR referenced_table_name = 'carts')`)
	return append(problems, foreign...), err
}
