package database

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

func startServer(t *testing.T, dir string, mode ServerMode) *Server {
	t.Helper()
	s, err := StartServer(t.Context(), ServerOptions{Dir: dir, Mode: mode, Notify: func(line string) { t.Log(line) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(t, s) })
	return s
}

func stopServer(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func serverDB(t *testing.T, cfg *mysql.Config) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", cfg.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func serverExec(t *testing.T, s *Server, statements ...string) {
	t.Helper()
	db := serverDB(t, s.Config())
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func serverQuery(t *testing.T, s *Server, question string) (answer string) {
	t.Helper()
	db := serverDB(t, s.Config())
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), question).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	return answer
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for begin := time.Now(); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("30 s later still not: %s", what)
		}
	}
}

func makeTable(t *testing.T, s *Server) {
	t.Helper()
	serverExec(t, s, "CREATE DATABASE kept", "CREATE TABLE kept.row (id INT PRIMARY KEY)", "INSERT INTO kept.row VALUES (42)")
}

func TestServerKeepsData(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "some where", "data")
	if err := os.MkdirAll(dir, 0o755); err != nil { // open to others, which it must not stay
		t.Fatal(err)
	}
	s := startServer(t, dir, ServerOwned)
	makeTable(t, s)
	stolen := filepath.Join(t.TempDir(), "stolen")
	if _, err := serverDB(t, s.Config()).ExecContext(t.Context(), "SELECT id FROM kept.row INTO OUTFILE '"+stolen+"'"); err == nil {
		t.Error("the server writes files anywhere")
	}
	if got := serverQuery(t, s, "SELECT @@local_infile"); got != "0" {
		t.Errorf("the server asks its clients for files: local_infile is %s", got)
	}
	if got := serverQuery(t, s, "SELECT @@skip_networking"); got != "1" {
		t.Errorf("the server listens on a port: skip_networking is %s", got)
	}
	if got := serverQuery(t, s, "SELECT @@innodb_flush_log_at_trx_commit"); got != "1" {
		t.Errorf("commits are not durable: %s", got)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is open to others: %v %v", info.Mode(), err)
	}
	stopServer(t, s)
	select {
	case <-s.Exited():
	default:
		t.Error("stopped, but not exited")
	}
	if err := s.Err(); err != nil {
		t.Errorf("a stopped server reports a failure: %v", err)
	}
	if log := s.logTail(); !strings.Contains(log, "Shutdown complete") {
		t.Errorf("the server was not shut down cleanly:\n%s", log)
	}
	again := startServer(t, dir, ServerShared)
	if got := serverQuery(t, again, "SELECT id FROM kept.row"); got != "42" {
		t.Errorf("found %s", got)
	}
}

func TestServerSecondOwnerIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServer(t, dir, ServerOwned)
	begin := time.Now()
	_, err := StartServer(t.Context(), ServerOptions{Dir: dir, Mode: ServerOwned})
	if !errors.Is(err, ErrServerBusy) {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{dir, strconv.Itoa(os.Getpid())} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("refused only after %s", took)
	}
	serverQuery(t, s, "SELECT 1")
}

func TestServerIsSharedWithTasks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// The task comes while the owner is still starting, which it has to wait out.
	type result struct {
		s   *Server
		err error
	}
	task := make(chan result)
	go func() {
		for readHolder(serverHome{dir: dir}).pid == 0 {
			time.Sleep(time.Millisecond)
		}
		s, err := StartServer(context.Background(), ServerOptions{Dir: dir, Mode: ServerShared})
		task <- result{s, err}
	}()
	owner := startServer(t, dir, ServerOwned)
	got := <-task
	if got.err != nil {
		t.Fatal(got.err)
	}
	makeTable(t, got.s)
	stopServer(t, got.s)
	if n := serverQuery(t, owner, "SELECT COUNT(*) FROM kept.row"); n != "1" {
		t.Errorf("the owner sees %s rows", n)
	}
	select {
	case <-owner.Exited():
		t.Error("the task stopped the owner's server")
	default:
	}
}

func TestServerOwnerWaitsForTask(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	task := startServer(t, dir, ServerShared)
	makeTable(t, task)
	ended := make(chan time.Time, 1)
	time.AfterFunc(1500*time.Millisecond, func() {
		ended <- time.Now()
		_ = task.Stop()
	})
	owner := startServer(t, dir, ServerOwned)
	if began := time.Now(); began.Before(<-ended) {
		t.Error("the owner did not wait for the task")
	}
	if got := serverQuery(t, owner, "SELECT id FROM kept.row"); got != "42" {
		t.Errorf("found %s", got)
	}
}

func TestServerStartIsCancelled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, moment := range []string{"init-", "data-"} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for len(entriesOf(dir, moment)) == 0 {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		_, err := StartServer(ctx, ServerOptions{Dir: dir, Mode: ServerOwned})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at %s: got %v", moment, err)
		}
		home := serverHome{dir: dir}
		if left := entriesOf(dir, "init-"); len(left) != 0 {
			t.Errorf("cancelled at %s: %v is left", moment, left)
		}
		if lock, err := tryLock(home, ServerOwned); lock == nil {
			t.Fatalf("cancelled at %s: still locked, %v", moment, err)
		} else {
			lock.release()
		}
	}
	serverQuery(t, startServer(t, dir, ServerOwned), "SELECT 1")
}

func entriesOf(dir, prefix string) (names []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestServerThatDiesSaysWhy(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir(), ServerOwned)
	if err := syscall.Kill(s.proc.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Exited()
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v", err)
	}
}

func TestServerScratch(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	s := startServer(t, parent, ServerScratch)
	makeTable(t, s)
	stopServer(t, s)
	if left := entriesOf(parent, ""); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

func TestServerInDeepDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30), "data")
	s := startServer(t, dir, ServerOwned)
	makeTable(t, s)
	attached := startServer(t, dir, ServerShared)
	if got := serverQuery(t, attached, "SELECT id FROM kept.row"); got != "42" {
		t.Errorf("found %s", got)
	}
	info, err := os.Stat(s.home.socketDir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's directory: %v %v", info, err)
	}
	stopServer(t, s)
	if _, err := os.Stat(s.home.socketDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's directory is left: %v", err)
	}
}
