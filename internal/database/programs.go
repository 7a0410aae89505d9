package database

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Program is what a server runs of its own accord: a trigger on one of the shop's tables, or an event of its database. The
// shop has none.
type Program struct {
	Name   string `db:"name"`
	Table  string `db:"t"`      // "" of an event
	Moment string `db:"moment"` // BEFORE INSERT, ...; whether an event is ENABLED
	Body   string `db:"body"`

	calls bool // a procedure or function of the database
}

// String names a program for somebody to read.
func (p Program) String() string {
	if p.Table == "" {
		return "the event " + shown(p.Name)
	}
	return "the trigger " + shown(p.Name) + " of " + p.Table
}

// Show returns the statement that shows what a program does.
func (p Program) Show() string {
	if p.Table == "" {
		return Printable("SHOW CREATE EVENT " + quoted(p.Name))
	}
	return Printable("SHOW CREATE TRIGGER " + quoted(p.Name))
}

// shopTables are all that the shop and its migrations write to.
func shopTables() []string {
	return append(append([]string{"order_history", "adoption_log", "goose_db_version"}, legacyTables...), laterTables()...)
}

// Programs returns the triggers on the shop's tables and the events, as far as this user may see them.
func Programs(ctx context.Context, db sqlx.QueryerContext) (list []Program, err error) {
	query, args, err := sqlx.In(`
		SELECT trigger_name AS name, event_object_table AS t, CONCAT(action_timing, ' ', event_manipulation) AS moment,
			COALESCE(action_statement, '') AS body
		FROM information_schema.triggers
		WHERE trigger_schema = DATABASE() AND event_object_table IN (?)
		ORDER BY t, name`, shopTables())
	if err != nil {
		return nil, err
	}
	if err := sqlx.SelectContext(ctx, db, &list, query, args...); err != nil {
		return nil, err
	}
	var events []Program
	if err := sqlx.SelectContext(ctx, db, &events, `
		SELECT event_name AS name, '' AS t, status AS moment, COALESCE(event_definition, '') AS body
		FROM information_schema.events
		WHERE event_schema = DATABASE()
		ORDER BY name`); err != nil {
		return nil, err
	}
	list = append(list, events...)
	var routines []string
	err = sqlx.SelectContext(ctx, db, &routines, `
		SELECT routine_name
		FROM information_schema.routines
		WHERE routine_schema = DATABASE()`)
	for i, p := range list {
		list[i].calls = slices.ContainsFunc(routines, func(name string) bool { return hasWord(p.code(), name) })
	}
	return list, err
}

// meddling is what a program needs to get at the shop's tables after a row was added there: their names, another program's,
// or a text of SQL. Whether it does so can't be told in general.
var (
	meddling = regexp.MustCompile(`(?i)\b(users|products|carts|orders|order_items|call)\b`)
	fromText = regexp.MustCompile(`(?i)\b(prepare|execute)\b`)
)

// code is what a program does, without the texts that it only writes somewhere.
func (p Program) code() string {
	if fromText.MatchString(p.Body) {
		return p.Body
	}
	return withoutTexts(p.Body)
}

// withoutTexts returns SQL without its texts, or as it is where it can't be told for sure what is one.
func withoutTexts(sql string) string {
	if strings.ContainsAny(sql, "\\\"#") || strings.Contains(sql, "--") || strings.Contains(sql, "/*") {
		return sql
	}
	var code strings.Builder
	for rest := sql; ; {
		at := strings.IndexAny(rest, "'`")
		if at < 0 {
			code.WriteString(rest)
			return code.String()
		}
		end := strings.IndexByte(rest[at+1:], rest[at])
		if end < 0 {
			return sql
		}
		end += at + 2
		if code.WriteString(rest[:at]); rest[at] == '`' {
			code.WriteString(rest[at:end])
		}
		code.WriteByte(' ')
		rest = rest[end:]
	}
}

func (p Program) meddles() bool {
	return p.Body == "" || p.calls || fromText.MatchString(p.Body) || meddling.MatchString(p.code())
}

// hasWord reports whether a name stands in a text by itself.
func hasWord(text, name string) bool {
	word, err := regexp.Compile(`(?i)(?:^|[^\pL\pN_$])` + regexp.QuoteMeta(name) + `(?:$|[^\pL\pN_$])`)
	return err != nil || word.MatchString(text)
}
