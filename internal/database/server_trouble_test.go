package database

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// refused starts a server that cannot start, and returns what StartServer says.
func refused(t *testing.T, dir string) error {
	t.Helper()
	begin := time.Now()
	s, err := StartServer(t.Context(), ServerOptions{Dir: dir, Mode: ServerOwned})
	if err == nil {
		stopServer(t, s)
		t.Fatal("the server started")
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("it took %s to fail", took)
	}
	t.Log(err)
	return err
}

func writeFile(t *testing.T, path, text string, perm os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), perm); err != nil {
		t.Fatal(err)
	}
}

func TestServerIgnoresWhatACrashLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, dir, ServerOwned)
	makeTable(t, s)
	stopServer(t, s)
	// Process numbers are used again: here the files name this very process.
	self := fmt.Sprintln(os.Getpid())
	writeFile(t, s.home.path("lock"), fmt.Sprintf("%d %d true\n", os.Getpid(), ServerOwned), 0o600)
	writeFile(t, s.home.path("server.pid"), self, 0o600)
	writeFile(t, s.home.socket+".lock", self, 0o600)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.home.socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	_ = listener.Close()
	if err := os.MkdirAll(s.home.path("init-123/data/mysql"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := serverQuery(t, startServer(t, dir, ServerOwned), "SELECT id FROM kept.row"); got != "42" {
		t.Errorf("found %s", got)
	}
	if left := entriesOf(dir, "init-"); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

func TestServerQuotesItsLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, dir, ServerOwned)
	stopServer(t, s)
	writeFile(t, filepath.Join(s.home.data(s.home.flavour()), "ibdata1"), strings.Repeat("garbage ", 1<<17), 0o600)
	err := refused(t, dir)
	if !strings.Contains(err.Error(), "[ERROR]") || !strings.Contains(err.Error(), "ibdata1") {
		t.Error("the server's own words are missing")
	}
	if lines := strings.Count(err.Error(), "\n"); lines > 12 {
		t.Errorf("%d lines are too many", lines)
	}
}

func TestServerDirectoryIsUnusable(t *testing.T) {
	t.Parallel()
	t.Run("BelowAFile", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		writeFile(t, file, "", 0o600)
		if err := refused(t, filepath.Join(file, "data")); !strings.Contains(err.Error(), file) {
			t.Error("the path is missing")
		}
	})
	t.Run("HoldsOtherFiles", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "diary.txt"), "", 0o600)
		if err := refused(t, dir); !strings.Contains(err.Error(), "other files") {
			t.Error("the reason is missing")
		}
		if names := entriesOf(dir, ""); len(names) != 1 {
			t.Errorf("something was put beside them: %v", names)
		}
	})
	t.Run("MadeByTheOtherKind", func(t *testing.T) {
		t.Parallel()
		home := serverHome{dir: t.TempDir()}
		bin, err := findServer(t.Context(), home, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		other := flavourMySQL
		if bin.flavour == other {
			other = flavourMariaDB
		}
		writeFile(t, home.path("lock"), "", 0o600)
		if err := os.Mkdir(home.data(other), 0o700); err != nil {
			t.Fatal(err)
		}
		if both, err := findServer(t.Context(), home, slog.New(slog.DiscardHandler)); err == nil {
			if both.flavour != other {
				t.Errorf("%s was chosen for the data of %s", both, other)
			}
			return
		}
		err = refused(t, home.dir)
		if !errors.Is(err, ErrNoServer) || !strings.Contains(err.Error(), "which "+other.String()+" made") {
			t.Error("the reason is missing")
		}
	})
}

// These change the environment, which parallel tests cannot.
func TestServerBinaryIsUnusable(t *testing.T) {
	dir := t.TempDir()
	script := func(name, text string, perm os.FileMode) string {
		path := filepath.Join(dir, name)
		writeFile(t, path, "#!/bin/sh\n"+text, perm)
		return path
	}
	for _, c := range []struct{ name, path, want string }{
		{"Missing", filepath.Join(dir, "nothing"), "no such file"},
		{"NotExecutable", script("plain", "", 0o600), "permission denied"},
		{"NoServer", script("shell", "echo hello", 0o700), "is no server"},
		{"OldMySQL", script("old", "echo 'mysqld  Ver 5.7.44 for Linux'", 0o700), "MySQL 5.7"},
		{"OldMariaDB", script("older", "echo 'mariadbd  Ver 10.6.3-MariaDB for Linux'", 0o700), "MariaDB 10.6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("HEXAMART_MYSQLD", c.path)
			err := refused(t, t.TempDir())
			if !errors.Is(err, ErrNoServer) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want ErrNoServer with %q", c.want)
			}
			if !strings.Contains(err.Error(), "mariadb-server-core") || !strings.Contains(err.Error(), "DATABASE_URL") {
				t.Error("what to do is missing")
			}
		})
	}
	t.Run("BreaksWhileStarting", func(t *testing.T) {
		t.Setenv("HEXAMART_MYSQLD", script("broken",
			`case $2 in --version) echo 'mysqld  Ver 9.1.0 for Linux';; *) echo 'cannot load libaio'; exit 127;; esac`, 0o700))
		if err := refused(t, t.TempDir()); !strings.Contains(err.Error(), "cannot load libaio") {
			t.Error("its words are missing")
		}
	})
	t.Run("BareSearchPath", func(t *testing.T) {
		t.Setenv("PATH", "/nowhere")
		if len(serverPaths()) == 0 {
			t.Error("no server was found in the usual places")
		}
	})
}

func TestServerWaitEndsWithContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startServer(t, dir, ServerShared)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := StartServer(ctx, ServerOptions{Dir: dir, Mode: ServerShared})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
