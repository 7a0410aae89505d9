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
	text  strings.Builder
	args  []any
	count int
}

// ErrUnexpected says that a statement of a batch did not match as many rows as expected.
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

// Run runs the batch, again like InTx where that is safe, and returns what each statement gave its first
// new row as an AUTO_INCREMENT. An error of the connection leaves open whether all of it or nothing
// happened, as at a COMMIT.
func (b *Batch) Run(ctx context.Context, db *sqlx.DB) (ids []int64, err error) {
	err = retry(ctx, func() error {
		lent, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = lent.Close() }()
		return lent.Raw(func(c any) (err error) {
			ids, err = b.runOn(ctx, c.(*conn))
			return err
		})
	})
	return ids, err
}

// unexpected tells the error of an Unless.
func unexpected(err error) error {
	if hasNumber(err, erOutOfRange) {
		return ErrUnexpected
	}
	return err
}

func (b *Batch) runOn(ctx context.Context, c *conn) ([]int64, error) {
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
	res, err := c.exec(ctx, "START TRANSACTION;\n"+b.text.String()+"COMMIT", args)
	if err == nil {
		all := res.(mysql.Result).AllLastInsertIds()
		if len(all) != b.count+2 {
			return nil, fmt.Errorf("%d results of %d statements", len(all), b.count)
		}
		return all[1 : b.count+1], nil
	}
	var told *mysql.MySQLError
	if !errors.As(err, &told) {
		return nil, &commitError{err}
	}
	if (connTx{ctx, c}).Rollback() != nil {
		c.useless = true
	}
	return nil, &commitError{unexpected(err)}
}
