//go:build crash

package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// TestBackup backs a shop up while a crowd orders, and restores the backup elsewhere: its books hold, and all
// that was acknowledged before is in it.
func TestBackup(t *testing.T) {
	c := openCrowded(t)
	c.await("orders come in", func() bool { return c.load.Answered("201 ") >= 50 })
	before := c.load.Acknowledged()
	file := filepath.Join(t.TempDir(), "shop.sql.gz")
	if code, out := c.run("", "backup", file); code != 0 || !strings.Contains(out, file) {
		t.Fatalf("exit %d, %s", code, out)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	c.close()

	other := newPlace(t, c.env...)
	if code, out := other.run("", "restore", file); code != 0 {
		t.Fatalf("exit %d, %s", code, out)
	}
	if code, out := other.run("", "verify"); code != 0 || !strings.Contains(out, "everything holds") {
		t.Errorf("exit %d, %s", code, out)
	}
	if code, out := other.run("", "restore", file); code != 1 || !strings.Contains(out, "already") {
		t.Errorf("restored twice: exit %d, %s", code, out)
	}
	// With the key of the first shop its tokens are good here, too.
	key, err := os.ReadFile(filepath.Join(c.dir, ".data", "secret_key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(other.dir, ".data", "secret_key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	other.serveQuietly()
	all := len(c.load.Orders)
	c.load.Orders = before
	if wrong := c.load.Check(other.url("")); len(wrong) != len(before)+len(c.load.Problems) {
		t.Errorf("sessions of before the restore go on: %q of %d orders are refused", wrong, len(before))
	}
	c.load.LoginAgain(t.Context(), other.url(""))
	for _, wrong := range c.load.Check(other.url("")) {
		t.Error(wrong)
	}
	t.Logf("%d orders were acknowledged before, %d in the end", len(before), all)
}

// TestBackupNotWhole wants neither a file of a dump that failed, nor a restored one that is cut off.
func TestBackupNotWhole(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if code, out := p.run("", "seed"); code != 0 {
		t.Fatal(out)
	}
	file := filepath.Join(p.dir, "shop.sql.gz")
	broken := *p
	broken.env = []string{"PATH=" + p.dir}
	script := "#!/bin/sh\necho 'CREATE TABLE half'\nexit %d\n"
	for _, exit := range []int{0, 3} {
		if err := os.WriteFile(filepath.Join(p.dir, "mariadb-dump"), fmt.Appendf(nil, script, exit), 0o700); err != nil {
			t.Fatal(err)
		}
		if code, out := broken.run("", "backup", file); code != 1 {
			t.Errorf("exit %d, %s", code, out)
		}
		if left, _ := filepath.Glob(filepath.Join(p.dir, "*.gz")); left != nil {
			t.Errorf("there is %v", left)
		}
	}
	if code, out := p.run("", "backup", file); code != 0 {
		t.Fatal(out)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]byte{whole[:len(whole)-20], whole[:len(whole)/2], []byte("no gzip"), nil} {
		if err := os.WriteFile(file, part, 0o600); err != nil {
			t.Fatal(err)
		}
		other := newPlace(t)
		if code, out := other.run("", "restore", file); code != 1 || !strings.Contains(out, "nothing was changed") {
			t.Errorf("exit %d, %s", code, out)
		}
	}
}

// TestRestoreKilled kills a restore half-way: nothing else opens what there is then, and restored again it is whole.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file, slow := filepath.Join(p.dir, "shop.sql.gz"), filepath.Join(p.dir, "slow.sql.gz")
	if code, out := p.run("", "seed"); code != 0 {
		t.Fatal(out)
	}
	if code, out := p.run("", "backup", file); code != 0 {
		t.Fatal(out)
	}
	delay(t, file, slow, "CREATE TABLE `users`", "SELECT SLEEP(60);\n")

	other := newPlace(t)
	cmd, out := other.command("restore", slow)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	other.await("half of it is there", func() bool {
		made, _ := filepath.Glob(filepath.Join(other.dir, ".data", "mysql", "data-*", "hexamart", "products.ibd"))
		return len(made) == 1
	}, out)
	beside := make(chan string, 1)
	go func() {
		code, out := other.run("", "seed")
		beside <- fmt.Sprint(code, out)
	}()
	time.Sleep(2 * time.Second) // in which it would be done
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if said := <-beside; !strings.HasPrefix(said, "1") || !strings.Contains(said, "has not come to its end") {
		t.Errorf("a command beside the restore: %s", said)
	}
	other.awaitNoServer()
	for _, command := range [][]string{{"serve"}, {"verify"}, {"doctor"}, {"migrate"}, {"backup", filepath.Join(other.dir, "x.gz")}} {
		if code, out := other.run("", command...); code != 1 || !strings.Contains(out, "has not come to its end") {
			t.Errorf("%s: exit %d, %s", command[0], code, out)
		}
	}
	if code, out := other.run("", "restore", file); code != 0 || !strings.Contains(out, "is restored") {
		t.Fatalf("exit %d, %s", code, out)
	}
	if code, out := other.run("", "verify"); code != 0 || !strings.Contains(out, "everything holds") {
		t.Errorf("exit %d, %s", code, out)
	}
	if got := other.onServer("SELECT COUNT(*) FROM products")[0]; got != "72" {
		t.Errorf("there are %s products", got)
	}
}

// delay copies a backup with a statement before another one.
func delay(t *testing.T, from, to, before, statement string) {
	t.Helper()
	zipped, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil || bytes.Count(text, []byte(before)) != 1 {
		t.Fatalf("%v; %s is there %d times", err, before, bytes.Count(text, []byte(before)))
	}
	var slow bytes.Buffer
	w := gzip.NewWriter(&slow)
	_, err = w.Write(bytes.Replace(text, []byte(before), []byte(statement+before), 1))
	if err := errors.Join(err, w.Close(), os.WriteFile(to, slow.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// TestBackupIsNoScript restores files that somebody else has written, and that would have the tool run a shell.
func TestBackupIsNoScript(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"Backslash": "\\! touch %s\n",
		"Word":      "system touch %s\n",
		"Within":    "CREATE TABLE products (id INT PRIMARY KEY);\nSELECT 1 \\! touch %s\n;\n",
		"Delimiter": "DELIMITER $$\nSELECT 1 $$\n\\! touch %s\n",
		"Outfile":   "SELECT 1 INTO OUTFILE '%s';\n",
		"Log":       "CREATE TABLE products (id INT PRIMARY KEY);\nSET GLOBAL general_log_file = '%s';\nSET GLOBAL general_log = ON;\n",
		"Nothing":   "-- %s\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			ran := filepath.Join(p.dir, "ran")
			var zipped bytes.Buffer
			w := gzip.NewWriter(&zipped)
			_, err := fmt.Fprintf(w, text+dumpEnd+"\n", ran)
			file := filepath.Join(p.dir, "shop.sql.gz")
			if err = errors.Join(err, w.Close(), os.WriteFile(file, zipped.Bytes(), 0o600)); err != nil {
				t.Fatal(err)
			}
			if code, out := p.run("", "restore", file); code != 1 {
				t.Errorf("exit %d, %s", code, out)
			}
			if _, err := os.Stat(ran); err == nil {
				t.Error("what stands in the file was run")
			}
		})
	}
}

// TestRestoreIsQuiet restores a file whose statements print hundreds of megabytes, and of which the last one fails: only that is
// shown.
func TestRestoreIsQuiet(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := fmt.Fprint(w, "CREATE TABLE products (id INT PRIMARY KEY);\n", strings.Repeat("SELECT REPEAT('x', 16000000);\n", 25), "SELECT nothing;\n", dumpEnd, "\n")
	file := filepath.Join(p.dir, "shop.sql.gz")
	if err = errors.Join(err, w.Close(), os.WriteFile(file, zipped.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	code, out := p.run("", "restore", file)
	if code != 1 || !strings.Contains(out, "not whole") || !strings.Contains(out, "Unknown column") || len(out) > 16<<10 {
		t.Errorf("exit %d, %d bytes that end with %s", code, len(out), out[max(0, len(out)-2000):])
	}
}

// TestBackupOfOwn backs up a shop whose owner has added a trigger and a view, and restores it: both work, and nobody can log in as
// the user to whom they belong now.
func TestBackupOfOwn(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := filepath.Join(p.dir, "shop.sql.gz")
	if code, out := p.run("", "seed"); code != 0 {
		t.Fatal(out)
	}
	p.onServer("CREATE TABLE own_log (email VARCHAR(255))",
		"CREATE TRIGGER own_trigger AFTER INSERT ON users FOR EACH ROW INSERT INTO own_log VALUES (NEW.email)",
		"CREATE VIEW own_view AS SELECT COUNT(*) AS n FROM own_log",
		"UPDATE products SET image_url = 'http://x\n/*!50013 DEFINER=`root`@`localhost`' WHERE id = 1")
	if code, out := p.run("", "backup", file); code != 0 {
		t.Fatal(out)
	}
	other := newPlace(t)
	if code, out := other.run("", "restore", file); code != 0 {
		t.Fatal(out)
	}
	other.serveQuietly()
	other.shopper("ann")
	got := other.onServer("SELECT n FROM own_view", "SELECT image_url LIKE 'http://x\n/*!50013 DEFINER=`root`@`localhost`' FROM products WHERE id = 1",
		"SHOW CREATE USER hexamart_restore@localhost")
	if got[0] != "1" || got[1] != "1" || !strings.Contains(got[2], "ACCOUNT LOCK") {
		t.Errorf("got %q", got)
	}
}

// onServer opens the private server's database for some statements, and returns the first value of each that has one.
func (p *place) onServer(statements ...string) (values []string) {
	p.t.Helper()
	server, err := database.StartServer(p.t.Context(), database.ServerOptions{Dir: filepath.Join(p.dir, ".data", "mysql"), Mode: database.ServerShared})
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = server.Stop() }()
	cfg, err := database.CreateDatabase(p.t.Context(), server.Config(), "hexamart")
	if err != nil {
		p.t.Fatal(err)
	}
	db := testkit.Open(p.t, cfg, nil)
	for _, s := range statements {
		var value string
		if err := db.Get(&value, s); err != nil && !errors.Is(err, sql.ErrNoRows) {
			p.t.Fatalf("%s: %v", s, err)
		}
		values = append(values, value)
	}
	return values
}

// TestBackupReplacesFilesOnly names what is no file to a backup: it stays.
func TestBackupReplacesFilesOnly(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	pipe, link := filepath.Join(p.dir, "pipe"), filepath.Join(p.dir, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink(os.DevNull, link)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pipe, link, p.dir} {
		if code, out := p.run("", "backup", name); code != 1 || !strings.Contains(out, "no ordinary file") {
			t.Errorf("%s: exit %d, %s", name, code, out)
		}
		if info, err := os.Lstat(name); err != nil || info.Mode().IsRegular() {
			t.Errorf("%s is %v, %v", name, info, err)
		}
	}
}

// TestTail writes much and little: what is kept is the end, and no more.
func TestTail(t *testing.T) {
	t.Parallel()
	end := tail{max: 5}
	for _, c := range []struct{ written, kept string }{{"", ""}, {"abc", "abc"}, {"def", "bcdef"}, {strings.Repeat("x", 1<<20) + "123456", "23456"}, {"7", "34567"}} {
		if n, err := end.Write([]byte(c.written)); n != len(c.written) || err != nil || string(end.last) != c.kept || cap(end.last) > 100 {
			t.Errorf("wrote %d, %v: %q is kept in %d bytes", n, err, end.last, cap(end.last))
		}
	}
}
