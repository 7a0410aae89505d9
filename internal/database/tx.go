package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
)

// How often a transaction runs: again after the server gave it up, with pauses that grow from a
// millisecond to a tenth of a second, and again after its connection was lost.
const (
	maxTries  = 20
	lostTries = 3
)

// InTx runs fn in a transaction and commits it. It rolls back when fn fails or panics, and runs all
// of fn again when the server gave the transaction up for another's sake (a deadlock, a cluster
// conflict) or the connection was lost before COMMIT was sent; so fn touches nothing but tx and
// variables that it assigns afresh. The last try's error is returned as it is, and IsUnavailable knows
// it. A connection that is lost at COMMIT is such an error, too: nobody knows what became of the
// transaction, and only the caller can find out.
func InTx(ctx context.Context, db *sqlx.DB, fn func(tx *sqlx.Tx) error) error {
	return inTx(ctx, db, nil, fn)
}

// InSnapshot runs fn in a transaction that only reads, and in which all reads see the same moment.
func InSnapshot(ctx context.Context, db *sqlx.DB, fn func(tx *sqlx.Tx) error) error {
	return inTx(ctx, db, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, fn)
}

// Exec runs one statement that is a transaction of its own, again like InTx where the server gave it
// up or refused it. A connection that is lost once the statement was sent is an error.
func Exec(ctx context.Context, db *sqlx.DB, query string, args ...any) (res sql.Result, err error) {
	err = retry(ctx, func() error {
		if res, err = db.ExecContext(ctx, query, args...); err != nil {
			return &commitError{unexpected(err)}
		}
		return nil
	})
	return res, err
}

func inTx(ctx context.Context, db *sqlx.DB, opts *sql.TxOptions, fn func(tx *sqlx.Tx) error) error {
	return retry(ctx, func() error { return once(ctx, db, opts, fn) })
}

var retries atomic.Uint64

// Retries returns how often this program has run a transaction again.
func Retries() uint64 { return retries.Load() }

func retry(ctx context.Context, fn func() error) error {
	for try := 1; ; try++ {
		err := fn()
		if err == nil || try >= triesFor(err) {
			return err
		}
		pause := min(time.Millisecond<<(try-1), 100*time.Millisecond)
		select {
		case <-time.After(pause/2 + rand.N(pause)): // #nosec G404 -- nobody gains by guessing a pause
			retries.Add(1)
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// triesFor tells how often to try what ended in err. It is more than once only where nothing can have
// been committed: at a COMMIT that is where the server says so, or it was never sent (ErrBadConn).
func triesFor(err error) int {
	var commit *commitError
	var none *connectError
	switch {
	case isRetryable(err):
		return maxTries
	case errors.As(err, &none):
		return 1 // every host has been tried
	case errors.As(err, &commit):
		if errors.Is(err, driver.ErrBadConn) || isHostsRefusal(err) && !hasNumber(err, erShutdown, erGroupNotOnline) {
			return lostTries
		}
		return 1
	case isLost(err):
		return lostTries
	}
	return 1
}

func once(ctx context.Context, db *sqlx.DB, opts *sql.TxOptions, fn func(tx *sqlx.Tx) error) error {
	tx, err := db.BeginTxx(ctx, opts)
	if err != nil {
		return err
	}
	// After Commit this does nothing; it is here for errors and panics.
	defer func() { _ = tx.Rollback() }()
	err = fn(tx)
	if err == nil {
		err = tx.Commit()
	}
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil { // the end of ctx rolled it back
		return errors.Join(ctx.Err(), err)
	}
	return err
}
