package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
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
	for _, n := range whole.moments(all, 9) {
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

// TestAdoptServerKilled kills the database server instead, and starts it again on the same data.
func TestAdoptServerKilled(t *testing.T) {
	t.Parallel()
	opt := database.ServerOptions{Dir: t.TempDir()}
	server := startServer(t, opt)
	defer func() { _ = server.Stop() }()
	fresh := func(n int) *adoption {
		cfg, err := database.CreateDatabase(t.Context(), server.Config(), fmt.Sprint("shop", n))
		if err != nil {
			t.Fatal(err)
		}
		return newAdoptionIn(t, cfg)
	}
	whole := fresh(0)
	all := whole.migrate(0)
	want := whole.dump()
	for _, n := range whole.moments(all, 15) {
		a := fresh(n)
		a.answered = rand.IntN(2) == 0
		cmd, out := a.command("migrate")
		running := &place{t: t, dir: opt.Dir}
		pids := running.servers()
		if len(pids) != 1 {
			t.Fatalf("servers %v run on %s", pids, opt.Dir)
		}
		a.through(cmd, out, n, func() { _ = syscall.Kill(pids[0], syscall.SIGKILL) })
		if running.awaitNoServer(); a.exit != 1 && n < all-2 { // with the last ones all is done
			t.Fatalf("at %d the server was killed: exit %d: %s", n, a.exit, a.out)
		}
		_ = server.Stop() // says that it was killed
		server = startServer(t, opt)
		a.reopen(server.Config())
		if a.migrate(0); a.exit != 0 {
			t.Fatalf("after %d: exit %d: %s", n, a.exit, a.out)
		}
		if got := a.dump(); !slices.Equal(got, want) {
			t.Errorf("after %d: %s", n, difference(got, want))
		}
	}
}

func startServer(t *testing.T, opt database.ServerOptions) *database.Server {
	t.Helper()
	server, err := database.StartServer(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return server
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
	return newAdoptionIn(t, testkit.EmptyDatabase(t))
}

func newAdoptionIn(t *testing.T, cfg *mysql.Config) *adoption {
	t.Helper()
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

// reopen connects to a server that was started again.
func (a *adoption) reopen(server *mysql.Config) {
	a.t.Helper()
	name := a.cfg.DBName
	a.cfg = server
	a.cfg.DBName = name
	a.db = testkit.Open(a.t, a.cfg, nil)
}

// moments are the statements at which to try something: each of all where every case is asked for, else
// one of every step, which are others in the next run of the tests.
func (a *adoption) moments(all, step int) (list []int) {
	if os.Getenv(longTests) != "" {
		step = 1
	}
	for n := 1 + rand.IntN(step); n <= all; n += step {
		list = append(list, n)
	}
	return list
}

// migrate runs the program to its end, or kills it at its nth statement, and returns how many it made.
func (a *adoption) migrate(n int) int {
	a.t.Helper()
	cmd, out := a.command("migrate")
	return a.through(cmd, out, n, func() { _ = cmd.Process.Kill() })
}

// through runs the program with its database behind a relay, which calls a function at its nth statement.
func (a *adoption) through(cmd *exec.Cmd, out *output, n int, call func()) int {
	a.t.Helper()
	r := newRelay(a.t, a.cfg, n, a.answered, call)
	cmd.Env = append(cmd.Env, "SECRET_KEY="+testkit.SecretKey,
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
		case "stock_ledger": // and it opens when it is made
			columns = "product_id, quantity, cause, order_id, changed_by"
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
