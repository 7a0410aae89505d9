package database

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Grant is rights on a table, "*" for all of the database's.
type Grant struct {
	Rights []string
	Table  string
}

func (g Grant) String() string {
	text := strings.Join(g.Rights, ", ")
	if g.Table != "*" {
		text += " on " + g.Table
	}
	return text
}

// changing are the rights that migrations need, and nothing else.
var changing = []string{"CREATE", "ALTER", "DROP", "INDEX", "REFERENCES"}

// rewriting are the rights by which entries of the audit log can be changed, or removed.
var rewriting = []string{"UPDATE", "DELETE", "ALTER", "DROP", "TRIGGER"}

// needs returns the rights that the shop's statements need on a table.
func needs(table string) []string {
	switch table {
	case "adoption_log":
		return nil
	case "goose_db_version":
		return []string{"SELECT"}
	case "audit_log":
		return []string{"SELECT", "INSERT"}
	}
	return []string{"SELECT", "INSERT", "UPDATE", "DELETE"}
}

// readRights compares what the server grants, on everything, on this database or on its tables, with what is needed.
func (f *Facts) readRights(ctx context.Context, lent *sqlx.Conn) error {
	var name sql.NullString
	if err := lent.GetContext(ctx, &name, "SELECT DATABASE()"); err != nil {
		return fmt.Errorf("read the name of the database: %w", err)
	}
	var grants []string
	if err := lent.SelectContext(ctx, &grants, "SHOW GRANTS"); err != nil {
		return fmt.Errorf("read the grants: %w", err)
	}
	rights := granted{}
	for _, g := range grants {
		what, where, ok := strings.Cut(strings.TrimPrefix(g, "GRANT "), " ON ")
		if !ok || strings.HasPrefix(where, "TO ") {
			f.ByRole = true
		} else if table := tableOf(where, name.String); table != "" {
			rights[table] = append(rights[table], strings.Split(what, ", ")...)
		}
	}
	f.Lacking = rights.lacking()
	f.NoChanges = rights.without("*", changing)
	withheld := rights.without("audit_log", rewriting)
	f.Rewriting = slices.DeleteFunc(slices.Clone(rewriting), func(right string) bool { return slices.Contains(withheld, right) })
	f.ByRole = f.ByRole && len(f.Lacking)+len(f.NoChanges) > 0
	if !f.ByRole {
		f.Unseen = rights.without("*", []string{"TRIGGER", "EVENT"})
	}
	return nil
}

// granted are rights by table, and by "*" those on all of them.
type granted map[string][]string

// without returns those of some rights that are not granted.
func (g granted) without(table string, rights []string) []string {
	have := slices.Concat(g["*"], g[table])
	if slices.Contains(have, "ALL PRIVILEGES") {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(rights), func(right string) bool { return slices.Contains(have, right) })
}

// lacking returns what the shop's statements lack: of a user whose rights are on tables by table, else on all of them.
func (g granted) lacking() (list []Grant) {
	tables := shopTables()
	if !slices.ContainsFunc(tables, func(table string) bool { return g[table] != nil }) {
		if rights := g.without("*", needs("*")); len(rights) > 0 {
			list = append(list, Grant{rights, "*"})
		}
		return list
	}
	for _, table := range tables {
		if rights := g.without(table, needs(table)); len(rights) > 0 {
			list = append(list, Grant{rights, table})
		}
	}
	return list
}

// tableOf returns what a grant is for: "*" if that is all of a database, by its name or by a pattern as in LIKE, or the
// name of one table in it; "" if it is for something else.
func tableOf(where, database string) string {
	scope, _, _ := strings.Cut(where, " TO ")
	if table, ok := strings.CutPrefix(scope, "`"+database+"`.`"); ok {
		return strings.TrimSuffix(table, "`")
	}
	scope, ok := strings.CutSuffix(scope, ".*")
	if !ok {
		return ""
	}
	if scope == "*" {
		return "*"
	}
	pattern := regexp.QuoteMeta(strings.Trim(scope, "`"))
	pattern = strings.NewReplacer(`\\_`, "_", `\\%`, "%", "_", ".", "%", ".*").Replace(pattern)
	if matched, err := regexp.MatchString("^"+pattern+"$", database); err != nil || !matched {
		return ""
	}
	return "*"
}
