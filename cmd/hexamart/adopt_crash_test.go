package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"hexamart/internal/testkit"
)

// longTests is the variable that asks for every case where a sample of them is tried otherwise.
const longTests = "HEXAMART_TEST_LONG"

// TestAdoptKilled kills the program with SIGKILL at the statements of an adoption, at each of them where
// every case is asked for, and wants the next run to end in what an undisturbed one ends in. It is run
// at once, while the server may still be busy with what the killed one wanted.
func TestAdoptKilled(t *testing.T) {
	t.Parallel()
	whole := newAdoption(t)
	all := whole.migrate(0)
	if whole.exit != 0 {
		t.Fatalf("exit %d: %s", whole.exit, whole.out)
	}
	want := whole.dump()
	if all < 100 || len(want) < 100 {
		t.Fatalf("%d statements, %d lines", all, len(want))
	}
	step := 9
	if os.Getenv(longTests) != "" {
		step = 1
	}
	for n := 1 + int(whole.offset())%step; n <= all; n += step {
		for _, answered := range []bool{false, true} {
			t.Run(fmt.Sprintf("At%d/Answered=%t", n, answered), func(t *testing.T) {
				t.Parallel()
				a := newAdoption(t)
				a.answered = answered
				if a.migrate(n); a.exit != -1 {
					t.Fatalf("the program was not killed: exit %d: %s", a.exit, a.out)
				}
				if a.migrate(0); a.exit != 0 {
					t.Fatalf("exit %d: %s", a.exit, a.out)
				}
				if got := a.dump(); !slices.Equal(got, want) {
					t.Errorf("%s", difference(got, want))
				}
			})
		}
	}
}

// adoption is a copy of the sample database behind a relay, and the program that adopts it.
type adoption struct {
	*place
	cfg      *mysql.Config
	db       *sqlx.DB
	answered bool // kill after the answer to the statement instead of as it arrives
	exit     int
	out      string
}

func newAdoption(t *testing.T) *adoption {
	t.Helper()
	cfg := testkit.EmptyDatabase(t)
	a := &adoption{place: newPlace(t), cfg: cfg, db: testkit.Open(t, cfg, nil)}
	a.db.SetMaxOpenConns(1) // the sample turns the check of foreign keys off for one connection
	sample, err := os.ReadFile("../../internal/database/testdata/legacy-hexamart.sql")
	if err != nil {
		t.Fatal(err)
	}
	for s := range strings.SplitSeq(string(sample), ";\n") {
		if strings.TrimSpace(s) != "" {
			if _, err := a.db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	return a
}

// offset is another number in every run of the tests.
func (a *adoption) offset() byte { return a.cfg.DBName[len(a.cfg.DBName)-1] }

// migrate runs the program until its nth statement, to its end for 0, and returns how many it made.
func (a *adoption) migrate(n int) int {
	a.t.Helper()
	cmd, out := a.command("migrate")
	r := newRelay(a.t, a.cfg, n, a.answered, func() { _ = cmd.Process.Kill() })
	cmd.Env = append(cmd.Env, "SECRET_KEY="+strings.Repeat("k", 32),
		fmt.Sprintf("DATABASE_URL=mysql://%s:%s@%s/%s", a.cfg.User, a.cfg.Passwd, r.address(), a.cfg.DBName))
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	r.start()
	_ = cmd.Wait()
	r.stop()
	a.exit, a.out = cmd.ProcessState.ExitCode(), out.String()
	return r.statements()
}

// dump returns the shape and all rows of a database, but for the moments at which migrations ran.
func (a *adoption) dump() (lines []string) {
	a.t.Helper()
	var tables []string
	if err := a.db.Select(&tables, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name"); err != nil {
		a.t.Fatal(err)
	}
	for _, table := range tables {
		if table == "goose_db_version" {
			lines = append(lines, a.rows("SELECT DISTINCT version_id, is_applied FROM goose_db_version ORDER BY version_id")...)
			continue
		}
		for _, line := range a.rows("SHOW CREATE TABLE " + table) {
			lines = append(lines, strings.Split(withoutCounter(line), "\n")...)
		}
		columns := "*"
		switch table { // of these the ids may have gaps: those that a rolled back transaction took are gone
		case "adoption_log":
			columns = "table_name, row_id, column_name, old_value, new_value"
		case "order_history":
			columns = "order_id, status, changed_by, note, created_at"
		}
		rows := a.rows("SELECT " + columns + " FROM " + table)
		slices.Sort(rows)
		lines = append(lines, rows...)
	}
	return lines
}

func (a *adoption) rows(query string) (lines []string) {
	a.t.Helper()
	rows, err := a.db.Queryx(query)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		values, err := rows.SliceScan()
		if err != nil {
			a.t.Fatal(err)
		}
		var fields []string
		for _, v := range values {
			switch v := v.(type) {
			case nil:
				fields = append(fields, "NULL")
			case []byte:
				fields = append(fields, string(v))
			default:
				fields = append(fields, fmt.Sprint(v))
			}
		}
		lines = append(lines, strings.Join(fields, "|"))
	}
	return lines
}

func difference(got, want []string) string {
	var b strings.Builder
	for _, line := range got {
		if !slices.Contains(want, line) {
			b.WriteString("\nunwanted " + line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			b.WriteString("\nmissing  " + line)
		}
	}
	return b.String()
}
