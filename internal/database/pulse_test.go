package database_test

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// watched has the pulse of a pool felt until the test ends, and returns what is logged of it.
func watched(t *testing.T, db *sqlx.DB) *journal {
	t.Helper()
	j := &journal{}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		database.Watch(ctx, db, slog.New(slog.NewTextHandler(j, nil)))
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return j
}

type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) has(word string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(j.text.String(), word)
}

// await waits for what must come, with ample time for a busy machine, but less than it takes the server
// to end a connection that was left behind.
func await(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); !there(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// TestWatchAway takes the database away while statements wait for it, and gives it back. Nobody has a
// deadline: only the pulse can end the waiting.
func TestWatchAway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ away, back func(p *proxy) }{
		"Frozen":  {func(p *proxy) { p.freeze(true) }, func(p *proxy) { p.freeze(false) }},
		"Refused": {(*proxy).refuse, (*proxy).restore},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct, db, p := proxied(t)
			j := watched(t, db)
			await(t, "the pulse is felt", func() bool { return p.connections() >= 2 })
			p.set(once("COMMIT", suspended)) // which waits for no context
			held := session(t, db)
			failed := make(chan error, 3)
			go func() {
				_, err := held.ExecContext(context.Background(), "DO SLEEP(300)")
				failed <- err
			}()
			go func() {
				failed <- database.InTx(context.Background(), db, func(tx *sqlx.Tx) error {
					_, err := tx.ExecContext(context.Background(), "DO SLEEP(300)")
					return err
				})
			}()
			await(t, "they wait", func() bool {
				return number(t, direct, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND info = 'DO SLEEP(300)'") == 2
			})
			if name == "Frozen" {
				go func() {
					failed <- database.InTx(context.Background(), db, func(tx *sqlx.Tx) error { return raise(context.Background(), tx, 1) })
				}()
			} else {
				failed <- context.Canceled
			}
			c.away(p)
			for range 3 {
				select {
				case err := <-failed:
					if !database.IsUnavailable(err) {
						t.Errorf("got %v", err)
					}
				case <-time.After(time.Minute):
					t.Fatal("somebody waits for a database that is away")
				}
			}
			await(t, "it is known to be away", func() bool { return j.has("the database is away") })
			for range 100 { // at once: there is no deadline
				if _, err := db.ExecContext(context.Background(), "DO 1"); !database.IsUnavailable(err) || !strings.Contains(err.Error(), "does not answer") {
					t.Fatalf("got %v", err)
				}
			}
			c.back(p)
			await(t, "it is known to be back", func() bool { return j.has("the database is back") })
			if n := number(t, db, "SELECT 1"); n != 1 {
				t.Error("not back")
			}
		})
	}
}

// TestWatchMoves freezes one of two hosts under a transaction, which is then done on the other.
func TestWatchMoves(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	direct := testkit.Open(t, cfg, nil)
	run(t, direct, "CREATE TABLE counters (id INT PRIMARY KEY, n INT NOT NULL)")
	run(t, direct, "INSERT INTO counters VALUES (1, 0)")
	a, _ := newProxy(t, cfg)
	b, _ := newProxy(t, cfg)
	db := testkit.Open(t, both(cfg, a, b), nil)
	j := watched(t, db)
	a.set(once("UPDATE", suspended))
	tries := 0
	done := make(chan error, 1)
	go func() {
		done <- database.InTx(context.Background(), db, func(tx *sqlx.Tx) error {
			tries++
			return raise(context.Background(), tx, 1)
		})
	}()
	select {
	case err := <-done:
		if err != nil || tries != 2 || number(t, direct, sumN) != 1 {
			t.Errorf("%d tries, %v", tries, err)
		}
	case <-time.After(time.Minute):
		t.Fatal("still waiting for the frozen host")
	}
	await(t, "it has moved", func() bool { return j.has("moved to another") })
	if j.has("away") {
		t.Error("the database was held to be away")
	}
	number(t, db, "SELECT 1")
	if b.connections() < 2 {
		t.Errorf("%d connections to the second host", b.connections())
	}
}

// TestWatchIsPatient checks that what is slow, or fails once, is not taken for a database that is away.
func TestWatchIsPatient(t *testing.T) {
	t.Parallel()
	const feel = "SELECT @@GLOBAL.read_only"
	t.Run("LostBeats", func(t *testing.T) {
		t.Parallel()
		_, db, p := proxied(t)
		j := watched(t, db)
		p.set(func(query string) fate {
			if strings.HasPrefix(query, feel) {
				return dropped
			}
			return passed
		})
		_, err := session(t, db).ExecContext(t.Context(), "DO SLEEP(4)")
		if err != nil || j.has("away") || p.connections() < 4 {
			t.Errorf("%v after %d connections", err, p.connections())
		}
	})
	t.Run("NoNewConnections", func(t *testing.T) {
		t.Parallel()
		_, db, p := proxied(t)
		j := watched(t, db)
		await(t, "the pulse is felt", func() bool { return p.connections() >= 2 })
		p.set(once(feel, dropped))
		busy := session(t, db)
		if err := p.listener.Close(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
			if _, err := busy.ExecContext(t.Context(), "DO SLEEP(0.01)"); err != nil {
				t.Fatal(err)
			}
		}
		if j.has("away") {
			t.Error("the database was held to be away while it answered")
		}
	})
	t.Run("BusyPool", func(t *testing.T) {
		t.Parallel()
		_, db, _ := proxied(t)
		db.SetMaxOpenConns(1)
		j := watched(t, db)
		if _, err := session(t, db).ExecContext(t.Context(), "DO SLEEP(4)"); err != nil || j.has("away") {
			t.Errorf("got %v", err)
		}
	})
}

// TestNothingLeaks loses connections in every way, many at a time. Afterwards there are as many goroutines
// as before, and no connection. It runs alone.
func TestNothingLeaks(t *testing.T) {
	direct, other, p := proxied(t)
	cfg := testkit.EmptyDatabase(t).Clone()
	cfg.Net, cfg.Addr, cfg.DBName = "tcp", p.listener.Addr().String(), text(t, direct, "SELECT DATABASE()")
	links := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.links)
	}
	_ = other.Close()
	await(t, "nobody is connected", func() bool { return links() == 0 })
	time.Sleep(100 * time.Millisecond) // for the goroutines of that
	before := runtime.NumGoroutine()
	db, err := database.Open(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	j := &journal{}
	wg.Go(func() { database.Watch(ctx, db, slog.New(slog.NewTextHandler(j, nil))) })
	for range 48 {
		wg.Go(func() {
			for ctx.Err() == nil {
				brief, done := context.WithTimeout(ctx, 2*time.Second)
				_ = database.InTx(brief, db, func(tx *sqlx.Tx) error { return raise(brief, tx, 1) })
				_ = database.WithLockConn(brief, db, "leak", func(*sqlx.DB) error { return nil })
				done()
			}
		})
	}
	for range 3 {
		time.Sleep(100 * time.Millisecond) // some work under way
		p.cut()
	}
	p.freeze(true)
	await(t, "it is away", func() bool { return j.has("is away") })
	p.freeze(false)
	await(t, "it is back", func() bool { return j.has("is back") })
	p.refuse()
	time.Sleep(100 * time.Millisecond)
	p.restore()
	sum := number(t, direct, sumN)
	await(t, "work goes on", func() bool { return number(t, direct, sumN) > sum })
	time.Sleep(time.Second) // for the pulse to be felt again
	cancel()
	wg.Wait()
	await(t, "no connection is in use", func() bool { return db.Stats().InUse == 0 }) // database/sql rolls back behind one's back
	if err := db.Close(); err != nil {
		t.Log(err) // of connections that were cut
	}
	await(t, "no connection is left", func() bool { return links() == 0 })
	await(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}
