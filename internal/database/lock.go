package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// lockTimeout is for how many seconds the holder of a lock may be busy with something else.
const lockTimeout = "86400"

// WithLock runs fn while no other process runs one under the same name on this database; it waits up
// to ten minutes for its turn. The lock belongs to a connection, so it is gone when its holder dies.
// On a cluster it holds for one node only.
func WithLock(ctx context.Context, db *sqlx.DB, name string, fn func() error) error {
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
	return fn()
}
