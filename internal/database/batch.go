package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// Batch is a transaction whose statements are all known beforehand. It is sent in one packet, COMMIT
// included: rows are locked for no longer than the server needs, and nobody waits on the network for
// somebody else's next statement. Where a statement fails, or does not match what is expected, nothing
// happens.
type Batch struct {
	Shared bool // is the work of several callers, who could as well be served apart: it does not wait for rows for long

	text  strings.Builder
	args  []any
	count int
}

const setPatience = "SET SESSION innodb_lock_wait_timeout = "

// ErrUnexpected says that a statement of a batch did not match as many rows as expected, or that they stayed locked.
var ErrUnexpected = errors.New("the rows are not what they were")

// Add appends a statement and returns its number.
func (b *Batch) Add(query string, args ...any) int {
	b.text.WriteString(query)
	b.text.WriteString(";\n")
	b.args = append(b.args, args...)
	b.count++
	return b.count - 1
}

// Unless is an expression of SQL that is zero, or ends the statement and its batch with ErrUnexpected if
// the condition holds. Outside stored programs a server ends the work only for an error: here that of a
// sum that is too large by one, which costs it next to nothing.
func Unless(condition string) string {
	return "0 * (18446744073709551615 + (" + condition + "))"
}

// Matched is an Unless that ends the batch if the statement before did not match so many rows. A statement
// of its own for that would be one more answer to wait for.
func Matched(rows int) string { return Unless("ROW_COUNT() <> " + strconv.Itoa(rows)) }

// Done is what came of one statement of a batch: the AUTO_INCREMENT of its first new row, or what it gave
// LAST_INSERT_ID, and how many rows it matched. ON DUPLICATE KEY UPDATE counts a changed row as two.
type Done struct{ ID, Rows int64 }

// Run runs the batch, again like InTx where that is safe, and returns what came of each statement. An error of
// the connection leaves open whether all of it or nothing happened, as at a COMMIT.
func (b *Batch) Run(ctx context.Context, db *sqlx.DB) (done []Done, err error) {
	err = retry(ctx, func() error {
		lent, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = lent.Close() }()
		return lent.Raw(func(c any) (err error) {
			done, err = b.runOn(ctx, c.(*conn))
			return err
		})
	})
	return done, err
}

// unexpected tells the error of an Unless.
func unexpected(err error) error {
	if hasNumber(err, erOutOfRange) {
		return ErrUnexpected
	}
	return err
}

func (b *Batch) runOn(ctx context.Context, c *conn) ([]Done, error) {
	args := make([]driver.NamedValue, len(b.args))
	for i, v := range b.args {
		args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
		if err := c.CheckNamedValue(&args[i]); err != nil {
			return nil, err
		}
	}
	// Like a COMMIT it goes on when its caller has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitPatience)
	defer cancel()
	text, before := b.text.String(), 1
	if b.Shared {
		text, before = setPatience+sharedPatience+";\n"+text+setPatience+rowPatience+";\n", 2
	}
	res, err := c.exec(ctx, "START TRANSACTION;\n"+text+"COMMIT", args)
	if err == nil {
		ids, rows := res.(mysql.Result).AllLastInsertIds(), res.(mysql.Result).AllRowsAffected()
		if len(ids) != b.count+2*before || len(rows) != len(ids) {
			return nil, fmt.Errorf("%d results of %d statements", len(ids), b.count)
		}
		done := make([]Done, b.count)
		for i := range done { // the first and the last are not the caller's
			done[i] = Done{ids[i+before], rows[i+before]}
		}
		return done, nil
	}
	var told *mysql.MySQLError
	if !errors.As(err, &told) {
		return nil, &commitError{err}
	}
	failed := (connTx{ctx, c}).Rollback()
	if b.Shared && failed == nil {
		_, failed = c.exec(ctx, setPatience+rowPatience, nil)
	}
	if failed != nil {
		c.useless = true
	}
	if hasNumber(err, erLockWait) { // by somebody who keeps the rows for long: nothing to wait for a second time here
		return nil, &commitError{ErrUnexpected}
	}
	return nil, &commitError{unexpected(err)}
}
