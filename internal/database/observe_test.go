package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

type requestKey struct{}

// witness remembers the statements of one request.
type witness struct {
	mu   sync.Mutex
	seen []database.Statement
}

func (w *witness) observe(ctx context.Context, s database.Statement) {
	if ctx.Value(requestKey{}) != w {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, s)
}

// take returns what was seen and forgets it: "SQL -> rows", with the server's number of an error.
func (w *witness) take() (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.seen {
		line := fmt.Sprintf("%s -> %d", s.SQL, s.Rows)
		if s.Err != nil {
			line = fmt.Sprintf("%s -> error %d", s.SQL, errno(s.Err))
		}
		list = append(list, line)
	}
	w.seen = nil
	return list
}

// witnessed returns the database of counters, the witness of a request to it and the request's context.
func witnessed(t *testing.T) (*sqlx.DB, *witness, context.Context) {
	t.Helper()
	w := &witness{}
	db := testkit.Open(t, testkit.EmptyDatabase(t), w.observe)
	run(t, db, "CREATE TABLE counters (id INT PRIMARY KEY, n INT NOT NULL, note VARCHAR(50))")
	run(t, db, "INSERT INTO counters (id, n) VALUES (1, 0), (2, 0)")
	return db, w, context.WithValue(t.Context(), requestKey{}, w)
}

func (w *witness) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := w.take(); !slices.Equal(got, want) {
		t.Errorf("seen\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestObserver(t *testing.T) {
	t.Parallel()
	t.Run("Statements", func(t *testing.T) {
		t.Parallel()
		db, w, ctx := witnessed(t)
		for range 2 { // the second changes nothing and matches all the same
			if _, err := db.ExecContext(ctx, "UPDATE counters\n\t\tSET note = ?\n\t\tWHERE id > ?", "sesame", 0); err != nil {
				t.Fatal(err)
			}
			w.expect(t, "UPDATE counters SET note = ? WHERE id > ? -> 2")
		}
		var ids []int64
		if err := db.SelectContext(ctx, &ids, "SELECT id FROM counters WHERE note = ? ORDER BY id", "sesame"); err != nil || len(ids) != 2 {
			t.Fatalf("got %v, %v", ids, err)
		}
		w.expect(t, "SELECT id FROM counters WHERE note = ? ORDER BY id -> 2")
		var id int64
		if err := db.GetContext(ctx, &id, "SELECT id FROM counters WHERE id = ?", 99); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("got %v", err)
		}
		w.expect(t, "SELECT id FROM counters WHERE id = ? -> 0")
	})
	t.Run("RowsThatWereRead", func(t *testing.T) {
		t.Parallel()
		db, w, ctx := witnessed(t)
		rows, err := db.QueryxContext(ctx, "SELECT id FROM counters")
		if err != nil || !rows.Next() {
			t.Fatalf("no rows: %v", err)
		}
		if got := w.take(); got != nil {
			t.Errorf("told of %v before its end", got)
		}
		if err := errors.Join(rows.Close(), rows.Close()); err != nil {
			t.Error(err)
		}
		w.expect(t, "SELECT id FROM counters -> 1")
	})
	t.Run("Commit", func(t *testing.T) {
		t.Parallel()
		db, w, ctx := witnessed(t)
		if err := database.InTx(ctx, db, func(tx *sqlx.Tx) error { return raise(ctx, tx, 1) }); err != nil {
			t.Fatal(err)
		}
		w.expect(t, "BEGIN -> 0", raiseN+" -> 1", "COMMIT -> 0")
	})
	t.Run("Rollback", func(t *testing.T) {
		t.Parallel()
		db, w, ctx := witnessed(t)
		wrong := errors.New("wrong")
		if err := database.InTx(ctx, db, func(*sqlx.Tx) error { return wrong }); !errors.Is(err, wrong) {
			t.Fatal(err)
		}
		w.expect(t, "BEGIN -> 0", "ROLLBACK -> 0")
	})
	t.Run("Errors", func(t *testing.T) {
		t.Parallel()
		db, w, ctx := witnessed(t)
		_, execErr := db.ExecContext(ctx, "INSERT INTO counters (id, n) VALUES (?, ?)", 1, 1)
		_, queryErr := db.QueryxContext(ctx, "SELECT nothing FROM counters WHERE id = ?", 1)
		if errno(execErr) != 1062 || errno(queryErr) != 1054 {
			t.Fatalf("got %v and %v", execErr, queryErr)
		}
		w.expect(t, "INSERT INTO counters (id, n) VALUES (?, ?) -> error 1062", "SELECT nothing FROM counters WHERE id = ? -> error 1054")
	})
	t.Run("NoValues", func(t *testing.T) {
		t.Parallel()
		db, w, ctx := witnessed(t)
		err := database.InTx(ctx, db, func(tx *sqlx.Tx) error {
			_, insert := tx.ExecContext(ctx, "INSERT INTO counters VALUES (?, ?, ?)", 774411, 774411, "sesame")
			var id int64
			return errors.Join(insert, tx.GetContext(ctx, &id, "SELECT id FROM counters WHERE note = ?", "sesame"))
		})
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(w.take(), "\n")
		if strings.Contains(got, "sesame") || strings.Contains(got, "774411") || strings.Count(got, "\n") != 3 {
			t.Errorf("seen\n%s", got)
		}
	})
	t.Run("QuestionMarkInText", func(t *testing.T) {
		t.Parallel()
		db, w, ctx := witnessed(t)
		var answer string
		if err := db.GetContext(ctx, &answer, "SELECT CONCAT('?', ?)", "sesame"); err != nil || answer != "?sesame" {
			t.Fatalf("got %s, %v", answer, err)
		}
		w.expect(t, "SELECT CONCAT('?', ?) -> 1")
	})
	t.Run("ChangesNoAnswers", func(t *testing.T) {
		t.Parallel()
		db, _, ctx := witnessed(t)
		conn, err := db.Connx(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if level := isolation(t, conn); level != "READ-COMMITTED" {
			t.Errorf("isolation level is %s", level)
		}
		if err := database.InSnapshot(ctx, db, func(tx *sqlx.Tx) error { return raise(ctx, tx, 1) }); err == nil {
			t.Error("a snapshot was written to")
		}
	})
	t.Run("FromManyGoroutines", func(t *testing.T) {
		t.Parallel()
		db, w, ctx := witnessed(t)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := database.InTx(ctx, db, func(tx *sqlx.Tx) error { return raise(ctx, tx, 1) }); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		counts := map[string]int{}
		for _, line := range w.take() {
			counts[line]++
		}
		if counts["BEGIN -> 0"] < 8 || counts["COMMIT -> 0"] != 8 || number(t, db, sumN) != 8 {
			t.Errorf("seen %v", counts)
		}
	})
}
