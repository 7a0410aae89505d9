package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Statement is one thing that was sent to the database: SQL on one line with its placeholders, never
// the values; BEGIN, COMMIT and ROLLBACK too. Rows were returned, or matched by a write.
type Statement struct {
	SQL      string
	Duration time.Duration // until the last row was read
	Rows     int64
	Err      error
}

// Observer is told of each statement once it is over. It is called from many goroutines.
type Observer func(ctx context.Context, s Statement)

type observedConn struct {
	fullConn
	observe Observer
}

func (c observedConn) note(ctx context.Context, query string, start time.Time, rows int64, err error) {
	if errors.Is(err, driver.ErrSkip) { // comes again as a prepared statement
		return
	}
	var told *mysql.MySQLError
	if errors.As(err, &told) { // its text holds values
		err = &mysql.MySQLError{Number: told.Number, SQLState: told.SQLState, Message: "(not shown)"}
	}
	c.observe(ctx, Statement{strings.Join(strings.Fields(query), " "), time.Since(start), rows, err})
}

func (c observedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	start := time.Now()
	res, err := c.fullConn.ExecContext(ctx, query, args)
	var rows int64
	if err == nil {
		rows, _ = res.RowsAffected()
	}
	c.note(ctx, query, start, rows, err)
	return res, err
}

func (c observedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	start := time.Now()
	rows, err := c.fullConn.QueryContext(ctx, query, args)
	if err != nil {
		c.note(ctx, query, start, 0, err)
		return nil, err
	}
	return &observedRows{Rows: rows, done: func(n int64, err error) { c.note(ctx, query, start, n, err) }}, nil
}

func (c observedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	start := time.Now()
	tx, err := c.fullConn.BeginTx(ctx, opts)
	c.note(ctx, "BEGIN", start, 0, err)
	if err != nil {
		return nil, err
	}
	return observedTx{tx, ctx, c}, nil
}

type observedTx struct {
	driver.Tx
	ctx  context.Context // of the transaction: Commit and Rollback have none of their own
	conn observedConn
}

func (t observedTx) Commit() error {
	start := time.Now()
	err := t.Tx.Commit()
	t.conn.note(t.ctx, "COMMIT", start, 0, err)
	return err
}

func (t observedTx) Rollback() error {
	start := time.Now()
	err := t.Tx.Rollback()
	t.conn.note(t.ctx, "ROLLBACK", start, 0, err)
	return err
}

type observedRows struct {
	driver.Rows
	n    int64
	err  error
	done func(n int64, err error)
}

func (r *observedRows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	switch {
	case err == nil:
		r.n++
	case !errors.Is(err, io.EOF):
		r.err = err
	}
	return err
}

func (r *observedRows) Close() error {
	err := r.Rows.Close()
	if r.done != nil {
		r.done(r.n, errors.Join(r.err, err))
		r.done = nil
	}
	return err
}
