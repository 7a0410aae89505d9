package database

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// WithLock runs fn while no other process runs one under the same name on this database; it waits up
// to ten minutes for its turn. The lock belongs to a connection, so it is gone when its holder dies.
// On a cluster it holds for one node only.
func WithLock(ctx context.Context, db *sqlx.DB, name string, fn func() error) error {
	conn, err := db.Connx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	const lock = "CONCAT('hexamart ', ?, ' ', LEFT(SHA2(DATABASE(), 256), 32))" // at most 64 characters
	var got sql.NullInt64
	if err := conn.GetContext(ctx, &got, "SELECT GET_LOCK("+lock+", 600)", name); err != nil {
		return err
	}
	if got.Int64 != 1 {
		return fmt.Errorf("another process has held the database's lock for %q for ten minutes", name)
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK("+lock+")", name)
	}()
	return fn()
}
