package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// lockTimeout is for how many seconds the holder of a lock may be busy with something else.
const lockTimeout = "86400"

// WithLockConn runs fn while no other process runs one under the same name on this database; it waits up
// to ten minutes for its turn. The lock belongs to a connection, so it is gone when its holder dies.
// On a cluster it holds for one node only. Nothing of fn's work may go on when the next has its turn: all that it
// does through the pool that it gets, a pool of one, runs on the very connection that holds the lock.
// A server finishes a statement whose client was killed, and keeps the lock for so long.
func WithLockConn(ctx context.Context, db *sqlx.DB, name string, fn func(one *sqlx.DB) error) error {
	return withLock(ctx, db, name, func(conn *sqlx.Conn) error {
		return conn.Raw(func(held any) error {
			l := &lender{conn: held.(fullConn), driver: db.Driver(), back: make(chan struct{})}
			one := sqlx.NewDb(sql.OpenDB(l), db.DriverName())
			one.SetMaxOpenConns(1)
			defer func() {
				_ = one.Close()
				if l.conn == nil { // a transaction whose context ended is rolled back behind fn's back
					<-l.back
				}
			}()
			return fn(one)
		})
	})
}

func withLock(ctx context.Context, db *sqlx.DB, name string, fn func(conn *sqlx.Conn) error) error {
	conn, err := db.Connx(ctx)
	if err != nil {
		return err
	}
	// It is idle while fn runs, and must live. It does not go back to the pool, where none may live so long.
	defer func() {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = conn.Close()
	}()
	if _, err := conn.ExecContext(ctx, "SET SESSION wait_timeout = "+lockTimeout); err != nil {
		return err
	}
	const lock = "CONCAT('hexamart ', ?, ' ', LEFT(SHA2(DATABASE(), 256), 32))" // at most 64 characters
	var got sql.NullInt64
	if err := conn.GetContext(ctx, &got, "SELECT GET_LOCK("+lock+", 600)", name); err != nil {
		return err
	}
	if got.Int64 != 1 {
		return fmt.Errorf("another process has held the database's lock for %q for ten minutes", name)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackPatience)
		defer cancel()
		_, _ = conn.ExecContext(ctx, "DO RELEASE_LOCK("+lock+")", name)
	}()
	return fn(conn)
}

// lender gives a pool one connection that belongs to another, and no second one: that would not hold
// the lock.
type lender struct {
	conn   fullConn
	driver driver.Driver
	back   chan struct{} // closed when the pool is done with the connection
}

func (l *lender) Connect(context.Context) (driver.Conn, error) {
	if l.conn == nil {
		return nil, fmt.Errorf("the connection that holds the database's lock is lost, or the server takes no changes: %w", mysql.ErrInvalidConn)
	}
	c := lent{l.conn, l.back}
	l.conn = nil
	return c, nil
}

func (l *lender) Driver() driver.Driver { return l.driver }

// lent is a connection that goes back to its owner instead of being closed.
type lent struct {
	fullConn
	back chan struct{}
}

func (c lent) Close() error {
	close(c.back)
	return nil
}
