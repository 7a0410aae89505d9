package database_test

import (
	"testing"
	"testing/fstest"
	"time"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// TestMigrateWaitsItsTurn changes a table that somebody keeps open: others can read it meanwhile, though late, and the
// change is made in the end.
func TestMigrateWaitsItsTurn(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db := testkit.Open(t, cfg, nil)
	migrate(t, db)
	tx, err := db.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	var n int
	const read = "SELECT COUNT(*) FROM products"
	if err := tx.Get(&n, read); err != nil {
		t.Fatal(err)
	}
	up := make(chan error)
	go func() {
		one := testkit.Open(t, cfg, nil)
		one.SetMaxOpenConns(1)
		_, err := database.Up(t.Context(), one, fstest.MapFS{"99999_made_up.sql": {Data: []byte("-- +goose Up\nALTER TABLE products ADD COLUMN made_up INT NULL;\n")}})
		up <- err
	}()
	for waiting := 0; waiting == 0; time.Sleep(10 * time.Millisecond) {
		if err := db.Get(&waiting, `
			SELECT COUNT(*)
			FROM information_schema.processlist
			WHERE db = DATABASE() AND state LIKE '%metadata lock%'`); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Get(&n, read); err != nil { // behind the change, which has to give way first
		t.Errorf("a read met a change of the schema: %v", err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-up; err != nil {
		t.Fatal(err)
	}
	if err := db.Get(&n, "SELECT COUNT(made_up) FROM products"); err != nil {
		t.Error(err)
	}
}
