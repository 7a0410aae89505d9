//go:build crash && linux

package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"hexamart/internal/testkit"
)

// groupServer names a mysqld that has the plugin group_replication.
const groupServer = "HEXAMART_TEST_GROUP"

// group is MySQL group replication with a single primary: three members on ports of 127.0.0.1.
type group struct {
	t       *testing.T
	members []*member
	seeds   string
}

// member is one of the group, which may be dead.
type member struct {
	*group
	id          int
	dir         string
	port, local string // for clients, for the other members
	cmd         *exec.Cmd
	db          *sql.DB
}

func newGroup(t *testing.T) *group {
	t.Helper()
	if os.Getenv(groupServer) == "" {
		t.Skip(groupServer + " names no mysqld with group replication")
	}
	g := &group{t: t}
	var seeds []string
	for i := range 3 {
		_, port, _ := net.SplitHostPort(newPlace(t).addr)
		m := &member{group: g, id: i + 1, dir: t.TempDir(), port: port, local: newPlace(t).addr}
		g.members, seeds = append(g.members, m), append(seeds, m.local)
	}
	g.seeds = strings.Join(seeds, ",")
	for i, m := range g.members {
		if out, err := m.command("--initialize-insecure").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		m.start("OFF")
		m.exec("SET SQL_LOG_BIN = 0", "CREATE USER repl@'%' IDENTIFIED BY 'replicate'", "GRANT REPLICATION SLAVE ON *.* TO repl@'%'",
			"CREATE USER shop@'%' IDENTIFIED BY 'replicate'", "GRANT ALL ON *.* TO shop@'%'", "SET SQL_LOG_BIN = 1",
			"CHANGE REPLICATION SOURCE TO SOURCE_USER = 'repl', SOURCE_PASSWORD = 'replicate' FOR CHANNEL 'group_replication_recovery'")
		if i == 0 {
			m.bootstrap()
			m.exec("CREATE DATABASE hexamart CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
		} else {
			m.exec("START GROUP_REPLICATION")
		}
		m.awaitOnline()
	}
	return g
}

func (m *member) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Getenv(groupServer), append([]string{"--no-defaults", "--datadir=" + filepath.Join(m.dir, "data"),
		"--socket=" + filepath.Join(m.dir, "s"), "--pid-file=" + filepath.Join(m.dir, "pid"), "--mysqlx=0", "--secure-file-priv=NULL",
		"--bind-address=127.0.0.1", "--port=" + m.port, "--report-host=127.0.0.1", fmt.Sprint("--server-id=", m.id), "--gtid-mode=ON",
		"--enforce-gtid-consistency=ON", "--innodb-buffer-pool-size=64M", "--max-connections=200"}, args...)...)
	if os.Geteuid() == 0 {
		cmd.Args = append(cmd.Args, "--user=root")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// start runs the server, which joins the group by itself if boot is ON.
func (m *member) start(boot string) {
	m.t.Helper()
	log, err := os.OpenFile(filepath.Join(m.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	m.cmd = m.command("--plugin-load-add=group_replication.so",
		"--loose-group-replication-group-name=5ca1ab1e-0000-4000-8000-000000000001",
		"--loose-group-replication-start-on-boot="+boot,
		"--loose-group-replication-local-address="+m.local,
		"--loose-group-replication-group-seeds="+m.seeds,
		"--loose-group-replication-recovery-get-public-key=ON",
		"--loose-group-replication-consistency=BEFORE_ON_PRIMARY_FAILOVER",
		"--loose-group-replication-exit-state-action=READ_ONLY",
		"--loose-group-replication-member-expel-timeout=0",
		"--loose-group-replication-unreachable-majority-timeout=10")
	m.cmd.Stdout, m.cmd.Stderr = log, log
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.Logger = "root", "unix", filepath.Join(m.dir, "s"), &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		m.t.Fatal(err)
	}
	m.db = sql.OpenDB(connector)
	m.db.SetMaxOpenConns(1) // SQL_LOG_BIN is the session's
	m.t.Cleanup(m.kill)
	m.await("the server answers", func() bool { return m.db.Ping() == nil })
}

func (m *member) kill() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
	_ = m.db.Close()
}

func (m *member) exec(statements ...string) {
	m.t.Helper()
	for _, s := range statements {
		if _, err := m.db.Exec(s); err != nil {
			log, _ := os.ReadFile(filepath.Join(m.dir, "log"))
			m.t.Fatalf("%s: %v\n%s", s, err, log[max(0, len(log)-3000):])
		}
	}
}

// bootstrap makes a group of one member.
func (m *member) bootstrap() {
	m.t.Helper()
	m.exec("SET GLOBAL group_replication_bootstrap_group = ON", "START GROUP_REPLICATION", "SET GLOBAL group_replication_bootstrap_group = OFF")
}

// state is this member's own, and its role.
func (m *member) state() (state, role string) {
	_ = m.db.QueryRow(`
		SELECT member_state, member_role
		FROM performance_schema.replication_group_members
		WHERE member_port = ?`, m.port).Scan(&state, &role)
	return state, role
}

func (m *member) awaitOnline() {
	m.t.Helper()
	m.await("the member is online", func() bool { state, _ := m.state(); return state == "ONLINE" })
}

func (m *member) restart() {
	m.t.Helper()
	m.start("ON")
	m.awaitOnline()
}

func (g *group) await(what string, there func() bool) {
	g.t.Helper()
	(&place{t: g.t}).await(what, there)
}

// primary returns the member that takes writes, and the others.
func (g *group) primary() (first *member, others []*member) {
	g.t.Helper()
	for _, m := range g.members {
		if state, role := m.state(); state == "ONLINE" && role == "PRIMARY" && first == nil {
			first = m
		} else {
			others = append(others, m)
		}
	}
	if first == nil {
		g.t.Fatal("there is no primary")
	}
	return first, others
}

// quiet does something, waits for 20 more orders, and returns the longest time without one.
func quiet(p *place, load *testkit.Load, do func()) time.Duration {
	var longest time.Duration
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		n, last := load.Answered("201 "), time.Now()
		for {
			if now := load.Answered("201 "); now > n {
				longest, n, last = max(longest, time.Since(last)), now, time.Now()
			}
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	do()
	n := load.Answered("201 ")
	p.await("orders come in", func() bool { return load.Answered("201 ") >= n+20 })
	close(done)
	watching.Wait()
	return longest.Round(10 * time.Millisecond)
}

// TestGroupReplication lets two shops order from a group, and takes primaries, others and the majority from it.
func TestGroupReplication(t *testing.T) {
	g := newGroup(t)
	var shops [2]*place
	for i := range shops {
		var hosts []string
		for j := range g.members {
			hosts = append(hosts, "127.0.0.1:"+g.members[(i+j)%3].port)
		}
		shops[i] = newPlace(t, "DATABASE_URL=mysql://shop:replicate@"+strings.Join(hosts, ",")+"/hexamart", "SECRET_KEY="+testkit.SecretKey,
			"RATE_LIMIT_LOGIN=off", "ADMIN_EMAIL=admin@example.com", "ADMIN_PASSWORD=long enough", "LOG_LEVEL=info")
		shops[i].serve()
	}
	a := shops[0]
	if code, out := a.run("", "seed"); code != 0 {
		t.Fatal(out)
	}
	admin := a.login("admin@example.com", "long enough")
	for id := 1; id <= 4; id++ {
		admin.want(200, "PATCH", fmt.Sprintf("/products/%d", id), `{"stock": 1000000}`, nil)
	}
	load := &testkit.Load{Shops: []string{a.url(""), shops[1].url("")}, Products: []int64{1, 2, 3, 4}, Shoppers: 8, Patience: 2 * time.Minute}
	load.Enter(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { load.Run(ctx) })
	var gone []*member
	for _, s := range []struct {
		name string
		do   func()
	}{
		{"all is well", func() { time.Sleep(3 * time.Second) }},
		{"the primary is killed", func() { first, _ := g.primary(); first.kill(); gone = []*member{first} }},
		{"it comes back", func() { gone[0].restart() }},
		{"another member is killed", func() { _, others := g.primary(); others[0].kill(); gone = others[:1] }},
		{"it comes back", func() { gone[0].restart() }},
		{"the primary stands still for ten seconds", func() {
			first, _ := g.primary()
			_ = first.cmd.Process.Signal(syscall.SIGSTOP)
			time.Sleep(10 * time.Second)
			_ = first.cmd.Process.Signal(syscall.SIGCONT)
			first.awaitOnline()
		}},
		{"the majority is lost until somebody decides", func() {
			last, others := g.primary()
			others[0].kill()
			others[1].kill()
			gone = others
			for _, p := range shops {
				p.await("the shop says that it can't serve", func() bool { return p.status("/readyz") == 503 })
			}
			last.await("the member has left", func() bool { state, _ := last.state(); return state == "ERROR" })
			last.exec("STOP GROUP_REPLICATION")
			last.bootstrap()
		}},
		{"both come back", func() { gone[0].restart(); gone[1].restart() }},
	} {
		t.Logf("%s: no order for %s", s.name, quiet(a, load, s.do))
	}
	cancel()
	running.Wait()
	for _, wrong := range load.Check(a.url("")) {
		t.Error(wrong)
	}
	for _, p := range shops {
		if code, out := p.run("", "verify"); code != 0 {
			t.Errorf("verify: exit %d, %s", code, out)
		}
	}
	for _, m := range g.members {
		m.await("every member has every order", func() bool {
			var n int
			return m.db.QueryRow("SELECT COUNT(*) FROM hexamart.orders").Scan(&n) == nil && n == len(load.Orders)
		})
	}
	t.Logf("%d orders, the longest took %s; answers: %v", len(load.Orders), load.Longest.Round(time.Millisecond), load.Answers)
}
