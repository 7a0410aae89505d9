package database

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"hexamart/migrations"
)

// takenNames are keys, constraints and tables of the owner's that have the name of one of HexaMart's or are in its way.
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
	var columns []string
	for table, names := range legacyColumns {
		for _, name := range names {
			columns = append(columns, table+"."+name)
		}
	}
	query, args, err := sqlx.In(`
		SELECT 'constraint' AS kind, constraint_name AS name, table_name AS t
		FROM information_schema.table_constraints
		WHERE table_schema = DATABASE() AND constraint_name IN (?) AND table_name NOT LIKE 'hexamart\\_rehearsal\\_%'
		UNION
		SELECT 'index', index_name, table_name
		FROM information_schema.statistics
		WHERE table_schema = DATABASE() AND index_name IN (?) AND table_name NOT LIKE 'hexamart\\_rehearsal\\_%'
		UNION
		SELECT 'table', table_name, ''
		FROM information_schema.tables
		WHERE table_schema = DATABASE() AND ((table_name = 'order_history' AND NOT ?) OR table_name IN (?))
		UNION
		SELECT 'view', table_name, ''
		FROM information_schema.tables
		WHERE table_schema = DATABASE() AND table_type = 'VIEW' AND table_name IN (?)
		UNION
		SELECT IF(column_name IN ('name', 'email', 'category', 'status', 'payment_status', 'price', 'total_price'), 'text', 'elsewhere'),
			constraint_name, CONCAT(table_name, '.', column_name)
		FROM information_schema.key_column_usage
		WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL AND CONCAT(table_name, '.', column_name) IN (?)
			AND NOT (referenced_table_schema = DATABASE()
				AND (column_name, referenced_table_name) IN (('user_id', 'users'), ('product_id', 'products'), ('order_id', 'orders')))`,
		names, names, a.started, laterTables(), legacyTables, columns)
	if err != nil {
		return nil, err
	}
	var found []struct {
		Kind  string `db:"kind"`
		Name  string `db:"name"`
		Table string `db:"t"`
	}
	err = a.db.SelectContext(ctx, &found, query, args...)
	for _, f := range found {
		problems = append(problems, fmt.Sprintf(takenText[f.Kind], shown(f.Name), shown(f.Table)))
	}
	return problems, err
}

var takenText = map[string]string{
	"constraint": "the key or constraint %[1]s of %[2]s has a name that HexaMart needs for its own: rename it",
	"index":      "the index %[1]s of %[2]s has a name that HexaMart needs for its own: rename it",
	"table":      "the table %[1]s has a name that HexaMart needs for its own: rename it",
	"view":       "%[1]s is a view and not a table: make a table of it",
	"elsewhere":  "the foreign key %[1]s of %[2]s refers to a table where HexaMart adds no rows: drop it",
	"text":       "the foreign key %[1]s of %[2]s is over a text that changes its type: drop it",
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
			problems = append(problems, fmt.Sprintf("the unique key %s of %s is over the text %s, which is compared in another way here; drop it", shown(k.Key), k.Table, k.Name))
		}
	}
	if err != nil {
		return nil, err
	}
	var foreign []struct {
		Key      string `db:"k"`
		Table    string `db:"t"`
		Referred string `db:"r"`
	}
	err = a.db.SelectContext(ctx, &foreign, `
		SELECT constraint_name AS k, table_name AS t, CONCAT(referenced_table_name, '.', referenced_column_name) AS r
		FROM information_schema.key_column_usage
		WHERE table_schema = DATABASE() AND referenced_table_schema = DATABASE()
			AND referenced_table_name IN ('users', 'products', 'carts', 'orders', 'order_items')
			AND (referenced_column_name <> 'id' OR referenced_table_name = 'carts')`)
	for _, f := range foreign {
		problems = append(problems, fmt.Sprintf("the foreign key %s of %s refers to %s, which changes its type: drop it", shown(f.Key), shown(f.Table), shown(f.Referred)))
	}
	return problems, err
}
