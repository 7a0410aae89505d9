//go:build crash

package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"hexamart/internal/database"
	"hexamart/migrations"
)

// TestProxyVersions upgrades two shops, one after the other, while a crowd shops, and takes the upgrade back: from the
// last version with an older schema to this one, and from this one to a version with a made-up schema.
// Not one request may fail.
func TestProxyVersions(t *testing.T) {
	t.Parallel()
	t.Run("FromTheLast", func(t *testing.T) {
		t.Parallel()
		upgradeUnderLoad(t, lastVersion(t), binary)
	})
	t.Run("ToTheNext", func(t *testing.T) {
		t.Parallel()
		upgradeUnderLoad(t, binary, nextVersion(t))
	})
}

func upgradeUnderLoad(t *testing.T, older, newer string) {
	tw := newTwinsOf(t, older, unlimited...)
	before := tw.schemaOf(newer)
	var logs []*output // of those that were replaced
	c := tw.under(func(running *crowd) {
		replace := func(i int, bin string) {
			running.moreOrders(tw.shops[i], 30)
			if code := tw.shops[i].stop(tw.procs[i], syscall.SIGTERM); code != 0 {
				t.Errorf("exit %d", code)
			}
			logs = append(logs, tw.procs[i].out)
			tw.shops[i].bin = bin
			tw.again(i)
		}
		replace(0, newer) // which migrates while the older one sells
		running.moreOrders(tw.shops[0], 100)
		replace(1, newer)
		replace(0, older) // taken back
		if !strings.Contains(tw.procs[0].out.String(), "the schema is newer than this program; it goes on") {
			t.Errorf("the older version does not say that the schema is newer: %s", tw.procs[0].out)
		}
		running.moreOrders(tw.shops[0], 100)
	})
	if after := tw.schemaOf(newer); before == after || strings.Contains(after, "pending") {
		t.Errorf("the schema was\n%sand is now\n%s", before, after)
	}
	for answer, n := range c.Answers {
		if answer == "lost" || strings.HasPrefix(answer, "5") || strings.HasPrefix(answer, "429") {
			t.Errorf("%d times %s", n, answer)
		}
	}
	for _, log := range append(logs, tw.procs[0].out, tw.procs[1].out) {
		for line := range strings.Lines(log.String()) {
			if t.Failed() && strings.Contains(line, "request failed") {
				t.Log(line)
			}
		}
	}
	tw.check(c) // and verify by the older version
	tw.shops[1].addr = newPlace(t).addr
	if code, out := tw.shops[1].run("", "verify"); code != 0 {
		t.Errorf("verify by the newer version: exit %d, %s", code, out)
	}
}

// schemaOf is what a version says of the migrations that it knows.
func (tw *twins) schemaOf(bin string) string {
	tw.t.Helper()
	asked := *tw.shops[0]
	asked.bin = bin
	code, out := asked.run("", "migrate", "--status")
	if code != 0 {
		tw.t.Fatalf("exit %d, %s", code, out)
	}
	return out
}

// lastVersion builds the last release, or, where there is none yet, the last commit with an older schema.
func lastVersion(t *testing.T) string {
	t.Helper()
	commit, err := git("describe", "--tags", "--abbrev=0", "HEAD^")
	if err != nil {
		files, _ := fs.Glob(migrations.FS, "*.sql")
		var added string
		added, err = git("log", "-1", "--diff-filter=A", "--format=%H", "--", "migrations/"+files[len(files)-1])
		if err == nil {
			commit, err = git("rev-parse", "--verify", added+"^")
		}
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("an older version can't be had without the repository's history: %v", err)
		}
		t.Skipf("an older version can't be had without the repository's history: %v", err)
	}
	source, err := git("archive", "--format=tar", commit)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := unpack(dir, source); err != nil {
		t.Fatal(err)
	}
	t.Logf("the older version is %s", commit)
	return build(t, dir, "-buildvcs=false")
}

func git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = filepath.Join("..", "..")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err == nil && len(out) == 0 {
		err = errors.New("no answer")
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w %s", args[0], err, &said)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

func unpack(dir, source string) error {
	for r := tar.NewReader(strings.NewReader(source)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		name := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, b, 0o600)); err != nil {
			return err
		}
	}
}

// nextVersion builds this version with more migrations, which do to the tables all that expanding ones may.
func nextVersion(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir, replace := t.TempDir(), map[string]string{}
	add := func(statement string) {
		name := fmt.Sprintf("%05d_made_up.sql", database.LatestVersion()+int64(len(replace))+1)
		replace[filepath.Join(root, "migrations", name)] = filepath.Join(dir, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte("-- +goose Up\n"+statement+";\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	add("CREATE TABLE made_up (id INT PRIMARY KEY, product_id INT NULL, FOREIGN KEY (product_id) REFERENCES products (id))")
	files, _ := fs.Glob(migrations.FS, "*.sql")
	for _, name := range files {
		text, err := migrations.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`CREATE TABLE IF NOT EXISTS (\w+)`).FindAllStringSubmatch(string(text), -1) {
			add("ALTER TABLE " + m[1] + " ADD COLUMN made_up INT NOT NULL DEFAULT 7")
			if m[1] == "carts" || m[1] == "orders" || m[1] == "products" { // which are never at rest
				add("ALTER TABLE " + m[1] + " ADD KEY ix_made_up (made_up)")
			}
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	list := filepath.Join(dir, "overlay.json")
	if err := errors.Join(err, os.WriteFile(list, overlay, 0o600)); err != nil {
		t.Fatal(err)
	}
	return build(t, root, "-overlay="+list)
}

func build(t *testing.T, dir, flag string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "hexamart")
	cmd := exec.Command("go", "build", flag, "-o", name, "./cmd/hexamart")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return name
}
