package main

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// TestReadyIsShared has many ask at one time whether the shop is ready: they are one that waits for the database.
func TestReadyIsShared(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	db := testkit.Open(t, testkit.EmptyDatabase(t), func(_ context.Context, s database.Statement) {
		if strings.Contains(s.SQL, "COALESCE(MAX(version_id)") {
			asked.Add(1)
		}
	})
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(t.Context()) // the only one
	if err != nil {
		t.Fatal(err)
	}
	before := asked.Load()
	s := &shop{db: db}
	var asking sync.WaitGroup
	first, hangUp := context.WithCancel(t.Context())
	asking.Go(func() { _ = s.ready(first) })
	time.Sleep(50 * time.Millisecond)
	for range 50 {
		asking.Go(func() {
			if err := s.ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(100 * time.Millisecond) // until they wait
	hangUp()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	asking.Wait()
	if n := asked.Load() - before; n < 1 || n > 5 {
		t.Errorf("the database was asked %d times", n)
	}
}
