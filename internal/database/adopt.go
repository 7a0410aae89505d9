package database

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Change is one value of an adopted database that could not stay as it was. Old and New are nil for
// NULL; New is also nil for a row that was removed.
type Change struct {
	Table  string  `db:"table_name"`
	Row    int64   `db:"row_id"`
	Column string  `db:"column_name"`
	Old    *string `db:"old_value"`
	New    *string `db:"new_value"`
}

// Adoption is what was done to a database of the earlier backend, or would be. Of one that was begun and
// interrupted a check lists what is still to come: its steps in Pending, and the values left to alter.
type Adoption struct {
	Pending []string
	Rows    map[string]int64 // of each table, before
	Moved   int64            // payment methods that were kept in payment_status
	Changes []Change         // by table and row

	// Warnings name what stays as it is and should be looked at, a line each: users who can't log in, triggers and events.
	Warnings []string
}

// errLoadedOver is about a copy of the earlier backend's tables in place of those that were adopted: what
// was noted of these is not true of it.
var errLoadedOver = fmt.Errorf("%w: a copy of the earlier backend's tables was loaded over a database that had been adopted; "+
	"load it into an empty one", ErrNotAdoptable)

// AdoptOptions are for Adopt.
type AdoptOptions struct {
	Check  bool         // change nothing, only say what would be
	Notify func(string) // gets progress for a human, a line a call; may be nil
}

// ErrNotAdoptable says what keeps a database of the earlier backend from being adopted, or an adoption that
// was interrupted from going on. Nothing was changed.
var ErrNotAdoptable = errors.New("this database of the earlier backend can't be adopted as it is; nothing was changed now")

// Adopt brings a database that the earlier backend made to the shape that the first migrations give a
// new one, in place; Migrate goes on from there. It returns nil for a database that is none, or was
// adopted before. Everything that could stop it is looked for before the first change. Interrupted at
// any statement it finishes when it is called again: each change of a table is one statement that can
// tell that it was made, and each change of rows is a transaction that notes what it did in the table
// adoption_log, which stays.
func Adopt(ctx context.Context, db *sqlx.DB, opt AdoptOptions) (result *Adoption, err error) {
	if opt.Notify == nil {
		opt.Notify = func(string) {}
	}
	err = WithLockConn(ctx, db, "migrate", func(one *sqlx.DB) error {
		a := &adopter{db: one, opt: opt}
		needed, err := a.look(ctx)
		if err != nil || !needed {
			return err
		}
		if result, err = a.run(ctx); err == nil {
			result.Warnings = a.warnings
		}
		return err
	})
	if hasNumber(err, erLockWait) {
		err = fmt.Errorf("somebody else keeps a table locked: stop the earlier backend and what else uses the database, and run this again: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("adopt: %w", err)
	}
	return result, nil
}

// adopter is one run of Adopt.
type adopter struct {
	db      *sqlx.DB
	opt     AdoptOptions
	started bool // by this or an earlier run
	columns map[string]column
	shaped  map[string]bool // tables that have their final shape

	warnings []string // for Adoption
}

// legacyColumns are what the earlier backend's tables have.
var legacyColumns = map[string][]string{
	"users":       {"id", "name", "email", "password_hash", "is_admin", "address"},
	"products":    {"id", "name", "price", "category", "stock", "image_url"},
	"carts":       {"id", "user_id", "product_id", "quantity"},
	"orders":      {"id", "user_id", "total_price", "status", "payment_status", "shipping_address", "created_at"},
	"order_items": {"id", "order_id", "product_id", "quantity", "price"},
}

var legacyTables = []string{"users", "products", "carts", "orders", "order_items"}

// column is what information_schema says of one.
type column struct {
	Table    string  `db:"t"`
	Name     string  `db:"c"`
	Type     string  `db:"data_type"`
	Length   *int64  `db:"len"`
	Full     string  `db:"column_type"`
	Nullable string  `db:"is_nullable"`
	Default  *string `db:"dflt"`
	Extra    string  `db:"extra"`
}

// look reports whether there is something to adopt, or to go on with.
func (a *adopter) look(ctx context.Context) (bool, error) {
	var tables []string
	if err := a.db.SelectContext(ctx, &tables, `
		SELECT table_name
		FROM information_schema.tables
		WHERE table_schema = DATABASE()`); err != nil {
		return false, err
	}
	if err := a.readColumns(ctx); err != nil {
		return false, err
	}
	if slices.Contains(tables, "goose_db_version") && slices.Contains(tables, "users") && !a.has("users", "email_key") {
		return false, errLoadedOver
	}
	if slices.Contains(tables, "adoption_log") {
		a.started = true
		done, err := a.isDone(ctx, a.db, "finished")
		if done && !a.has("users", "email_key") {
			return false, errLoadedOver
		}
		return !done, err
	}
	if len(tables) == 0 || slices.Contains(tables, "goose_db_version") {
		return false, nil
	}
	var missing []string
	for _, table := range legacyTables {
		if !slices.Contains(tables, table) {
			missing = append(missing, "table "+table)
			continue
		}
		for _, name := range legacyColumns[table] {
			if !a.has(table, name) {
				missing = append(missing, "column "+table+"."+name)
			}
		}
	}
	if len(missing) > 0 {
		return false, fmt.Errorf("%w: it lacks %s of the earlier backend", ErrForeign, strings.Join(missing, ", "))
	}
	return true, nil
}

func (a *adopter) readColumns(ctx context.Context) error {
	var list []column
	if err := a.db.SelectContext(ctx, &list, `
		SELECT table_name AS t, column_name AS c, data_type AS data_type, character_maximum_length AS len,
			column_type AS column_type, is_nullable AS is_nullable, column_default AS dflt, extra AS extra
		FROM information_schema.columns
		WHERE table_schema = DATABASE()`); err != nil {
		return err
	}
	a.columns = map[string]column{}
	for _, c := range list {
		a.columns[c.Table+"."+c.Name] = c
	}
	return nil
}

func (a *adopter) has(table, name string) bool {
	_, ok := a.columns[table+"."+name]
	return ok
}

func (a *adopter) run(ctx context.Context) (*Adoption, error) {
	if err := a.check(ctx); err != nil {
		return nil, err
	}
	if a.opt.Check {
		return a.preview(ctx)
	}
	if err := a.awaitTables(ctx); err != nil {
		return nil, err
	}
	if err := a.exec(ctx, createLog); err != nil {
		return nil, err
	}
	a.started = true
	if err := a.noteRows(ctx); err != nil {
		return nil, err
	}
	for _, step := range a.steps() {
		a.opt.Notify("adopting: " + step.name)
		if err := step.run(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	result, err := a.result(ctx)
	if err != nil {
		return nil, err
	}
	return result, InTx(ctx, a.db, func(tx *sqlx.Tx) error { return a.note(ctx, tx, Change{Column: "finished"}) })
}

func (a *adopter) exec(ctx context.Context, statement string) error {
	_, err := a.db.ExecContext(ctx, statement)
	return err
}

const createLog = `
	CREATE TABLE IF NOT EXISTS adoption_log (
		id          BIGINT       NOT NULL AUTO_INCREMENT,
		table_name  VARCHAR(64)  NOT NULL,
		row_id      BIGINT       NOT NULL,
		column_name VARCHAR(64)  NOT NULL,
		old_value   TEXT         NULL,
		new_value   TEXT         NULL,
		PRIMARY KEY (id)
	) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci`

// isDone reports whether a step has been noted: a row of no table.
func (a *adopter) isDone(ctx context.Context, db sqlx.QueryerContext, step string) (done bool, err error) {
	err = sqlx.GetContext(ctx, db, &done, `
		SELECT EXISTS (SELECT 1 FROM adoption_log WHERE table_name = '' AND column_name = ?)`, step)
	return done, err
}

// note writes down, in the transaction of a step, what it changed.
func (a *adopter) note(ctx context.Context, tx *sqlx.Tx, changes ...Change) error {
	for batch := range slices.Chunk(changes, 1000) {
		var args []any
		for _, c := range batch {
			args = append(args, c.Table, c.Row, c.Column, c.Old, c.New)
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO adoption_log (table_name, row_id, column_name, old_value, new_value)
			VALUES (?, ?, ?, ?, ?)`+strings.Repeat(", (?, ?, ?, ?, ?)", len(batch)-1), args...); err != nil {
			return err
		}
	}
	return nil
}

// noteRows keeps how many rows there were.
func (a *adopter) noteRows(ctx context.Context) error {
	return a.once(ctx, "rows", false, func(tx *sqlx.Tx) ([]Change, error) { return countRows(ctx, tx) })
}

// once runs a change of rows in a transaction, together with the note that it was made; one that was
// noted is left out unless it can be repeated.
func (a *adopter) once(ctx context.Context, step string, repeat bool, fn func(tx *sqlx.Tx) ([]Change, error)) error {
	return InTx(ctx, a.db, func(tx *sqlx.Tx) error {
		done, err := a.isDone(ctx, tx, step)
		if err != nil || (done && !repeat) {
			return err
		}
		changes, err := fn(tx)
		if err != nil {
			return err
		}
		if !done {
			changes = append(changes, Change{Column: step})
		}
		return a.note(ctx, tx, changes...)
	})
}

// result reads the notes of this and earlier runs.
func (a *adopter) result(ctx context.Context) (*Adoption, error) {
	var notes []Change
	if err := a.db.SelectContext(ctx, &notes, `
		SELECT table_name, row_id, column_name, old_value, new_value
		FROM adoption_log
		WHERE table_name <> ''
		ORDER BY table_name, row_id, id`); err != nil {
		return nil, err
	}
	return summarize(notes), nil
}

func summarize(notes []Change) *Adoption {
	r := &Adoption{Rows: map[string]int64{}}
	for _, c := range notes {
		var n int64
		if c.Old != nil {
			_, _ = fmt.Sscan(*c.Old, &n)
		}
		switch c.Column {
		case "rows":
			r.Rows[c.Table] = n
		case "moved":
			r.Moved += n
		default:
			r.Changes = append(r.Changes, c)
		}
	}
	return r
}
