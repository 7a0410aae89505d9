package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// Batch is a transaction whose statements are all known beforehand. It is sent in one packet, COMMIT
// included, but to a Galera cluster: rows are locked for no longer than the server needs, and nobody waits on the network for
// somebody else's next statement. Where a statement fails, or does not match what is expected, nothing
// happens.
type Batch struct {
	Shared bool // is the work of several callers, who could as well be served apart: it does not wait for rows for long

	statements []statement
}

type statement struct {
	query string
	args  []any
}

const setPatience = "SET SESSION innodb_lock_wait_timeout = "

// ErrUnexpected says that a statement of a batch did not match as many rows as expected, or that they stayed locked.
var ErrUnexpected = errors.New("the rows are not what they were")

// Add appends a statement and returns its number.
func (b *Batch) Add(query string, args ...any) int {
	b.statements = append(b.statements, statement{query, args})
	return len(b.statements) - 1
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

func (b *Batch) runOn(ctx context.Context, c *conn) (done []Done, err error) {
	// Like a COMMIT it goes on when its caller has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitPatience)
	defer cancel()
	if c.clustered {
		done, err = b.sendEach(ctx, c)
	} else {
		done, err = b.sendAll(ctx, c)
	}
	if err == nil {
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

// all are the batch's statements with those around them, and how many these are before and after.
func (b *Batch) all() (all []statement, around int) {
	all = []statement{{"START TRANSACTION", nil}}
	end := []statement{{"COMMIT", nil}}
	if b.Shared {
		all = append(all, statement{setPatience + sharedPatience, nil})
		end = []statement{{setPatience + rowPatience, nil}, end[0]}
	}
	return slices.Concat(all, b.statements, end), len(all)
}

// sendAll sends all statements in one packet.
func (b *Batch) sendAll(ctx context.Context, c *conn) ([]Done, error) {
	var text strings.Builder
	var args []any
	all, around := b.all()
	for i, s := range all {
		if i > 0 {
			text.WriteString(";\n")
		}
		text.WriteString(s.query)
		args = append(args, s.args...)
	}
	named, err := nameValues(c, args)
	if err != nil {
		return nil, err
	}
	res, err := c.exec(ctx, text.String(), named)
	if err != nil {
		return nil, err
	}
	ids, rows := res.(mysql.Result).AllLastInsertIds(), res.(mysql.Result).AllRowsAffected()
	if len(ids) != len(all) || len(rows) != len(ids) {
		return nil, fmt.Errorf("%d results of %d statements", len(ids), len(all))
	}
	done := make([]Done, len(b.statements))
	for i := range done {
		done[i] = Done{ids[i+around], rows[i+around]}
	}
	return done, nil
}

// sendEach sends one statement after another. A node of a Galera cluster that gives up a transaction for another node's, in the
// middle of a packet, may go on with the rest of it as if there had never been one, and say nothing.
func (b *Batch) sendEach(ctx context.Context, c *conn) ([]Done, error) {
	all, around := b.all()
	done := make([]Done, len(all))
	for i, s := range all {
		named, err := nameValues(c, s.args)
		if err != nil {
			return nil, err
		}
		res, err := c.exec(ctx, s.query, named)
		if err != nil {
			return nil, err
		}
		if done[i].ID, err = res.LastInsertId(); err != nil {
			return nil, err
		}
		if done[i].Rows, err = res.RowsAffected(); err != nil {
			return nil, err
		}
	}
	return done[around : around+len(b.statements)], nil
}

func nameValues(c *conn, values []any) ([]driver.NamedValue, error) {
	named := make([]driver.NamedValue, len(values))
	for i, v := range values {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
		if err := c.CheckNamedValue(&named[i]); err != nil {
			return nil, err
		}
	}
	return named, nil
}
