package database

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"
)

// maxTries bounds how often a transaction runs again after the server gave it up; the pauses between
// them grow from a millisecond to a tenth of a second.
const maxTries = 12

// InTx runs fn in a transaction and commits it. It rolls back when fn fails or panics, and runs all
// of fn again when the server gave the transaction up for another's sake (a deadlock, a cluster
// conflict); so fn touches nothing but tx and variables that it assigns afresh. The last try's error
// is returned as it is, and IsUnavailable knows it.
func InTx(ctx context.Context, db *sqlx.DB, fn func(tx *sqlx.Tx) error) error {
	return inTx(ctx, db, nil, fn)
}

// InSnapshot runs fn in a transaction that only reads, and in which all reads see the same moment.
func InSnapshot(ctx context.Context, db *sqlx.DB, fn func(tx *sqlx.Tx) error) error {
	return inTx(ctx, db, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, fn)
}

// Exec runs one statement that is a transaction of its own, again like InTx where the server gave it up.
func Exec(ctx context.Context, db *sqlx.DB, query string, args ...any) (res sql.Result, err error) {
	err = retry(ctx, func() error {
		res, err = db.ExecContext(ctx, query, args...)
		return err
	})
	return res, err
}

func inTx(ctx context.Context, db *sqlx.DB, opts *sql.TxOptions, fn func(tx *sqlx.Tx) error) error {
	return retry(ctx, func() error { return once(ctx, db, opts, fn) })
}

func retry(ctx context.Context, fn func() error) error {
	for try := 1; ; try++ {
		err := fn()
		if err == nil || try == maxTries || !isRetryable(err) {
			return err
		}
		pause := min(time.Millisecond<<(try-1), 100*time.Millisecond)
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
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
