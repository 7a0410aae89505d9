package database_test

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
	"hexamart/migrations"
)

func tables(t *testing.T, db *sqlx.DB) (names []string) {
	t.Helper()
	err := db.SelectContext(t.Context(), &names, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// schema returns the definition of all tables.
func schema(t *testing.T, db *sqlx.DB) string {
	t.Helper()
	var all strings.Builder
	for _, name := range tables(t, db) {
		var definition string
		if err := db.QueryRowxContext(t.Context(), "SHOW CREATE TABLE `"+name+"`").Scan(&name, &definition); err != nil {
			t.Fatal(err)
		}
		if name == "goose_db_version" { // its counter goes on
			definition, _, _ = strings.Cut(definition, ") ENGINE")
		}
		all.WriteString(definition + "\n")
	}
	return all.String()
}

func migrate(t *testing.T, db *sqlx.DB) []database.Migration {
	t.Helper()
	applied, err := database.Migrate(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

// files are the migrations as they are in the repository.
func files(t *testing.T) (all []database.Migration) {
	t.Helper()
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("migrations are %v, %v", names, err)
	}
	for i, name := range names {
		version, err := strconv.ParseInt(name[:5], 10, 64)
		if err != nil || version != int64(i+1) {
			t.Fatalf("%s is number %d", name, i+1)
		}
		all = append(all, database.Migration{Version: version, Name: name, Applied: true})
	}
	return all
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	t.Run("EmptyDatabase", func(t *testing.T) {
		t.Parallel()
		db, want := testkit.Open(t, testkit.EmptyDatabase(t), nil), files(t)
		at(t, db, 0)
		if applied := migrate(t, db); !slices.Equal(applied, want) {
			t.Errorf("applied %v, want %v", applied, want)
		}
		at(t, db, len(want))
		if got := tables(t, db); !slices.Equal(got, []string{"audit_log", "carts", "goose_db_version", "idempotency_keys", "login_failures", "order_history",
			"order_items", "orders", "products", "refresh_tokens", "stock_ledger", "users"}) {
			t.Errorf("tables are %v", got)
		}
	})
	t.Run("TwiceChangesNothing", func(t *testing.T) {
		t.Parallel()
		db := testkit.DB(t)
		before, rows := schema(t, db), number(t, db, "SELECT COUNT(*) FROM goose_db_version")
		if applied := migrate(t, db); len(applied) != 0 {
			t.Errorf("applied %v", applied)
		}
		if after := schema(t, db); after != before || number(t, db, "SELECT COUNT(*) FROM goose_db_version") != rows {
			t.Errorf("was %s, is %s", before, after)
		}
	})
	t.Run("TenAtOnce", func(t *testing.T) {
		t.Parallel()
		cfg := testkit.EmptyDatabase(t)
		var applied atomic.Int64
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 10 {
			db := testkit.Open(t, cfg, nil)
			wg.Go(func() {
				<-start
				list, err := database.Migrate(t.Context(), db)
				if err != nil {
					t.Error(err)
				}
				applied.Add(int64(len(list)))
			})
		}
		close(start)
		wg.Wait()
		if want := int64(len(files(t))); applied.Load() != want {
			t.Errorf("%d migrations were applied, want %d", applied.Load(), want)
		}
		at(t, testkit.Open(t, cfg, nil), len(files(t)))
	})
	t.Run("KeepsData", func(t *testing.T) {
		t.Parallel()
		db := testkit.DB(t)
		run(t, db, "INSERT INTO users (id, name, email, password_hash) VALUES (7, 'Asha', 'asha@example.com', 'x')")
		run(t, db, "DELETE FROM goose_db_version WHERE version_id > 0")
		migrate(t, db)
		if name := text(t, db, "SELECT name FROM users WHERE id = 7"); name != "Asha" {
			t.Errorf("user 7 is %s", name)
		}
	})
	t.Run("NewerDatabaseStays", func(t *testing.T) {
		t.Parallel()
		db := testkit.DB(t)
		run(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)")
		before := schema(t, db)
		applied, err := database.Migrate(t.Context(), db)
		if after := schema(t, db); err != nil || len(applied) != 0 || after != before {
			t.Errorf("applied %v, %v", applied, err)
		}
	})
}

// at checks what the database says of its version.
func at(t *testing.T, db *sqlx.DB, version int) {
	t.Helper()
	got, err := database.SchemaVersion(t.Context(), db)
	if err != nil || got != int64(version) {
		t.Errorf("version is %d, %v, want %d", got, err, version)
	}
	want := files(t)
	for i := range want {
		want[i].Applied = i < version
	}
	if list, err := database.Migrations(t.Context(), db); err != nil || !slices.Equal(list, want) {
		t.Errorf("migrations are %v, %v, want %v", list, err, want)
	}
	if latest := database.LatestVersion(); latest != int64(len(want)) {
		t.Errorf("latest version is %d, want %d", latest, len(want))
	}
}

// TestMigrateHalfDone takes back the notes of the last migrations, as if the process had died between
// a change and its note; and with the notes all changes but the first.
func TestMigrateHalfDone(t *testing.T) {
	t.Parallel()
	all := files(t)
	// Of their making; those without a name make none.
	order := []string{"users", "products", "carts", "orders", "order_items", "order_history", "stock_ledger", "", "idempotency_keys", "refresh_tokens", "audit_log", "login_failures", "", "", ""}
	for keep := range len(all) {
		for _, lost := range []bool{false, true} {
			name := "NotesLostAfter" + strconv.Itoa(keep)
			if lost {
				name = "TablesLostAfter" + strconv.Itoa(keep)
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				db := testkit.DB(t)
				want := schema(t, db)
				run(t, db, "DELETE FROM goose_db_version WHERE version_id > ?", keep)
				for i := len(order) - 1; lost && i > keep; i-- { // the first of them is there, its note is not
					if order[i] != "" {
						run(t, db, "DROP TABLE "+order[i])
					}
				}
				at(t, db, keep)
				if applied := migrate(t, db); !slices.Equal(applied, all[keep:]) {
					t.Errorf("applied %v", applied)
				}
				at(t, db, len(all))
				if got := schema(t, db); got != want {
					t.Errorf("schema is %s, want %s", got, want)
				}
			})
		}
	}
	t.Run("OnlyTableOfVersions", func(t *testing.T) {
		t.Parallel()
		db := testkit.DB(t)
		want := schema(t, db)
		run(t, db, "DROP TABLE audit_log, carts, idempotency_keys, login_failures, order_history, order_items, refresh_tokens, stock_ledger, orders, products, users")
		run(t, db, "DELETE FROM goose_db_version") // died before its first row was in
		if applied := migrate(t, db); !slices.Equal(applied, all) {
			t.Errorf("applied %v", applied)
		}
		if got := schema(t, db); got != want {
			t.Errorf("schema is %s, want %s", got, want)
		}
	})
}

// TestMigrateFails lets the second of three pending migrations fail, and mends it.
func TestMigrateFails(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	want := schema(t, db)
	run(t, db, "DROP TABLE order_history, order_items, idempotency_keys, stock_ledger, orders, carts, products")
	run(t, db, "DELETE FROM goose_db_version WHERE version_id > 3")
	applied, err := database.Migrate(t.Context(), db) // order_items refers to products
	if errno(err) == 0 || !strings.HasPrefix(err.Error(), "migrate: ") || !strings.Contains(err.Error(), "version:5") {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(applied, files(t)[3:4]) {
		t.Errorf("applied %v, want the fourth", applied)
	}
	at(t, db, 4)
	run(t, db, "DELETE FROM goose_db_version WHERE version_id > 1")
	migrate(t, db)
	if got := schema(t, db); got != want {
		t.Errorf("schema is %s, want %s", got, want)
	}
}

func TestMigrateRefusesForeign(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string][]string{
		"OtherTable": {"CREATE TABLE posts (id INT PRIMARY KEY)", "INSERT INTO posts VALUES (1)"},
		"SameNames":  {"CREATE TABLE users (id INT PRIMARY KEY)", "CREATE TABLE posts (id INT PRIMARY KEY)", "INSERT INTO posts VALUES (1)"},
		"View":       {"CREATE VIEW posts AS SELECT 1 AS id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.Open(t, testkit.EmptyDatabase(t), nil)
			for _, s := range statements {
				run(t, db, s)
			}
			before := tables(t, db)
			applied, err := database.Migrate(t.Context(), db)
			if !errors.Is(err, database.ErrForeign) || len(applied) != 0 {
				t.Errorf("applied %v, %v", applied, err)
			}
			if after := tables(t, db); !slices.Equal(after, before) || number(t, db, "SELECT COUNT(*) FROM posts") != 1 {
				t.Errorf("tables were %v, are %v", before, after)
			}
			at(t, db, 0)
		})
	}
}
