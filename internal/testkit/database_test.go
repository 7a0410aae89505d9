package testkit

import (
	"testing"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
)

// TestDatabaseIsAsMigrated compares a test's database with one that the migrations themselves made.
func TestDatabaseIsAsMigrated(t *testing.T) {
	t.Parallel()
	migrated := Open(t, EmptyDatabase(t), nil)
	if _, err := database.Migrate(t.Context(), migrated); err != nil {
		t.Fatal(err)
	}
	db := DB(t)
	want, got := describe(t, migrated), describe(t, db)
	if len(want) < 10 {
		t.Fatalf("%d tables", len(want))
	}
	for table, definition := range want {
		if got[table] != definition {
			t.Errorf("is %s, want %s", got[table], definition)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d tables, want %d", len(got), len(want))
	}
	if applied, err := database.Migrate(t.Context(), db); err != nil || len(applied) > 0 {
		t.Errorf("there was more to migrate: %v, %v", applied, err)
	}
}

// describe returns the definition of every table, and how many rows it has.
func describe(t *testing.T, db *sqlx.DB) map[string]string {
	t.Helper()
	var tables []string
	if err := db.SelectContext(t.Context(), &tables, "SHOW TABLES"); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, table := range tables {
		var name, definition, rows string
		if err := db.QueryRowContext(t.Context(), "SHOW CREATE TABLE "+table).Scan(&name, &definition); err != nil {
			t.Fatal(err)
		}
		if err := db.GetContext(t.Context(), &rows, "SELECT COUNT(*) FROM "+table); err != nil {
			t.Fatal(err)
		}
		all[table] = definition + " with " + rows + " rows"
	}
	return all
}
