package database_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// proxied returns the database of counters, directly and by way of a proxy.
func proxied(t *testing.T) (direct, db *sqlx.DB, p *proxy) {
	t.Helper()
	cfg := testkit.EmptyDatabase(t)
	direct = testkit.Open(t, cfg, nil)
	run(t, direct, "CREATE TABLE counters (id INT PRIMARY KEY, n INT NOT NULL)")
	run(t, direct, "INSERT INTO counters VALUES (1, 0), (2, 0)")
	p, cfg = newProxy(t, cfg)
	return direct, testkit.Open(t, cfg, nil), p
}

// TestLostConnection loses it at each step of a transaction.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		word       string
		what       fate
		tries, sum int
		fails      bool
	}{
		"AtBegin":           {"START", unheard, 1, 1, false},
		"BeforeAStatement":  {"UPDATE", dropped, 2, 1, false},
		"AfterAStatement":   {"UPDATE", unheard, 2, 1, false},
		"BeforeCommitCame":  {"COMMIT", dropped, 1, 0, true},
		"AfterCommitWasOne": {"COMMIT", unheard, 1, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct, db, p := proxied(t)
			p.set(once(c.word, c.what))
			tries := 0
			err := database.InTx(t.Context(), db, func(tx *sqlx.Tx) error {
				tries++
				return raise(t.Context(), tx, 1)
			})
			if (err != nil) != c.fails || (err != nil && !database.IsUnavailable(err)) || tries != c.tries {
				t.Errorf("%d tries, %v", tries, err)
			}
			if n := number(t, direct, sumN); n != int64(c.sum) {
				t.Errorf("sum is %d", n)
			}
			idle(t, db)
		})
	}
	t.Run("EveryTime", func(t *testing.T) {
		t.Parallel()
		direct, db, p := proxied(t)
		p.set(func(query string) fate { return once("UPDATE", dropped)(query) })
		tries := 0
		err := database.InTx(t.Context(), db, func(tx *sqlx.Tx) error {
			tries++
			return raise(t.Context(), tx, 1)
		})
		if !database.IsUnavailable(err) || tries < 2 || tries > 5 || number(t, direct, sumN) != 0 {
			t.Errorf("%d tries, %v", tries, err)
		}
	})
	t.Run("Exec", func(t *testing.T) {
		t.Parallel()
		direct, db, p := proxied(t)
		for sum, what := range []fate{dropped, unheard} {
			p.set(once("UPDATE", what))
			if _, err := database.Exec(t.Context(), db, raiseN, 1); !database.IsUnavailable(err) {
				t.Errorf("got %v", err)
			}
			if n := number(t, direct, sumN); n != int64(sum) {
				t.Errorf("sum is %d, want %d", n, sum)
			}
		}
	})
}

// TestLostRead loses the connection of a read that is in no transaction: it is asked for again.
func TestLostRead(t *testing.T) {
	t.Parallel()
	for name, what := range map[string]fate{"Before": dropped, "After": unheard} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, db, p := proxied(t)
			p.set(once("SELECT", what))
			var n int
			if err := db.GetContext(t.Context(), &n, "SELECT COUNT(*) FROM counters"); err != nil || n != 2 {
				t.Errorf("%d, %v", n, err)
			}
			idle(t, db)
		})
	}
	t.Run("EveryTime", func(t *testing.T) {
		t.Parallel()
		_, db, p := proxied(t)
		tries := 0
		p.set(func(query string) fate {
			if strings.HasPrefix(query, "SELECT COUNT") {
				tries++
				return dropped
			}
			return passed
		})
		err := db.GetContext(t.Context(), new(int), "SELECT COUNT(*) FROM counters")
		p.set(nil)
		if !database.IsUnavailable(err) || tries < 2 || tries > 5 {
			t.Errorf("%d tries, %v", tries, err)
		}
	})
	t.Run("InTx", func(t *testing.T) {
		t.Parallel()
		_, db, p := proxied(t)
		tx, err := db.BeginTxx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		p.set(once("SELECT", dropped))
		if err := tx.GetContext(t.Context(), new(int), "SELECT COUNT(*) FROM counters"); !database.IsUnavailable(err) {
			t.Errorf("on another connection than the transaction's: %v", err)
		}
		_ = tx.Rollback()
	})
}

// TestCommitGoesOn lets the caller's context end while its COMMIT, or its batch, is under way.
func TestCommitGoesOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		last string // what is sent last begins with it
		run  func(ctx context.Context, db *sqlx.DB) error
	}{
		"InTx": {"COMMIT", func(ctx context.Context, db *sqlx.DB) error {
			return database.InTx(ctx, db, func(tx *sqlx.Tx) error { return raise(ctx, tx, 1) })
		}},
		"Batch": {"START TRANSACTION;", func(ctx context.Context, db *sqlx.DB) error {
			var b database.Batch
			b.Add(raiseN, 1)
			_, err := b.Run(ctx, db)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct, db, p := proxied(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p.set(func(query string) fate {
				if strings.HasPrefix(query, c.last) {
					cancel()
					return suspended
				}
				return passed
			})
			thaw := make(chan struct{})
			go func() {
				defer close(thaw)
				<-ctx.Done()
				time.Sleep(50 * time.Millisecond) // for whoever might give up
				p.freeze(false)
			}()
			err := c.run(ctx, db)
			<-thaw
			if n := number(t, direct, sumN); err != nil || n != 1 {
				t.Errorf("sum is %d, %v", n, err)
			}
		})
	}
}

// TestHangUps leaves while a connection is made and while it is at work: it is there for the next one.
func TestHangUps(t *testing.T) {
	t.Parallel()
	const slow = "SELECT SLEEP(0.5)"
	for name, work := range map[string]func(ctx context.Context, db *sqlx.DB) error{
		"Exec":  func(ctx context.Context, db *sqlx.DB) error { return only(db.ExecContext(ctx, "DO SLEEP(0.5)")) },
		"Query": func(ctx context.Context, db *sqlx.DB) error { return db.GetContext(ctx, new(int), slow) },
		"Rows": func(ctx context.Context, db *sqlx.DB) error {
			return db.SelectContext(ctx, &[]int{}, slow+" UNION ALL "+slow)
		},
		"InTx": func(ctx context.Context, db *sqlx.DB) error {
			return database.InTx(ctx, db, func(tx *sqlx.Tx) error { return only(tx.ExecContext(ctx, "DO SLEEP(0.5)")) })
		},
		"Ping": func(ctx context.Context, db *sqlx.DB) error { return db.PingContext(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, db, p := proxied(t)
			for _, what := range []string{"while it is made", "at work"} {
				if what == "while it is made" {
					db.SetMaxIdleConns(0)
					db.SetMaxIdleConns(1)
				}
				ctx, cancel := context.WithCancel(database.ForClients(t.Context()))
				p.freeze(true) // what is sent comes later, and so do answers
				gone := make(chan error, 1)
				go func() { gone <- work(ctx, db) }()
				time.Sleep(50 * time.Millisecond) // for it to begin
				cancel()
				time.Sleep(50 * time.Millisecond) // for it to give up
				p.freeze(false)
				<-gone // an error or not: nobody is there to hear of it
				idle(t, db)
				if n := db.Stats().OpenConnections; n != 1 {
					t.Errorf("%s: %d connections are left", what, n)
				}
			}
			if n := p.connections(); n != 2 { // the first was Open's
				t.Errorf("%d connections were made", n)
			}
		})
	}
}

func only[T any](_ T, err error) error { return err }

// TestFrozenCommit sends a COMMIT to a server that says nothing any more.
func TestFrozenCommit(t *testing.T) {
	t.Parallel()
	_, db, p := proxied(t)
	p.set(once("COMMIT", suspended))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- database.InTx(ctx, db, func(tx *sqlx.Tx) error { return raise(ctx, tx, 1) })
	}()
	select {
	case err := <-done:
		if !database.IsUnavailable(err) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		idle(t, db)
	case <-time.After(time.Minute):
		t.Error("still waiting")
		p.cut()
	}
}
