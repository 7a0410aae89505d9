package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"hexamart/internal/config"
	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

const randomKey = "q8Zr2LxVw0pYtN5sKd7GhJ3mBc9FaE1u"

// TestDoctor examines real shops.
func TestDoctor(t *testing.T) {
	t.Parallel()
	t.Run("Well", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		if code, out := p.run("", "migrate"); code != 0 {
			t.Fatal(out)
		}
		code, out := p.run("", "doctor")
		for _, what := range []string{"secret key", "disk", "connection", "version", "rights", "time zone", "sql_mode", "isolation", "durability", "clocks", "programs", "schema", "books"} {
			if !strings.Contains(out, fmt.Sprintf("ok    %-12s ", what)) {
				t.Errorf("%s is not well", what)
			}
		}
		if code != 0 || !strings.Contains(out, "all is well") {
			t.Errorf("exit %d, %s", code, out)
		}
	})
	t.Run("BeforeMigrating", func(t *testing.T) {
		t.Parallel()
		if code, out := newPlace(t).run("", "doctor"); code != 0 || !strings.Contains(out, "warn  schema") {
			t.Errorf("exit %d, %s", code, out)
		}
	})
	t.Run("NoDatabase", func(t *testing.T) {
		t.Parallel()
		nobody := newPlace(t)
		p := newPlace(t, "DATABASE_URL=mysql://root:hunter2secret@"+nobody.addr+"/shop", "SECRET_KEY="+randomKey)
		code, out := p.run("", "doctor")
		if code != 1 || !strings.Contains(out, "FAIL  connection") || !strings.Contains(out, "nothing listens there") || strings.Contains(out, "hunter2secret") {
			t.Errorf("exit %d, %s", code, out)
		}
	})
	t.Run("OpenSecrets", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, "DATABASE_URL=mysql://root:root@127.0.0.1:1/shop", "SECRET_KEY="+strings.Repeat("abcdefghij", 4))
		if err := os.WriteFile(filepath.Join(p.dir, ".env"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		_, out := p.run("", "doctor")
		for _, want := range []string{"FAIL  secret key", "warn  .env", "warn  db password", "warn  db user"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in %s", want, out)
			}
		}
	})
}

// TestDoctorOnDisk has less and less room.
func TestDoctorOnDisk(t *testing.T) {
	t.Parallel()
	for free, want := range map[int64]string{3 << 30: "ok    disk", 1 << 30: "warn  disk", 100 << 20: "FAIL  disk", 0: "FAIL  disk"} {
		var out bytes.Buffer
		d := &doctor{program: &program{stdout: &out}}
		d.space(free)
		if advised := strings.Contains(out.String(), "-> "); !strings.Contains(out.String(), want) || advised == strings.HasPrefix(want, "ok") {
			t.Errorf("%d bytes: %s", free, &out)
		}
	}
}

// TestDoctorOnAServer examines a database that somebody has changed by hand, as a user with few rights.
func TestDoctorOnAServer(t *testing.T) {
	t.Parallel()
	// A server of its own: on another one the tests may have no right to grant any.
	server, err := database.StartServer(t.Context(), database.ServerOptions{Mode: database.ServerScratch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	cfg, err := database.CreateDatabase(t.Context(), server.Config(), "shop_doctor")
	if err != nil {
		t.Fatal(err)
	}
	db := testkit.Open(t, cfg, nil)
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	const user = "ann"
	exec := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE USER " + user + "@'%' IDENTIFIED BY 'T0tally-random'")
	exec("GRANT SELECT, INSERT, UPDATE, DELETE ON `" + cfg.DBName + "`.* TO " + user + "@'%'")
	exec("GRANT ALL ON `" + cfg.DBName + "_x`.* TO " + user + "@'%'")                         // which is of no use here
	exec("INSERT INTO products (name, price, category, stock) VALUES ('Lamp', 1, 'Home', 5)") // and not in the ledger
	as := cfg.Clone()
	as.User, as.Passwd = user, "T0tally-random"
	p := newPlace(t, "DATABASE_URL="+databaseURL(as), "SECRET_KEY="+randomKey)
	exec("CREATE TRIGGER `own\x1b[2J` BEFORE INSERT ON users FOR EACH ROW SET NEW.is_admin = 1")
	exec("CREATE EVENT own ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO UPDATE users SET is_admin = 1")
	code, out := p.run("", "doctor")
	for _, want := range []string{"ok    programs     no others are known; this user may not see them (it lacks TRIGGER, EVENT)", "ok    rights       all that the shop needs; another user has to migrate (this one lacks CREATE, ALTER, DROP, INDEX, REFERENCES)", "FAIL  books", "its stock is 5, its ledger adds up to 0", "ok    db password"} {
		if code != 1 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in %s", code, want, out)
		}
	}
	exec("GRANT ALL ON `" + strings.ReplaceAll(cfg.DBName, "_", `\_`) + "`.* TO " + user + "@'%'")
	_, out = p.run("", "doctor")
	for _, want := range []string{"ok    rights", `warn  programs     the trigger "own\x1b[2J" of users is not the shop's (BEFORE INSERT)`,
		"warn  programs     the event own is not the shop's (ENABLED)", "SHOW CREATE EVENT `own`"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	exec("ALTER TABLE products DROP KEY ix_products_name")
	exec("RENAME TABLE stock_ledger TO own_ledger")
	code, out = p.run("", "doctor")
	for _, want := range []string{"FAIL  schema", "index products.ix_products_name archived_at, name, id", "table stock_ledger", "FAIL  books        they could not be checked"} {
		if code != 1 || !strings.Contains(out, want) || strings.Contains(out, "all is well") {
			t.Errorf("exit %d, no %q in %s", code, want, out)
		}
	}
	exec("DROP USER " + user + "@'%'")
	if code, out := p.run("", "doctor"); code != 1 || !strings.Contains(out, "FAIL  connection") || !strings.Contains(out, "the user or the password") {
		t.Errorf("exit %d, %s", code, out)
	}
}

// TestDoctorJudges changes one fact of a good server at a time.
func TestDoctorJudges(t *testing.T) {
	t.Parallel()
	set := func(pairs ...string) func(*database.Facts) {
		return func(f *database.Facts) {
			for i := 0; i < len(pairs); i += 2 {
				f.Variables[pairs[i]] = pairs[i+1]
			}
		}
	}
	node := func(state, size string) func(*database.Facts) {
		return func(f *database.Facts) {
			set("wsrep_on", "ON", "innodb_flush_log_at_trx_commit", "2", "innodb_autoinc_lock_mode", "2")(f)
			f.Status = map[string]string{"wsrep_cluster_status": state, "wsrep_cluster_size": size}
		}
	}
	for name, c := range map[string]struct {
		change func(*database.Facts)
		says   string // "" for nothing bad
	}{
		"Good":             {func(*database.Facts) {}, ""},
		"OldMySQL":         {func(f *database.Facts) { f.Version = "8.0.40" }, "FAIL  version"},
		"OldMariaDB":       {func(f *database.Facts) { f.Version, f.MariaDB = "10.6.1-MariaDB", true }, "FAIL  version"},
		"MariaDB":          {func(f *database.Facts) { f.Version, f.MariaDB = "11.4.2-MariaDB", true }, ""},
		"Far":              {func(f *database.Facts) { f.Answer = 20 * time.Millisecond }, "warn  connection"},
		"Plain":            {func(f *database.Facts) { f.Encrypted = false }, "warn  encryption"},
		"FewConnections":   {set("max_connections", "40"), "warn  connections"},
		"Role":             {func(f *database.Facts) { f.ByRole = true }, "warn  rights"},
		"NoUpdate":         {func(f *database.Facts) { f.Lacking = []database.Grant{{Rights: []string{"UPDATE"}, Table: "*"}} }, "GRANT UPDATE ON <the database>.* TO"},
		"OnlyServes":       {func(f *database.Facts) { f.NoChanges, f.Rewriting = []string{"CREATE"}, []string{"DELETE"} }, ""},
		"OnlyAdds":         {func(f *database.Facts) { f.Rewriting = nil }, ""},
		"EmptiesLog":       {func(f *database.Facts) { f.Rewriting = []string{"DROP"} }, "warn  rights"},
		"TimeZone":         {func(f *database.Facts) { f.Offset = time.Hour }, "FAIL  time zone"},
		"LaxMode":          {set("sql_mode", "ONLY_FULL_GROUP_BY"), "FAIL  sql_mode"},
		"Isolation":        {set("transaction_isolation", "REPEATABLE-READ"), "FAIL  isolation"},
		"OldIsolationName": {set("transaction_isolation", "", "tx_isolation", "READ-COMMITTED"), ""},
		"StatementBinlog":  {set("log_bin", "ON", "sync_binlog", "1", "binlog_format", "STATEMENT"), "FAIL  binlog"},
		"LazyLog":          {set("innodb_flush_log_at_trx_commit", "2"), "warn  durability"},
		"LazyBinlog":       {set("log_bin", "ON", "sync_binlog", "0"), "warn  durability"},
		"NoDoublewrite":    {set("innodb_doublewrite", "OFF"), "warn  durability"},
		"ClockAhead":       {func(f *database.Facts) { f.Skew = 5 * time.Second }, "warn  clocks"},
		"ClockBehind":      {func(f *database.Facts) { f.Skew = -5 * time.Second }, "warn  clocks"},
		"ThreeNodes":       {node("Primary", "3"), ""},
		"TwoNodes":         {node("Primary", "2"), "warn  cluster"},
		"NoQuorum":         {node("non-Primary", "1"), "FAIL  cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := database.Facts{Version: "9.1.0", Encrypted: true, Answer: time.Millisecond, Variables: map[string]string{
				"sql_mode": "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES", "transaction_isolation": "READ-COMMITTED", "max_connections": "200",
				"innodb_flush_log_at_trx_commit": "1", "innodb_doublewrite": "ON"}}
			c.change(&f)
			var out bytes.Buffer
			d := &doctor{program: &program{stdout: &out, cfg: config.Config{Database: &mysql.Config{Net: "tcp", Addr: "db.example.com:3306"}}}}
			for _, check := range []func(database.Facts){d.connection, d.version, d.rights, d.session, d.durability, d.cluster, d.clock} {
				check(f)
			}
			bad := d.failed + d.warned
			if c.says == "" && bad > 0 || c.says != "" && (bad != 1 || !strings.Contains(out.String(), c.says)) {
				t.Errorf("%d bad, want %q in\n%s", bad, c.says, &out)
			}
			if advice := strings.Count(out.String(), "-> "); advice != bad {
				t.Errorf("%d times what to do in\n%s", advice, &out)
			}
		})
	}
}

// TestDoctorSecretKey lets others write the key that the shop keeps: whoever did is anybody they like.
func TestDoctorSecretKey(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	name := filepath.Join(p.dir, ".data", "secret_key")
	if err := errors.Join(os.Mkdir(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(strings.Repeat("planted ", 8)), 0o600), os.Chmod(name, 0o666)); err != nil {
		t.Fatal(err)
	}
	if code, out := p.run("", "doctor"); code != 1 || !strings.Contains(out, "FAIL  secret key") || !strings.Contains(out, "others can read or write") {
		t.Errorf("exit %d, %s", code, out)
	}
}

// TestDoctorWeakSecretKey puts keys there that can be guessed: they are judged as SECRET_KEY is.
func TestDoctorWeakSecretKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		strings.Repeat("a", 40):                  "FAIL  secret key",
		strings.Repeat("your_secret_key_", 3):    "FAIL  secret key",
		strings.Repeat("abcdefghij", 4):          "FAIL  secret key",
		"my-secret-is-my-own-and-nobody-knows":   "warn  secret key",
		"q8Zr2LxVw0pYtN5sKd7GhJ3mBc9FaE1u-other": "ok    secret key",
	} {
		var out bytes.Buffer
		d := &doctor{program: &program{stdout: &out, cfg: config.Config{DataDir: t.TempDir()}}}
		if err := os.WriteFile(d.cfg.SecretKeyFile(), []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if d.secretKey(); !strings.HasPrefix(out.String(), want) || strings.Contains(out.String(), key) {
			t.Errorf("%q: %s", key, &out)
		}
	}
}
