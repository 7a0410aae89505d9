package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"
)

// How long the end of a transaction may take. A COMMIT waits longest: for a cluster that is making
// sure that one of its nodes is dead. Without a deadline of the caller's it may be of any size.
const (
	commitPatience   = 10 * time.Second
	longestCommit    = 10 * time.Minute
	rollbackPatience = 5 * time.Second
)

// BeginTx implements driver.ConnBeginTx.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	longer, end := outlive(ctx)
	defer end()
	start := time.Now()
	_, err := c.fullConn.BeginTx(longer, opts)
	c.undone = nil
	c.heed(ctx, "BEGIN", start, 0, err)
	if err != nil {
		return nil, err
	}
	c.inTx = true
	return connTx{ctx, c}, nil
}

// connTx ends a transaction in bounded time, which the driver's own does not, and whether or not its
// caller has gone: a COMMIT that is cut off leaves nobody knowing what became of it.
type connTx struct {
	ctx  context.Context // of the transaction: Commit and Rollback have none of their own
	conn *conn
}

// commitError is what came of a COMMIT. The transaction may have been committed all the same, unless
// the cause is one with which the server says that it was not.
type commitError struct{ error }

func (e *commitError) Unwrap() error { return e.error }

func (t connTx) Commit() error {
	if err := t.conn.undone; err != nil { // a cluster would say OK and have committed nothing
		return errors.Join(err, t.Rollback())
	}
	patience := longestCommit
	if deadline, ok := t.ctx.Deadline(); ok {
		patience = max(commitPatience, time.Until(deadline))
	}
	if err := t.end("COMMIT", patience); err != nil {
		return &commitError{err}
	}
	return nil
}

func (t connTx) Rollback() error { return t.end("ROLLBACK", rollbackPatience) }

func (t connTx) end(word string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), patience)
	defer cancel()
	_, err := t.conn.ExecContext(ctx, word, nil)
	t.conn.undone, t.conn.inTx = nil, false
	return err
}
