package database_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// free checks that somebody else gets the lock. A lock that is held would be waited for.
func free(t *testing.T, other *sqlx.DB, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got := false
	err := database.WithLockConn(ctx, other, name, func(*sqlx.DB) error { got = true; return nil })
	if err != nil || !got {
		t.Errorf("the lock is not free: %v", err)
	}
}

func TestWithLockExcludes(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	pools := []*sqlx.DB{testkit.Open(t, cfg, nil), testkit.Open(t, cfg, nil)} // two processes
	var inside, done atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			err := database.WithLockConn(t.Context(), pools[i%2], "work", func(*sqlx.DB) error {
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d are inside", n)
				}
				_, err := pools[i%2].ExecContext(t.Context(), "DO 1") // time for others to come in
				inside.Add(-1)
				done.Add(1)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if done.Load() != 16 {
		t.Errorf("%d of 16 were inside", done.Load())
	}
}

func TestWithLockIsReleased(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db, other := testkit.Open(t, cfg, nil), testkit.Open(t, cfg, nil)
	t.Run("AfterSuccess", func(t *testing.T) {
		t.Parallel()
		if err := database.WithLockConn(t.Context(), db, "success", func(*sqlx.DB) error { return nil }); err != nil {
			t.Error(err)
		}
		free(t, other, "success")
	})
	t.Run("AfterError", func(t *testing.T) {
		t.Parallel()
		wrong := errors.New("wrong")
		if err := database.WithLockConn(t.Context(), db, "error", func(*sqlx.DB) error { return wrong }); !errors.Is(err, wrong) {
			t.Errorf("got %v", err)
		}
		free(t, other, "error")
	})
	t.Run("AfterPanic", func(t *testing.T) {
		t.Parallel()
		func() {
			defer func() {
				if v := recover(); v != "oh" {
					t.Errorf("the panic became %v", v)
				}
			}()
			_ = database.WithLockConn(t.Context(), db, "panic", func(*sqlx.DB) error { panic("oh") })
		}()
		free(t, other, "panic")
	})
	t.Run("AfterContextEnds", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		err := database.WithLockConn(ctx, db, "context", func(*sqlx.DB) error { cancel(); return ctx.Err() })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		free(t, other, "context")
	})
	t.Run("WhenHolderDies", func(t *testing.T) {
		t.Parallel()
		holder := testkit.Open(t, cfg, nil)
		holder.SetMaxOpenConns(1)
		id := number(t, holder, "SELECT CONNECTION_ID()")
		err := database.WithLockConn(t.Context(), holder, "death", func(*sqlx.DB) error {
			kill(t, other, id)
			free(t, other, "death")
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestWithLockKeepsApart(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db, other, elsewhere := testkit.Open(t, cfg, nil), testkit.Open(t, cfg, nil), testkit.Open(t, testkit.EmptyDatabase(t), nil)
	err := database.WithLockConn(t.Context(), db, "work", func(*sqlx.DB) error {
		free(t, other, "other work")
		free(t, elsewhere, "work")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestWithLockLives checks that the holder of a lock may be idle for long, and that no connection of the
// pool may afterwards.
func TestWithLockLives(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db, other := testkit.Open(t, cfg, nil), testkit.Open(t, cfg, nil)
	w := &witness{}
	holder := testkit.Open(t, cfg, w.observe)
	ctx := context.WithValue(t.Context(), requestKey{}, w)
	if err := database.WithLockConn(ctx, holder, "work", func(*sqlx.DB) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if list := w.take(); len(list) == 0 || list[0] != "SET SESSION wait_timeout = 86400 -> 0" {
		t.Errorf("seen %v", list)
	}
	db.SetMaxOpenConns(1)
	before := number(t, db, "SELECT CONNECTION_ID()")
	if err := database.WithLockConn(t.Context(), db, "work", func(*sqlx.DB) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if wait := number(t, db, "SELECT @@SESSION.wait_timeout"); wait != 60 || number(t, db, "SELECT CONNECTION_ID()") == before {
		t.Errorf("a connection with a timeout of %d is in the pool", wait)
	}
	free(t, other, "work")
}

// TestWithLockWaits lets the context of somebody who waits end.
func TestWithLockWaits(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db, other := testkit.Open(t, cfg, nil), testkit.Open(t, cfg, nil)
	err := database.WithLockConn(t.Context(), db, "work", func(*sqlx.DB) error {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := database.WithLockConn(ctx, other, "work", func(*sqlx.DB) error { t.Error("two are inside"); return nil })
		if !errors.Is(err, context.DeadlineExceeded) || !database.IsUnavailable(err) {
			t.Errorf("got %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	free(t, other, "work")
}

// TestWithLockInterrupted takes its turn from somebody who waits.
func TestWithLockInterrupted(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db, waiter := testkit.Open(t, cfg, nil), testkit.Open(t, cfg, nil)
	waiter.SetMaxOpenConns(1)
	id := number(t, waiter, "SELECT CONNECTION_ID()")
	err := database.WithLockConn(t.Context(), db, "work", func(*sqlx.DB) error {
		answer := make(chan error, 1)
		go func() {
			answer <- database.WithLockConn(t.Context(), waiter, "work", func(*sqlx.DB) error { t.Error("two are inside"); return nil })
		}()
		for number(t, db, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = ? AND state = 'User lock'", id) == 0 {
		}
		run(t, db, fmt.Sprintf("KILL QUERY %d", id))
		if err := <-answer; err == nil {
			t.Error("the lock was given twice")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestWithLockConnOutlivesClient loses a client in the middle of a statement, which the server goes on
// with: nobody else may have a turn before that is over.
func TestWithLockConnOutlivesClient(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db, other := testkit.Open(t, cfg, nil), testkit.Open(t, cfg, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	lost := make(chan error, 1)
	go func() {
		lost <- database.WithLockConn(ctx, db, "work", func(one *sqlx.DB) error {
			_, err := one.ExecContext(ctx, "DO BENCHMARK(10000000, SHA2('left behind', 512))")
			if _, again := one.ExecContext(t.Context(), "DO 1"); !database.IsUnavailable(again) {
				t.Errorf("work went on without the lock: %v", again)
			}
			return err
		})
	}()
	const running = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE 'DO BENCHMARK%'"
	for number(t, other, running) == 0 && len(lost) == 0 {
	}
	if err := <-lost; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	err := database.WithLockConn(t.Context(), other, "work", func(one *sqlx.DB) error {
		if n := number(t, one, running); n != 0 {
			t.Error("the statement of the lost client still runs")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
