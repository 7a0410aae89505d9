package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hexamart/internal/config"
	"hexamart/internal/testkit"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "curl" {
		os.Exit(curl(os.Args[1:]))
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hexamart-cmd-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "hexamart")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return 1
	}
	return testkit.Main(m)
}

// curl is as much of the tool as the welcome's lines need, for machines without it.
func curl(args []string) int {
	var url, form, auth string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-s":
		case "-d":
			i++
			form += "&" + args[i]
		case "-H":
			i++
			auth = strings.TrimPrefix(args[i], "Authorization: ")
		default:
			url = args[i]
		}
	}
	method, body := http.MethodGet, strings.TrimPrefix(form, "&")
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 3
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 7
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(os.Stdout, res.Body)
	if res.StatusCode != http.StatusOK {
		return 22
	}
	return 0
}

// output collects what a process writes while it runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// place is a working directory with an address: what one shop on one machine is.
type place struct {
	t    *testing.T
	dir  string
	addr string
	env  []string // further settings
	bin  string   // the program
}

func newPlace(t *testing.T, env ...string) *place {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return &place{t, t.TempDir(), addr, env, binary}
}

func (p *place) url(path string) string { return "http://" + p.addr + path }

func (p *place) command(args ...string) (*exec.Cmd, *output) {
	out := &output{}
	cmd := exec.Command(p.bin, args...)
	cmd.Dir = p.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "TMPDIR=" + os.TempDir(),
		"HEXAMART_MYSQLD=" + os.Getenv("HEXAMART_MYSQLD"), "ADDR=" + p.addr}, p.env...)
	cmd.Stdout, cmd.Stderr = out, out
	p.t.Cleanup(func() { p.checkSecrets(out.String()) })
	return cmd, out
}

// checkSecrets searches what a process wrote for all secrets of this run, those in its settings and files too. What it
// writes is kept: the demo's welcome shows its admin's password on a terminal only.
func (p *place) checkSecrets(out string) {
	for _, setting := range p.env {
		if name, value, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "SECRET_KEY") || name == "ADMIN_PASSWORD" {
			testkit.Secret(name, value)
		} else if cfg, err := config.ParseDatabaseURL(value); name == "DATABASE_URL" && err == nil {
			testkit.Secret("the database's password", cfg.Passwd)
		}
	}
	for what, file := range map[string]string{"the key": "secret_key", "the demo's password": "admin_password"} {
		if text, err := os.ReadFile(filepath.Join(p.dir, ".data", file)); err == nil {
			testkit.Secret(what, strings.TrimSpace(string(text)))
		}
	}
	testkit.NoSecrets(p.t, "what the process wrote", out)
}

// run runs a command to its end and returns its exit code and what it printed.
func (p *place) run(stdin string, args ...string) (int, string) {
	p.t.Helper()
	cmd, out := p.command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	err := cmd.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		p.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// process is a running serve.
type process struct {
	*exec.Cmd
	out  *output
	done chan struct{}
}

// serve starts a server and returns when it is ready. It is killed at the test's end at the latest.
func (p *place) serve(args ...string) *process {
	p.t.Helper()
	cmd, out := p.command(append([]string{"serve"}, args...)...)
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	proc := &process{cmd, out, make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(proc.done)
	}()
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-proc.done
		p.awaitNoServer()
	})
	p.await("the shop is ready", func() bool {
		select {
		case <-proc.done:
			p.t.Fatalf("serve ended: %s", out)
		default:
		}
		return strings.Contains(out.String(), "msg=ready") && (len(args) == 0 || strings.Contains(out.String(), "Ctrl-C"))
	}, out)
	return proc
}

// stop sends a signal and returns the exit code.
func (p *place) stop(proc *process, sig os.Signal) int {
	p.t.Helper()
	if err := proc.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-proc.done:
	case <-time.After(time.Minute):
		p.t.Fatalf("still running a minute after %v: %s", sig, proc.out)
	}
	return proc.ProcessState.ExitCode()
}

// await waits for something that must come, with ample time for a busy machine. If it does not, it shows what was said.
func (p *place) await(what string, there func() bool, said ...*output) {
	p.t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !there(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("waited in vain until %s; said was: %s", what, said)
		}
	}
}

// servers returns the ids of the database servers that run on this place's data.
func (p *place) servers() []int {
	var pids []int
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		line, err := os.ReadFile(path)
		isServer := regexp.MustCompile(`(mysqld|mariadbd)`).Match(line) && bytes.Contains(line, []byte(p.dir))
		var pid int
		if _, scanErr := fmt.Sscanf(path, "/proc/%d/", &pid); err == nil && scanErr == nil && isServer {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (p *place) awaitNoServer() {
	p.t.Helper()
	p.await("no database server is left", func() bool { return len(p.servers()) == 0 })
}

func (p *place) killServers() {
	p.t.Helper()
	for _, pid := range p.servers() {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			p.t.Error(err)
		}
	}
}
