package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"hexamart/migrations"
)

// Migration is one numbered change of the schema.
type Migration struct {
	Version int64
	Name    string // its file
	Applied bool
}

// ErrForeign says that the database holds tables but no schema of HexaMart.
var ErrForeign = errors.New("the database is not empty and its tables are not HexaMart's; nothing was changed")

// Migrate applies the migrations that are pending and returns them. Several processes may call it at
// once: one applies, the others wait and find nothing to do.
func Migrate(ctx context.Context, db *sqlx.DB) (applied []Migration, err error) {
	err = WithLockConn(ctx, db, "migrate", func(db *sqlx.DB) error {
		if err := refuseForeign(ctx, db); err != nil {
			return err
		}
		if err := dropStillborn(ctx, db); err != nil {
			return err
		}
		applied, err = up(ctx, db, migrations.FS)
		return err
	})
	if err != nil {
		return applied, fmt.Errorf("migrate: %w", err)
	}
	return applied, nil
}

// A change of the schema waits for those who use its table, and everybody who comes later waits behind it. One of these
// may have rows that one of those waits for, which no server notices (not an order, which opens its tables before it locks
// a row): then the later one gives way first, whose patience is the shorter (tablePatience), and after a few such turns the
// change does, so that nobody waits behind it for long. It lets the others go first and asks again, for about eight minutes
// in all. Once it has the table, it has a little more patience, for those who are about to be done with rows that refer to it.
const (
	upPatience = "SET SESSION lock_wait_timeout = 2, innodb_lock_wait_timeout = 3"
	upTries    = 60
	dupTries   = 5
	upPause    = 250 * time.Millisecond // more each time
	upPauseMax = 8 * time.Second
)

// up applies what is pending of files. A change that the server gave up for another's sake is made again, and so is one
// that met a duplicate: MySQL, which builds a table anew while others write, takes ON DUPLICATE KEY UPDATE for some.
func up(ctx context.Context, db *sqlx.DB, files fs.FS) (applied []Migration, err error) {
	p, err := provider(db, files)
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, upPatience); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		results, err := p.Up(ctx)
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			results = partial.Applied
		}
		for _, r := range results {
			applied = append(applied, Migration{r.Source.Version, r.Source.Path, true})
		}
		if again := isRetryable(err) || IsDuplicate(err) && try < dupTries; !again || try == upTries {
			return applied, err
		}
		select {
		case <-time.After(min(time.Duration(try)*upPause, upPauseMax)):
		case <-ctx.Done():
			return applied, errors.Join(err, ctx.Err())
		}
	}
}

// Migrations lists every known migration in order, with whether the database has it.
func Migrations(ctx context.Context, db *sqlx.DB) ([]Migration, error) {
	at, err := SchemaVersion(ctx, db)
	if err != nil {
		return nil, err
	}
	p, err := provider(db, migrations.FS)
	if err != nil {
		return nil, err
	}
	var list []Migration
	for _, s := range p.ListSources() {
		list = append(list, Migration{s.Version, s.Path, s.Version <= at})
	}
	return list, nil
}

// SchemaVersion returns the number of the newest migration that was applied, 0 for an empty database.
func SchemaVersion(ctx context.Context, db *sqlx.DB) (int64, error) {
	var version int64
	err := db.GetContext(ctx, &version, `
		SELECT COALESCE(MAX(version_id), 0)
		FROM goose_db_version
		WHERE is_applied`)
	if hasNumber(err, erNoTable) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, nil
}

// LatestVersion returns the number of the newest migration that this program knows.
func LatestVersion() int64 {
	files, _ := fs.Glob(migrations.FS, "*.sql") // the pattern is good
	var version int64
	if len(files) > 0 {
		_, _ = fmt.Sscanf(files[len(files)-1], "%d_", &version)
	}
	return version
}

func provider(db *sqlx.DB, files fs.FS) (*goose.Provider, error) {
	return goose.NewProvider(goose.DialectMySQL, db.DB, files, goose.WithDisableGlobalRegistry(true))
}

// IsEmpty reports whether the database has no tables.
func IsEmpty(ctx context.Context, db *sqlx.DB) (bool, error) {
	var tables int
	err := db.GetContext(ctx, &tables, `
		SELECT COUNT(*)
		FROM information_schema.tables
		WHERE table_schema = DATABASE()`)
	return tables == 0, err
}

func refuseForeign(ctx context.Context, db *sqlx.DB) error {
	var tables, ours int
	row := db.QueryRowContext(ctx, `
		SELECT COUNT(*), COALESCE(SUM(table_name IN ('goose_db_version', 'adoption_log')), 0)
		FROM information_schema.tables
		WHERE table_schema = DATABASE()`)
	if err := row.Scan(&tables, &ours); err != nil {
		return err
	}
	if tables > 0 && ours == 0 {
		return ErrForeign
	}
	return nil
}

// dropStillborn removes the table of versions if a crash left it without its first row, which the
// library that keeps it does not recover from.
func dropStillborn(ctx context.Context, db *sqlx.DB) error {
	var first bool
	err := db.GetContext(ctx, &first, `
		SELECT EXISTS (SELECT 1 FROM goose_db_version)`)
	if hasNumber(err, erNoTable) {
		return nil
	}
	if err == nil && !first {
		_, err = db.ExecContext(ctx, "DROP TABLE goose_db_version")
	}
	return err
}
