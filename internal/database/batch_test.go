package database_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

func batchDB(t *testing.T) *sqlx.DB {
	t.Helper()
	return batchDBOn(t, testkit.EmptyDatabase(t))
}

func batchDBOn(t *testing.T, cfg *mysql.Config) *sqlx.DB {
	t.Helper()
	db := testkit.Open(t, cfg, nil)
	run(t, db, "CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL, UNIQUE KEY (n))")
	run(t, db, "INSERT INTO t (id, n) VALUES (7, 1)")
	return db
}

func TestBatch(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		db := batchDB(t)
		var b database.Batch
		b.Add("UPDATE t SET n = n + ? WHERE id = ?", 10, 7)
		b.Add("UPDATE t SET n = n WHERE id = 7 AND " + database.Matched(1) + " = 0") // matches, though it changes nothing
		b.Add("UPDATE t SET n = n + " + database.Matched(1))
		b.Add("SET @no = " + database.Unless("EXISTS (SELECT 1 FROM t WHERE n = 99)"))
		id := b.Add("INSERT INTO t (n) VALUES (?), (?)", 20, 21)
		b.Add("SET @id = LAST_INSERT_ID()")
		b.Add("INSERT INTO t (n) SELECT 100 + @id")
		done, err := b.Run(t.Context(), db)
		if err != nil || done[id] != (database.Done{ID: 8, Rows: 2}) || number(t, db, "SELECT SUM(n) FROM t") != 11+20+21+108 {
			t.Errorf("did %v, %v; %v", done, err, strs(t, db, "SELECT n FROM t"))
		}
	})
	for name, c := range map[string]struct {
		spoil func(b *database.Batch)
		want  func(err error) bool
	}{
		"TooFewRows": {func(b *database.Batch) {
			b.Add("UPDATE t SET n = 5 WHERE id = 999")
			b.Add("INSERT INTO t (n) VALUES (9 + " + database.Matched(1) + ")")
		}, isUnexpected},
		"TooManyRows": {func(b *database.Batch) {
			b.Add("DELETE FROM t")
			b.Add("UPDATE t SET n = 5 WHERE id = 7 AND " + database.Matched(1) + " = 0")
		}, isUnexpected},
		"Refused":     {func(b *database.Batch) { b.Add("SET @no = " + database.Unless("EXISTS (SELECT 1 FROM t WHERE n = 2)")) }, isUnexpected},
		"Duplicate":   {func(b *database.Batch) { b.Add("INSERT INTO t (n) VALUES (1)") }, database.IsDuplicate},
		"NoTable":     {func(b *database.Batch) { b.Add("DELETE FROM nowhere") }, func(err error) bool { return errno(err) == 1146 }},
		"BadArgument": {func(b *database.Batch) { b.Add("DO ?", struct{}{}) }, func(err error) bool { return err != nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := batchDB(t)
			db.SetMaxOpenConns(1)
			for range 3 {
				var b database.Batch
				b.Add("INSERT INTO t (n) VALUES (2)")
				c.spoil(&b)
				b.Add("INSERT INTO t (n) VALUES (3)")
				if _, err := b.Run(t.Context(), db); !c.want(err) {
					t.Errorf("got %v", err)
				}
				// On the same connection: what is done next is no part of what failed.
				run(t, db, "INSERT INTO t (n) VALUES (50)")
				run(t, db, "DELETE FROM t WHERE n = 50")
			}
			if got := strs(t, db, "SELECT n FROM t"); !slices.Equal(got, []string{"1"}) {
				t.Errorf("left are %v", got)
			}
		})
	}
}

// TestBatchShared runs batches of several callers: they do not wait for a row for long, and nobody who comes on their
// connection notices.
func TestBatchShared(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db, one := batchDBOn(t, cfg), testkit.Open(t, cfg, nil)
	one.SetMaxOpenConns(1)
	run(t, db, "INSERT INTO t (id, n) VALUES (8, 2)")
	holder, err := db.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback() }()
	run(t, holder, "UPDATE t SET n = 100 WHERE id = 8")
	for id, want := range map[int]error{7: nil, 8: database.ErrUnexpected} {
		b := database.Batch{Shared: true}
		raised := b.Add("UPDATE t SET n = n + 10 WHERE id = ?", id)
		start := time.Now()
		done, err := b.Run(t.Context(), one)
		if !errors.Is(err, want) || time.Since(start) > 4*time.Second {
			t.Errorf("%d: %v after %v", id, err, time.Since(start))
		}
		if err == nil && done[raised].Rows != 1 {
			t.Errorf("%d: did %v", id, done)
		}
		if patience := number(t, one, "SELECT @@SESSION.innodb_lock_wait_timeout"); patience != 5 {
			t.Errorf("%d: waits for %d s from now on", id, patience)
		}
	}
	if got := strs(t, one, "SELECT n FROM t ORDER BY id"); !slices.Equal(got, []string{"11", "2"}) {
		t.Errorf("there are %v", got)
	}
}

func isUnexpected(err error) bool { return errors.Is(err, database.ErrUnexpected) }

// TestBatchDeadlock runs batches that lock the same rows the wrong way round: they come through by being
// run again.
func TestBatchDeadlock(t *testing.T) {
	t.Parallel()
	db := batchDB(t)
	run(t, db, "INSERT INTO t (id, n) VALUES (8, 1000)")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for range 10 {
				var b database.Batch
				for _, id := range [][]int{{7, 8}, {8, 7}}[i%2] {
					b.Add("UPDATE t SET n = n + 2000 * ? WHERE id = ?", 1, id)
				}
				if _, err := b.Run(t.Context(), db); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := number(t, db, "SELECT SUM(n) FROM t"); n != 1001+2*60*2000 {
		t.Errorf("the sum is %d", n)
	}
}

// TestBatchKilled has the connection killed at the end of a batch. It may have been committed, so it is not run
// again: nobody but the caller can find out.
func TestBatchKilled(t *testing.T) {
	t.Parallel()
	direct, db, p := proxied(t)
	p.set(once("START TRANSACTION;", killed))
	var b database.Batch
	b.Add(raiseN, 1)
	if _, err := b.Run(t.Context(), db); !database.IsUnavailable(err) {
		t.Errorf("got %v", err)
	}
	if n := number(t, direct, sumN); n != 1 {
		t.Errorf("it happened %d times", n)
	}
	if n := number(t, db, sumN); n != 1 { // on another connection
		t.Errorf("read %d by the same pool", n)
	}
}
