package database

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The environment of a test binary that plays an owner: the directory, and the mode.
const (
	ownerDirEnv  = "HEXAMART_TEST_OWNER_DIR"
	ownerModeEnv = "HEXAMART_TEST_OWNER_MODE"
)

// TestServerOwnerProcess is no test but the other process of the tests below: it owns a server and
// commits rows, printing each one's number after its commit, until it is killed.
func TestServerOwnerProcess(t *testing.T) {
	dir := os.Getenv(ownerDirEnv)
	if dir == "" {
		return
	}
	mode, _ := strconv.Atoi(os.Getenv(ownerModeEnv))
	s, err := StartServer(t.Context(), ServerOptions{Dir: dir, Mode: ServerMode(mode)})
	if err != nil {
		t.Fatal(err)
	}
	serverExec(t, s, "CREATE DATABASE IF NOT EXISTS crash", "CREATE TABLE crash.row (id INT PRIMARY KEY)")
	fmt.Printf("pids %d %d\n", s.proc.cmd.Process.Pid, s.guard.cmd.Process.Pid)
	db := serverDB(t, s.Config())
	for id := 1; ; id++ {
		if _, err := db.Exec("INSERT INTO crash.row VALUES (?)", id); err != nil {
			t.Fatal(err)
		}
		fmt.Println("row", id)
	}
}

// owner is another process that owns a server.
type owner struct {
	cmd           *exec.Cmd
	lines         *bufio.Scanner
	server, guard int
}

func startOwner(t *testing.T, dir string, mode ServerMode) *owner {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerOwnerProcess$")
	cmd.Env = append(os.Environ(), ownerDirEnv+"="+dir, ownerModeEnv+"="+strconv.Itoa(int(mode)))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &owner{cmd: cmd, lines: bufio.NewScanner(out)}
}

// commits waits until the owner has committed n rows.
func (o *owner) commits(t *testing.T, n int) {
	t.Helper()
	var said []string
	for o.lines.Scan() {
		said = append(said, o.lines.Text())
		_, _ = fmt.Sscanf(o.lines.Text(), "pids %d %d", &o.server, &o.guard)
		if o.lines.Text() == fmt.Sprint("row ", n) {
			return
		}
	}
	t.Fatalf("the owner ended early:\n%s", strings.Join(said, "\n"))
}

// lastRow reads on, after the owner was killed, to what it had committed last.
func (o *owner) lastRow() (last int) {
	for o.lines.Scan() {
		_, _ = fmt.Sscanf(o.lines.Text(), "row %d", &last)
	}
	return last
}

func killAll(t *testing.T, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(pid, err)
		}
	}
}

func homeIn(t *testing.T, dir string) serverHome {
	t.Helper()
	home, err := openHome(ServerOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return home
}

func findRows(t *testing.T, dir string, last int) {
	t.Helper()
	s := startServer(t, dir, ServerOwned)
	got := serverQuery(t, s, "SELECT CONCAT(COUNT(*), ' ', MAX(id)) FROM crash.row")
	var count, highest int
	if _, err := fmt.Sscan(got, &count, &highest); err != nil || count != highest || highest < last {
		t.Errorf("of %d committed rows these were found: %s", last, got)
	}
}

func TestServerAfterCrash(t *testing.T) {
	t.Parallel()
	t.Run("NothingIsLeftRunning", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		o := startOwner(t, dir, ServerOwned)
		o.commits(t, 20)
		home := homeIn(t, dir)
		if !home.runs(o.server) {
			t.Fatalf("process %d is not the server", o.server)
		}
		killAll(t, o.cmd.Process.Pid)
		eventually(t, "the server is gone", func() bool { return !home.runs(o.server) })
		log, err := os.ReadFile(home.path("server.log"))
		if err != nil || !strings.Contains(string(log), "Shutdown complete") {
			t.Errorf("the server was not shut down cleanly: %v\n%s", err, log)
		}
	})
	t.Run("OwnerKilled", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		o := startOwner(t, dir, ServerOwned)
		o.commits(t, 50)
		killAll(t, o.cmd.Process.Pid)
		findRows(t, dir, o.lastRow())
	})
	t.Run("AllKilled", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		o := startOwner(t, dir, ServerOwned)
		o.commits(t, 50)
		killAll(t, o.guard, o.cmd.Process.Pid, o.server)
		findRows(t, dir, o.lastRow())
	})
	t.Run("OnlyServerLeft", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		o := startOwner(t, dir, ServerOwned)
		o.commits(t, 50)
		killAll(t, o.guard, o.cmd.Process.Pid)
		last := o.lastRow()
		time.Sleep(200 * time.Millisecond)
		home := homeIn(t, dir)
		if !home.runs(o.server) {
			t.Fatal("the server ended: there is nothing to recover from")
		}
		findRows(t, dir, last)
		if home.runs(o.server) {
			t.Error("the old server still runs")
		}
	})
	t.Run("DuringFirstStart", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		o := startOwner(t, dir, ServerOwned)
		eventually(t, "data are being made", func() bool { return len(entriesOf(dir, "init-")) > 0 })
		killAll(t, o.cmd.Process.Pid)
		serverQuery(t, startServer(t, dir, ServerOwned), "SELECT 1")
	})
	t.Run("ScratchIsRemoved", func(t *testing.T) {
		t.Parallel()
		parent := t.TempDir()
		o := startOwner(t, parent, ServerScratch)
		o.commits(t, 1)
		killAll(t, o.cmd.Process.Pid)
		eventually(t, "the scratch directory is gone", func() bool { return len(entriesOf(parent, "")) == 0 })
	})
}
