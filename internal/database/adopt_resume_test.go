package database_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// TestAdoptHalfDone checks an adoption that was interrupted: what is said to be left, that a check changes
// nothing, and that something that got in the way meanwhile is named before anything else is changed.
func TestAdoptHalfDone(t *testing.T) {
	t.Parallel()
	statements, fresh := legacy(t), testkit.DB(t)
	_, all := interrupted(t, statements, 1_000_000)
	var before []int
	for n := int64(all / 3); n < int64(all); n += int64(all / 15) {
		db, _ := interrupted(t, statements, n)
		if len(content(t, db, "SHOW TABLES LIKE 'adoption_log'")) == 0 || len(content(t, db, "SHOW TABLES LIKE 'goose_db_version'")) > 0 {
			continue // not begun, or done
		}
		was := schema(t, db)
		check, err := database.Adopt(t.Context(), db, database.AdoptOptions{Check: true})
		if err != nil {
			t.Fatal(err)
		}
		if is := schema(t, db); is != was {
			t.Errorf("after %d a check made %s of %s", n, is, was)
		}
		if check == nil { // all but the numbered migrations
			continue
		}
		before = append(before, len(check.Pending))
		if len(check.Pending) > 0 && check.Pending[len(check.Pending)-1] != "shape of order_items" {
			t.Errorf("after %d there is still to come %q", n, check.Pending)
		}
		run(t, db, "CREATE TRIGGER own_trigger BEFORE UPDATE ON users FOR EACH ROW SET NEW.is_admin = 1")
		was = schema(t, db)
		_, err = adoptAll(t.Context(), db)
		if !errors.Is(err, database.ErrNotAdoptable) || !strings.Contains(err.Error(), "trigger own_trigger of users") {
			t.Errorf("after %d: %v", n, err)
		}
		if is := schema(t, db); is != was {
			t.Errorf("after %d a refused adoption made %s of %s", n, is, was)
		}
		run(t, db, "DROP TRIGGER own_trigger")
		if _, err := adoptAll(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		wantAdopted(t, db, fresh)
	}
	if sorted := slices.IsSortedFunc(before, func(a, b int) int { return b - a }); !sorted || len(slices.Compact(before)) < 4 {
		t.Errorf("the steps that were left: %v", before)
	}
}

// TestAdoptLoadedOver refuses a copy from before that was loaded over an adopted database.
func TestAdoptLoadedOver(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	load(t, cfg, legacy(t))
	db := testkit.Open(t, cfg, nil)
	if _, err := adoptAll(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	load(t, cfg, legacy(t))
	was := schema(t, db)
	_, err := adoptAll(t.Context(), db)
	if !errors.Is(err, database.ErrNotAdoptable) || !strings.Contains(err.Error(), "loaded over") {
		t.Errorf("got %v", err)
	}
	if is := schema(t, db); is != was {
		t.Errorf("was %s, is %s", was, is)
	}
}

// TestAdoptLocked finds a session of somebody else's in the middle of something, says so instead of
// waiting for ever, and has changed nothing.
func TestAdoptLocked(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	load(t, cfg, legacy(t))
	cfg.Params = map[string]string{"lock_wait_timeout": "1"}
	db, other := testkit.Open(t, cfg, nil), testkit.Open(t, cfg, nil)
	tx, err := other.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec("SELECT COUNT(*) FROM order_items"); err != nil {
		t.Fatal(err)
	}
	was := schema(t, db)
	if _, err := adoptAll(t.Context(), db); err == nil || !strings.Contains(err.Error(), "somebody else keeps a table locked") {
		t.Errorf("got %v", err)
	}
	if is := schema(t, db); is != was {
		t.Errorf("was %s, is %s", was, is)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := adoptAll(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	wantAdopted(t, db, testkit.DB(t))
}

// TestAdoptRights refuses to begin, and to say that all is well, as a user who lacks a right.
func TestAdoptRights(t *testing.T) {
	t.Parallel()
	for name, rights := range map[string]string{"Rows": "SELECT, INSERT, UPDATE, DELETE",
		"Drop": "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES", "Read": "SELECT"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testkit.EmptyDatabase(t)
			load(t, cfg, legacy(t))
			owner := testkit.Open(t, cfg, nil)
			user := cfg.DBName[len(cfg.DBName)-12:]
			for _, s := range []string{"CREATE USER %s IDENTIFIED BY 'Passw0rd-x'", "GRANT " + rights + " ON " + cfg.DBName + ".* TO %s"} {
				_, err := owner.Exec(fmt.Sprintf(s, user))
				var told *mysql.MySQLError
				if errors.As(err, &told) && slices.Contains([]uint16{1044, 1045, 1227}, told.Number) {
					_, _ = owner.Exec("DROP USER IF EXISTS " + user)
					t.Skip("the tests' user may not make others:", err)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			defer run(t, owner, "DROP USER "+user)
			cfg = cfg.Clone()
			cfg.User, cfg.Passwd = user, "Passw0rd-x"
			db, was := testkit.Open(t, cfg, nil), schema(t, owner)
			for _, check := range []bool{true, false} {
				_, err := database.Adopt(t.Context(), db, database.AdoptOptions{Check: check})
				if !errors.Is(err, database.ErrNotAdoptable) || !strings.Contains(err.Error(), "lacks a right") {
					t.Errorf("check %t: %v", check, err)
				}
			}
			if is := schema(t, owner); is != was {
				t.Errorf("was %s, is %s", was, is)
			}
		})
	}
}
