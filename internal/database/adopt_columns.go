package database

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// columnProblems are names that an adoption needs for itself, columns of a type that can't become theirs, or whose
// values nobody can judge beforehand, and columns of the owner's that would keep the shop from adding rows.
func (a *adopter) columnProblems() (problems []string) {
	for _, name := range newColumns {
		table, _, _ := strings.Cut(name, ".")
		early := table == "orders" || table == "order_items" // these get their columns first
		if _, ok := a.columns[name]; ok && !a.shaped[table] && !(a.started && early) {
			problems = append(problems, "the column "+name+" has a name that HexaMart needs for its own: rename it")
		}
	}
	for _, c := range a.columns {
		if slices.Contains(legacyTables, c.Table) {
			problems = append(problems, columnProblem(c)...)
		}
	}
	if wide := a.width("products", "name") + a.width("products", "category"); wide > maxIndexed {
		problems = append(problems, "the columns products.name and products.category are too wide to be indexed together; make them narrower")
	}
	slices.Sort(problems)
	return problems
}

func columnProblem(c column) (problems []string) {
	generated := strings.Contains(strings.ToUpper(c.Extra), "GENERATED")
	name := c.Table + "." + shown(c.Name)
	switch {
	case !isOurs(c):
		if c.Nullable == "NO" && c.Default == nil && !generated {
			problems = append(problems, "the column "+name+" has no default, so no row could be added without it; give it one")
		}
	case (c.Name == "created_at" || c.Name == "updated_at") && !isDate(c):
		problems = append(problems, "the column "+name+" is "+c.Full+", not datetime: rename it, or change its type")
	case slices.Contains(legacyColumns[c.Table], c.Name):
		if types, kind := typesOf(c); !slices.Contains(types, c.Type) || kind == "int" && strings.Contains(c.Full, "unsigned") {
			problems = append(problems, "the column "+name+" is "+c.Full+", not "+kind+": change its type")
		}
		if generated && !strings.Contains(strings.ToUpper(c.Extra), "DEFAULT_GENERATED") { // as MySQL calls a default that is an expression
			problems = append(problems, "the column "+name+" is computed, so nothing can be written there: make it one of its own")
		}
	}
	return problems
}

var (
	integers = []string{"tinyint", "smallint", "mediumint", "int", "bigint"}
	numbers  = append([]string{"decimal", "float", "double"}, integers...)
	dates    = []string{"date", "datetime", "timestamp"}
	texts    = []string{"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "varbinary"}
)

// typesOf returns the types that a column of the earlier backend's may have, and what they are.
func typesOf(c column) (types []string, kind string) {
	switch c.Name {
	case "id":
		switch c.Table {
		case "carts":
			return integers, "a whole number"
		case "order_items":
			return []string{"int", "bigint"}, "int or bigint"
		}
		return []string{"int"}, "int"
	case "user_id", "product_id", "order_id":
		return []string{"int"}, "int"
	case "quantity", "stock", "price", "total_price":
		return numbers, "a number"
	case "is_admin":
		return append([]string{"bit"}, numbers...), "a number"
	case "created_at":
		return dates, "datetime"
	}
	return texts, "text"
}

// idReserve is how many ids there must be after those that are used.
const idReserve = 1_000_000

// lastID returns the largest id that a table of the earlier backend's can have, once it has its new shape.
func (a *adopter) lastID(table string) int64 {
	if table == "carts" || a.columns[table+".id"].Type == "bigint" {
		return math.MaxInt64
	}
	return math.MaxInt32
}

// idProblems are tables that don't number their rows, or that are about to number them beyond what they can hold.
func (a *adopter) idProblems(ctx context.Context) (problems []string, err error) {
	var keyed []string
	if err := a.db.SelectContext(ctx, &keyed, `
		SELECT table_name
		FROM information_schema.statistics
		WHERE table_schema = DATABASE() AND index_name = 'PRIMARY'
		GROUP BY table_name
		HAVING COUNT(*) = 1 AND MAX(LOWER(column_name)) = 'id'`); err != nil {
		return nil, err
	}
	for _, table := range legacyTables {
		if !slices.Contains(keyed, table) {
			problems = append(problems, "the primary key of "+table+" is not its id alone: make it that")
		}
		id := a.columns[table+".id"]
		if types, _ := typesOf(id); table != "carts" && slices.Contains(types, id.Type) && !strings.Contains(strings.ToLower(id.Extra), "auto_increment") {
			problems = append(problems, fmt.Sprintf("the column %[1]s.id does not count by itself, so no row could be added: "+
				"SET FOREIGN_KEY_CHECKS = 0, and ALTER TABLE %[1]s MODIFY id %[2]s NOT NULL AUTO_INCREMENT", table, strings.ToUpper(id.Type)))
		}
		problem, err := a.counterProblem(ctx, table)
		if err != nil {
			return nil, err
		}
		problems = append(problems, problem...)
	}
	return problems, nil
}

var nextID = regexp.MustCompile(`\) ENGINE=\w+ AUTO_INCREMENT=(\d+)`)

// counterProblem finds a table that goes on counting near the last id that it can hold, though it has none so high.
func (a *adopter) counterProblem(ctx context.Context, table string) ([]string, error) {
	made := map[string]any{}
	if err := a.db.QueryRowxContext(ctx, "SHOW CREATE TABLE "+table).MapScan(made); err != nil {
		return nil, err
	}
	text, _ := made["Create Table"].([]byte) // a view has none
	match := nextID.FindSubmatch(text)
	limit := a.lastID(table) - idReserve
	if match == nil {
		return nil, nil
	}
	if next, err := strconv.ParseInt(string(match[1]), 10, 64); err == nil && next <= limit {
		return nil, nil
	}
	var high bool
	if err := a.db.GetContext(ctx, &high, "SELECT EXISTS (SELECT 1 FROM "+table+" WHERE id > ?)", limit); err != nil || high {
		return nil, err // its rows are named
	}
	return []string{fmt.Sprintf("the next id of %[1]s would be %[2]s, after which there are fewer than %[3]d others: ALTER TABLE %[1]s AUTO_INCREMENT = 1",
		table, match[1], idReserve)}, nil
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
