//go:build crash

package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// readme is what the README tells people to do, on a server and as the user that it lets them make.
type readme struct {
	t    *testing.T
	text string
	cfg  *mysql.Config
}

// command returns the indented lines that begin with a text, up to one that no backslash continues.
func (r *readme) command(beginning string) string {
	r.t.Helper()
	lines := regexp.MustCompile(`(?m)^    ` + regexp.QuoteMeta(beginning) + `(?:.*\\\n)*.*$`).FindString(r.text)
	if lines == "" {
		r.t.Fatalf("the README has no %q", beginning)
	}
	return lines
}

// prepare runs the statements that make a database, and those that make its user.
func (r *readme) prepare(admin *sqlx.DB, name string, beginnings ...string) {
	r.t.Helper()
	own := strings.NewReplacer("hexamart.*", name+".*", "DATABASE hexamart", "DATABASE "+name, "'...'", "'"+r.cfg.Passwd+"'")
	for _, beginning := range beginnings {
		if _, err := admin.Exec(own.Replace(r.command(beginning))); err != nil {
			r.t.Fatalf("%s: %v", beginning, err)
		}
	}
}

// run runs a command in a directory and returns what it says.
func (r *readme) run(dir, beginning string) string {
	r.t.Helper()
	own := strings.NewReplacer("-h HOST -u USER -p", "-u "+r.cfg.User+" --socket="+r.cfg.Addr, "EMPTY_DATABASE", "restored")
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", own.Replace(r.command(beginning)))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "MYSQL_PWD="+r.cfg.Passwd)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s: %v %s", beginning, err, out)
	}
	return string(out)
}

// TestBackupAsReadmeSays makes a database and a user with the README's statements, backs it up with its command while
// a crowd orders, and restores it with another one.
func TestBackupAsReadmeSays(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	server, err := database.StartServer(t.Context(), database.ServerOptions{Mode: database.ServerScratch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	cfg := server.Config().Clone()
	cfg.User, cfg.Passwd, cfg.DBName = "hexamart", "T0tally-random", "hexamart"
	r, admin := &readme{t, string(text), cfg}, testkit.Open(t, server.Config(), nil)
	r.prepare(admin, "hexamart", "CREATE DATABASE", "CREATE USER hexamart", "GRANT SELECT")
	r.prepare(admin, "restored", "CREATE DATABASE", "GRANT SELECT")
	tool := "mariadb-dump"
	if _, err := exec.LookPath(tool); err != nil {
		tool = "mysqldump"
	}

	c := openCrowded(t, "DATABASE_URL="+databaseURL(cfg), "SECRET_KEY="+testkit.SecretKey)
	c.await("orders come in", func() bool { return c.load.Answered("201 ") >= 50 })
	before := c.load.Acknowledged()
	r.run(c.dir, tool)
	if end := r.run(c.dir, "zcat shop.sql.gz | tail"); !strings.Contains(end, dumpEnd) {
		t.Errorf("the backup ends with %s", end)
	}
	c.close()
	r.run(c.dir, "zcat shop.sql.gz | mysql")

	cfg.DBName = "restored"
	other := newPlace(t, "DATABASE_URL="+databaseURL(cfg), "SECRET_KEY="+testkit.SecretKey)
	if code, out := other.run("", "verify"); code != 0 || !strings.Contains(out, "everything holds") {
		t.Errorf("exit %d, %s", code, out)
	}
	other.serveQuietly()
	c.load.Orders = before
	for _, wrong := range c.load.Check(other.url("")) {
		t.Error(wrong)
	}
}
