package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// counters returns a database with a table of two rows, 1 and 2, whose n is 0.
func counters(t *testing.T) *sqlx.DB {
	t.Helper()
	db := testkit.Open(t, testkit.EmptyDatabase(t), nil)
	run(t, db, "CREATE TABLE counters (id INT PRIMARY KEY, n INT NOT NULL)")
	run(t, db, "INSERT INTO counters VALUES (1, 0), (2, 0)")
	return db
}

func run(t *testing.T, db sqlx.ExecerContext, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// number returns the one number that a query selects.
func number(t *testing.T, db sqlx.QueryerContext, query string, args ...any) (n int64) {
	t.Helper()
	if err := sqlx.GetContext(t.Context(), db, &n, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

const (
	sumN    = "SELECT SUM(n) FROM counters"
	raiseN  = "UPDATE counters SET n = n + 1 WHERE id = ?"
	failure = "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = 'as the test wants'" // a real error packet
)

func raise(ctx context.Context, tx *sqlx.Tx, id int) error {
	_, err := tx.ExecContext(ctx, raiseN, id)
	return err
}

// idle checks that a transaction let go of its connection.
func idle(t *testing.T, db *sqlx.DB) {
	t.Helper()
	// The end of a context rolls its transaction back at some moment after it was heard of.
	for range 100 {
		if db.Stats().InUse == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%d connections are still in use", db.Stats().InUse)
}

func TestInTx(t *testing.T) {
	t.Parallel()
	t.Run("Commits", func(t *testing.T) {
		t.Parallel()
		db := counters(t)
		err := database.InTx(t.Context(), db, func(tx *sqlx.Tx) error {
			return errors.Join(raise(t.Context(), tx, 1), raise(t.Context(), tx, 2))
		})
		if n := number(t, db, sumN); err != nil || n != 2 {
			t.Errorf("sum is %d, %v", n, err)
		}
		idle(t, db)
	})
	t.Run("IsOneTransaction", func(t *testing.T) {
		t.Parallel()
		db := counters(t)
		err := database.InTx(t.Context(), db, func(tx *sqlx.Tx) error {
			if err := raise(t.Context(), tx, 1); err != nil {
				return err
			}
			if n := number(t, db, sumN); n != 0 {
				t.Errorf("others see %d before the commit", n)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("RollsBackOnError", func(t *testing.T) {
		t.Parallel()
		db, wrong, tries := counters(t), errors.New("wrong"), 0
		err := database.InTx(t.Context(), db, func(tx *sqlx.Tx) error {
			tries++
			return errors.Join(raise(t.Context(), tx, 1), wrong)
		})
		if n := number(t, db, sumN); !errors.Is(err, wrong) || n != 0 || tries != 1 {
			t.Errorf("sum is %d after %d tries, %v", n, tries, err)
		}
		idle(t, db)
	})
	t.Run("RollsBackOnPanic", func(t *testing.T) {
		t.Parallel()
		db := counters(t)
		func() {
			defer func() {
				if v := recover(); v != "oh" {
					t.Errorf("the panic became %v", v)
				}
			}()
			_ = database.InTx(t.Context(), db, func(tx *sqlx.Tx) error {
				if err := raise(t.Context(), tx, 1); err != nil {
					t.Error(err)
				}
				panic("oh")
			})
		}()
		if n := number(t, db, sumN); n != 0 {
			t.Errorf("sum is %d", n)
		}
		idle(t, db)
	})
}

// TestInTxDeadlock lets two transactions take two rows crosswise. The server gives up one of them,
// and both are done in the end, each once.
func TestInTxDeadlock(t *testing.T) {
	t.Parallel()
	db := counters(t)
	var mu sync.Mutex
	var wg, both sync.WaitGroup
	tries := 0
	both.Add(2)
	for i := range 2 {
		wg.Go(func() {
			first := true
			err := database.InTx(t.Context(), db, func(tx *sqlx.Tx) error {
				mu.Lock()
				tries++
				mu.Unlock()
				err := raise(t.Context(), tx, 1+i)
				if first {
					first = false
					both.Done()
					both.Wait() // until each has its first row
				}
				if err != nil {
					return err
				}
				return raise(t.Context(), tx, 2-i)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if tries < 3 {
		t.Errorf("%d tries: there was no deadlock", tries)
	}
	if a, b := number(t, db, "SELECT n FROM counters WHERE id = 1"), number(t, db, "SELECT n FROM counters WHERE id = 2"); a != 2 || b != 2 {
		t.Errorf("rows are %d and %d, want 2 and 2", a, b)
	}
}

func TestInTxTriesAgain(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]string{"Deadlock": fmt.Sprintf(failure, 1213), "LockWait": fmt.Sprintf(failure, 1205),
		"GroupReplication": fmt.Sprintf(failure, 3101),
		"CommitDeadlock":   "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1180, MESSAGE_TEXT = 'Got error 149 during COMMIT'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, tries := counters(t), 0
			err := database.InTx(t.Context(), db, func(tx *sqlx.Tx) error {
				if err := raise(t.Context(), tx, 1); err != nil {
					return err
				}
				if tries++; tries == 3 {
					return nil
				}
				_, err := tx.ExecContext(t.Context(), failure)
				return fmt.Errorf("raise: %w", err)
			})
			if n := number(t, db, sumN); err != nil || n != 1 || tries != 3 {
				t.Errorf("sum is %d after %d tries, %v", n, tries, err)
			}
		})
	}
	t.Run("NotForOtherErrors", func(t *testing.T) {
		t.Parallel()
		db := counters(t)
		for _, errno := range []int{1062, 1064, 1317, 1040, 1180} {
			tries := 0
			err := database.InTx(t.Context(), db, func(tx *sqlx.Tx) error {
				tries++
				_, err := tx.ExecContext(t.Context(), fmt.Sprintf(failure, errno))
				return err
			})
			if err == nil || tries != 1 {
				t.Errorf("%d tries for %d, %v", tries, errno, err)
			}
		}
	})
	t.Run("ThoughTheErrorWasIgnored", func(t *testing.T) {
		t.Parallel()
		db, tries := counters(t), 0
		err := database.InTx(t.Context(), db, func(tx *sqlx.Tx) error {
			if tries++; tries == 1 {
				_, _ = tx.ExecContext(t.Context(), fmt.Sprintf(failure, 1213)) // a cluster would take the COMMIT all the same
			}
			return raise(t.Context(), tx, 1)
		})
		if n := number(t, db, sumN); err != nil || n != 1 || tries != 2 {
			t.Errorf("sum is %d after %d tries, %v", n, tries, err)
		}
	})
	t.Run("GivesUp", func(t *testing.T) {
		t.Parallel()
		db, tries := counters(t), 0
		err := database.InTx(t.Context(), db, func(tx *sqlx.Tx) error {
			tries++
			if err := raise(t.Context(), tx, 1); err != nil {
				return err
			}
			_, err := tx.ExecContext(t.Context(), fmt.Sprintf(failure, 1213))
			return err
		})
		if tries < 3 || tries > 20 || errno(err) != 1213 || !database.IsUnavailable(err) {
			t.Errorf("%d tries, %v", tries, err)
		}
		if n := number(t, db, sumN); n != 0 {
			t.Errorf("sum is %d", n)
		}
		idle(t, db)
	})
}

// TestInTxStops ends the caller's context at several points; nothing may be done or run again after it,
// and the error is one of a database that could not do the work in time.
func TestInTxStops(t *testing.T) {
	t.Parallel()
	t.Run("BeforeBegin", func(t *testing.T) {
		t.Parallel()
		db := counters(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := database.InTx(ctx, db, func(*sqlx.Tx) error { t.Error("begun"); return nil })
		if !errors.Is(err, context.Canceled) || !database.IsUnavailable(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("BetweenTries", func(t *testing.T) {
		t.Parallel()
		db, tries := counters(t), 0
		ctx, cancel := context.WithCancel(t.Context())
		err := database.InTx(ctx, db, func(tx *sqlx.Tx) error {
			tries++
			_, err := tx.ExecContext(ctx, fmt.Sprintf(failure, 1213))
			cancel()
			return err
		})
		if tries != 1 || !errors.Is(err, context.Canceled) || !database.IsUnavailable(err) {
			t.Errorf("%d tries, %v", tries, err)
		}
	})
	t.Run("InAStatement", func(t *testing.T) {
		t.Parallel()
		db := counters(t)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := database.InTx(ctx, db, func(tx *sqlx.Tx) error {
			if err := raise(ctx, tx, 1); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, "DO SLEEP(300)")
			return err
		})
		if n := number(t, db, sumN); !errors.Is(err, context.DeadlineExceeded) || !database.IsUnavailable(err) || n != 0 {
			t.Errorf("sum is %d, %v", n, err)
		}
	})
	t.Run("BeforeCommit", func(t *testing.T) {
		t.Parallel()
		db := counters(t)
		ctx, cancel := context.WithCancel(t.Context())
		err := database.InTx(ctx, db, func(tx *sqlx.Tx) error {
			err := raise(ctx, tx, 1)
			cancel()
			for { // until database/sql has seen it and rolled back by itself
				if _, err := tx.ExecContext(context.Background(), "DO 1"); errors.Is(err, sql.ErrTxDone) {
					break
				}
			}
			return err
		})
		if err == nil || !database.IsUnavailable(err) {
			t.Errorf("got %v", err)
		}
		if n := number(t, db, sumN); n != 0 {
			t.Errorf("sum is %d", n)
		}
	})
}

func TestInSnapshot(t *testing.T) {
	t.Parallel()
	t.Run("SeesOneMoment", func(t *testing.T) {
		t.Parallel()
		db := counters(t)
		err := database.InSnapshot(t.Context(), db, func(tx *sqlx.Tx) error {
			before := number(t, tx, sumN)
			run(t, db, raiseN, 1)
			run(t, db, "INSERT INTO counters VALUES (3, 5)")
			if after := number(t, tx, sumN); before != 0 || after != 0 {
				t.Errorf("the sum went from %d to %d", before, after)
			}
			return nil
		})
		if n := number(t, db, sumN); err != nil || n != 6 {
			t.Errorf("sum is %d, %v", n, err)
		}
		idle(t, db)
	})
	t.Run("OnlyReads", func(t *testing.T) {
		t.Parallel()
		db := counters(t)
		err := database.InSnapshot(t.Context(), db, func(tx *sqlx.Tx) error { return raise(t.Context(), tx, 1) })
		if n := number(t, db, sumN); err == nil || n != 0 {
			t.Errorf("sum is %d, %v", n, err)
		}
	})
	t.Run("LeavesConnectionAsItWas", func(t *testing.T) {
		t.Parallel()
		db := counters(t)
		db.SetMaxOpenConns(1)
		if err := database.InSnapshot(t.Context(), db, func(tx *sqlx.Tx) error { number(t, tx, sumN); return nil }); err != nil {
			t.Fatal(err)
		}
		if level := isolation(t, db); level != "READ-COMMITTED" {
			t.Errorf("isolation level is %s", level)
		}
		if err := database.InTx(t.Context(), db, func(tx *sqlx.Tx) error { return raise(t.Context(), tx, 1) }); err != nil {
			t.Errorf("writing after it: %v", err)
		}
	})
}

// TestInTxSeesCommits checks READ COMMITTED: a second look sees what others have done meanwhile.
func TestInTxSeesCommits(t *testing.T) {
	t.Parallel()
	db := counters(t)
	err := database.InTx(t.Context(), db, func(tx *sqlx.Tx) error {
		before := number(t, tx, sumN)
		run(t, db, raiseN, 1)
		if after := number(t, tx, sumN); before != 0 || after != 1 {
			t.Errorf("the sum went from %d to %d", before, after)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
