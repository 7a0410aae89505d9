// Package testkit gives tests what they need: a real, freshly migrated database each, people and
// products in it, and a client that speaks to the whole API as one of these people.
package testkit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"hexamart/internal/config"
	"hexamart/internal/database"
)

// DatabaseURL is the variable that names the server to test on, with the right to create databases
// there. When it is unset, a scratch server of this machine is started and thrown away.
const DatabaseURL = "TEST_DATABASE_URL"

var (
	server  *database.Server
	address = sync.OnceValues(findServer)
	schema  = sync.OnceValues(readSchema)
)

// Main runs a package's tests and stops the database server that they started. Call it from TestMain:
// os.Exit(testkit.Main(m)).
func Main(m *testing.M) int {
	code := m.Run()
	if server != nil {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	return code
}

func findServer() (*mysql.Config, error) {
	if url := os.Getenv(DatabaseURL); url != "" {
		cfg, err := config.ParseDatabaseURL(url)
		if err != nil {
			return nil, fmt.Errorf("%s %w", DatabaseURL, err)
		}
		cfg.DBName = ""
		return cfg, nil
	}
	var err error
	if server, err = database.StartServer(context.Background(), database.ServerOptions{Mode: database.ServerScratch}); err != nil {
		return nil, err
	}
	return server.Config(), nil
}

// EmptyDatabase returns the address of a new database without tables, which goes with the test.
func EmptyDatabase(t testing.TB) *mysql.Config {
	t.Helper()
	server, err := address()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := database.CreateDatabase(t.Context(), server, "hexamart_test_"+strings.ToLower(rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		patient := server.Clone()
		patient.Params = map[string]string{"lock_wait_timeout": "30"} // for statements that the server has yet to end
		db := open(t, context.Background(), patient, nil)
		defer func() { _ = db.Close() }()
		if _, err := db.Exec("DROP DATABASE " + cfg.DBName); err != nil {
			t.Error(err)
		}
	})
	return cfg
}

// Open returns a pool for a database; it is closed with the test. observe may be nil.
func Open(t testing.TB, cfg *mysql.Config, observe database.Observer) *sqlx.DB {
	t.Helper()
	db := open(t, t.Context(), cfg, observe)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func open(t testing.TB, ctx context.Context, cfg *mysql.Config, observe database.Observer) *sqlx.DB {
	t.Helper()
	db, err := database.Open(ctx, cfg, observe)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// DB returns a new, migrated database, which goes with the test.
func DB(t testing.TB) *sqlx.DB {
	t.Helper()
	statements, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	cfg := EmptyDatabase(t)
	build := open(t, t.Context(), cfg, nil)
	defer func() { _ = build.Close() }()
	conn, err := build.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for _, statement := range statements {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return Open(t, cfg, nil)
}

// readSchema migrates a database and returns the statements that make another one like it, which takes a fifth of the
// migrations' time.
func readSchema() (statements []string, err error) {
	ctx := context.Background()
	server, err := address()
	if err != nil {
		return nil, err
	}
	cfg, err := database.CreateDatabase(ctx, server, "hexamart_test_"+strings.ToLower(rand.Text()))
	if err != nil {
		return nil, err
	}
	db, err := database.Open(ctx, cfg, nil)
	if err != nil {
		return nil, err
	}
	defer func() {
		_, dropErr := db.Exec("DROP DATABASE " + cfg.DBName)
		err = errors.Join(err, dropErr, db.Close())
	}()
	versions, err := database.Migrate(ctx, db)
	if err != nil {
		return nil, err
	}
	statements = []string{"SET foreign_key_checks = 0"} // a table may refer to one that comes later
	var tables []string
	if err := db.Select(&tables, "SHOW TABLES"); err != nil {
		return nil, err
	}
	for _, table := range tables {
		var name, create string
		if err := db.QueryRow("SHOW CREATE TABLE "+table).Scan(&name, &create); err != nil {
			return nil, err
		}
		// MySQL writes the table's own collation beside each column, and remembers when that was said.
		statements = append(statements, strings.ReplaceAll(create, " COLLATE utf8mb4_unicode_ci", ""))
	}
	applied := "INSERT INTO goose_db_version (id, version_id, is_applied) VALUES (1, 0, TRUE)"
	for i, v := range versions {
		applied += fmt.Sprintf(", (%d, %d, TRUE)", i+2, v.Version)
	}
	return append(statements, applied), nil
}
