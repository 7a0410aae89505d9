package database

import (
	"context"
	"fmt"
	"regexp"

	"github.com/jmoiron/sqlx"
)

// Program is what a server runs of its own accord: a trigger on one of the shop's tables, or an event of its database. The
// shop has none.
type Program struct {
	Name    string `db:"name"`
	Table   string `db:"t"`      // "" of an event
	Moment  string `db:"moment"` // BEFORE INSERT, ...; whether an event is ENABLED
	Body    string `db:"body"`
	Routine bool   `db:"routine"` // Body names a procedure or function of the database
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
	const routine = `EXISTS (
			SELECT 1
			FROM information_schema.routines
			WHERE routine_schema = DATABASE() AND LOCATE(LOWER(routine_name), LOWER(%s)) > 0) AS routine`
	query, args, err := sqlx.In(`
		SELECT trigger_name AS name, event_object_table AS t, CONCAT(action_timing, ' ', event_manipulation) AS moment,
			COALESCE(action_statement, '') AS body, `+fmt.Sprintf(routine, "action_statement")+`
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
	err = sqlx.SelectContext(ctx, db, &events, `
		SELECT event_name AS name, '' AS t, status AS moment, COALESCE(event_definition, '') AS body, `+fmt.Sprintf(routine, "event_definition")+`
		FROM information_schema.events
		WHERE event_schema = DATABASE()
		ORDER BY name`)
	return append(list, events...), err
}

// meddling is what a program needs to get at the shop's tables after a row was added there: their names, another program's,
// or a text of SQL. Whether it does so can't be told in general.
var meddling = regexp.MustCompile(`(?i)\b(users|products|carts|orders|order_items|call|prepare|execute)\b`)

func (p Program) meddles() bool { return p.Body == "" || p.Routine || meddling.MatchString(p.Body) }
