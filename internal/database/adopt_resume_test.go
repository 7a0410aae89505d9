package database_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

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

// TestAdoptForeignLog refuses tables with a note beside them that they were adopted.
func TestAdoptForeignLog(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	load(t, cfg, append(legacy(t), "CREATE TABLE adoption_log (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, table_name VARCHAR(64) NOT NULL, row_id BIGINT NOT NULL, "+
		"column_name VARCHAR(64) NOT NULL, old_value TEXT, new_value TEXT)", "INSERT INTO adoption_log (table_name, row_id, column_name) VALUES ('', 0, 'finished')"))
	if got := refusal(t, testkit.Open(t, cfg, nil)); !strings.Contains(got, "loaded over") {
		t.Error(got)
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

// withRights returns the address of a database as a new user has it who has no other rights there.
func withRights(t *testing.T, owner *sqlx.DB, cfg *mysql.Config, rights string) *mysql.Config {
	t.Helper()
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
	t.Cleanup(func() {
		if _, err := owner.Exec("DROP USER " + user); err != nil {
			t.Error(err)
		}
	})
	cfg = cfg.Clone()
	cfg.User, cfg.Passwd = user, "Passw0rd-x"
	return cfg
}

// TestAdoptUnseen says so where a trigger or an event could be there and nobody would know: all that the shop needs are no
// rights to see them.
func TestAdoptUnseen(t *testing.T) {
	t.Parallel()
	for rights, want := range map[string]string{"": "TRIGGER, EVENT", ", EVENT": "TRIGGER", ", EVENT, TRIGGER": ""} {
		t.Run("With"+rights, func(t *testing.T) {
			t.Parallel()
			cfg := testkit.EmptyDatabase(t)
			load(t, cfg, legacy(t))
			cfg = withRights(t, testkit.Open(t, cfg, nil), cfg, "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES"+rights)
			a, err := database.Adopt(t.Context(), testkit.Open(t, cfg, nil), database.AdoptOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if want != "" {
				want = "the database's user may not see triggers and events (it lacks " + want + "): look for them as an administrator, with SHOW TRIGGERS and SHOW EVENTS"
			}
			if got := strings.Join(a.Warnings, "\n"); got != want {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestAdoptUnseenTrigger meets a trigger of which its user may not see what it does, on a server that tells of it at all.
func TestAdoptUnseenTrigger(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	load(t, cfg, append(legacy(t), "CREATE TABLE audit (who INT)", "CREATE TRIGGER own AFTER INSERT ON orders FOR EACH ROW INSERT INTO audit VALUES (1)"))
	cfg = withRights(t, testkit.Open(t, cfg, nil), cfg, "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, EVENT")
	a, err := database.Adopt(t.Context(), testkit.Open(t, cfg, nil), database.AdoptOptions{Check: true})
	unseen := err == nil && strings.Contains(strings.Join(a.Warnings, "\n"), "may not see triggers")
	if !unseen && (err == nil || !strings.Contains(err.Error(), "what the trigger own of orders does can't be seen by the database's user, which lacks the right TRIGGER")) {
		t.Errorf("got %v, %v", a.Warnings, err)
	}
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
			cfg = withRights(t, owner, cfg, rights)
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
