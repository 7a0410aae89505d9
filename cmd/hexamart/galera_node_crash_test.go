//go:build crash && linux

package main

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// transferScript is the least that a node may ask of a state transfer: none, for what a node lacks the others
// still have in their caches. The donor tells the joiner its position by way of a file.
const transferScript = `#!/bin/sh
bypass=; while [ $# -gt 0 ]; do case $1 in
	--role) role=$2; shift ;;
	--address) address=${2%%[:/]*}; shift ;;
	--gtid) gtid=$2; shift ;;
	--gtid-domain-id) domain=$2; shift ;;
	--bypass) bypass=1 ;;
esac; shift; done
file=$(dirname "$0")/transfer-$address
if [ "$role" = joiner ]; then
	rm -f "$file"; echo "ready $address"
	until [ -s "$file" ]; do sleep 0.05; done
	cat "$file"
else
	[ -n "$bypass" ] || { echo "the data are not the same" >&2; exit 1; }
	echo "$gtid $domain" >"$file.new"; mv "$file.new" "$file"; echo "done $gtid"
fi
`

func (n *node) command(args ...string) *exec.Cmd {
	args = append([]string{"--no-defaults", "--datadir=" + n.data(), "--socket=" + filepath.Join(n.dir, "s"),
		"--pid-file=" + filepath.Join(n.dir, "pid"), "--bind-address=" + n.ip, fmt.Sprint("--port=", n.port),
		"--skip-name-resolve", "--binlog-format=ROW", "--default-storage-engine=InnoDB", "--innodb-autoinc-lock-mode=2",
		"--innodb-buffer-pool-size=64M", "--innodb-log-file-size=96M", "--innodb-flush-log-at-trx-commit=2", "--innodb-use-native-aio=OFF",
		"--max-connections=200",
		"--wsrep-on=ON", "--wsrep-provider=" + galeraLibrary, "--wsrep-cluster-name=hexamart", "--wsrep-node-name=" + n.name,
		"--wsrep-node-address=" + n.ip, "--wsrep-sst-method=cache", "--wsrep-slave-threads=4",
		fmt.Sprintf("--wsrep-provider-options=gcache.size=64M;gmcast.listen_addr=tcp://%s:%d;base_host=%s;base_port=%d;ist.recv_addr=%s:%d",
			n.ip, n.group, n.ip, n.group, n.ip, n.group+1)}, args...)
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	cmd := exec.Command("mariadbd", args...)
	if cmd.Err != nil {
		cmd = exec.Command("/usr/sbin/mariadbd", args...)
	}
	cmd.Env = append(os.Environ(), "PATH="+n.galera.dir+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (n *node) start(args ...string) {
	n.t.Helper()
	n.runs++
	log, err := os.Create(n.log())
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd, done := n.command(args...), make(chan struct{})
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.cmd, n.done = cmd, done
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	n.t.Cleanup(n.kill)
}

func (n *node) data() string { return filepath.Join(n.dir, "data") }

func (n *node) log() string { return filepath.Join(n.dir, fmt.Sprintf("log%d", n.runs)) }

// kill is kill -9, and the end of the process.
func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	<-n.done
}

func (n *node) signal(sig syscall.Signal) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(sig); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) exec(statement string) {
	n.t.Helper()
	db := n.open()
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(statement); err != nil {
		n.t.Fatal(err)
	}
}

// restart lets a node that was killed find out how far it had come, and catch up with the others.
func (n *node) restart() {
	n.t.Helper()
	out, err := n.command("--wsrep-recover", "--wsrep-cluster-address="+n.address()).CombinedOutput()
	found := regexp.MustCompile(`Recovered position: (\S+)`).FindSubmatch(out)
	if found == nil {
		n.t.Fatalf("%s does not know its position: %v\n%s", n.name, err, out)
	}
	n.start("--wsrep-cluster-address="+n.address(), "--wsrep-start-position="+string(found[1]))
	n.awaitReady()
}

func (n *node) awaitReady() {
	n.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if state := n.status("wsrep_local_state_comment"); state == "Synced" {
			return
		}
		select {
		case <-n.done:
		default:
			if time.Now().Before(deadline) {
				continue
			}
		}
		text, _ := os.ReadFile(n.log())
		n.t.Fatalf("%s did not join:\n%s", n.name, text[max(0, len(text)-8<<10):])
	}
}

// open returns a pool for one node, closed with the test; it sees what is there, without waiting.
func (n *node) open() *sql.DB {
	n.t.Helper()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = galeraUser, galeraUser, "tcp", n.addr, "hexamart"
	cfg.Logger, cfg.Timeout, cfg.ReadTimeout = &mysql.NopLogger{}, 5*time.Second, 10*time.Second
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	n.t.Cleanup(func() { _ = db.Close() })
	return db
}

// openBehind returns a pool of one connection that sees all that was written on any node before.
func (n *node) openBehind() *sql.DB {
	n.t.Helper()
	db := n.open()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("SET SESSION wsrep_sync_wait = 7"); err != nil {
		n.t.Fatal(err)
	}
	return db
}

func (n *node) status(name string) (value string) {
	db := n.open()
	defer func() { _ = db.Close() }()
	_ = db.QueryRow("SHOW STATUS LIKE '"+name+"'").Scan(&name, &value)
	return value
}

// url is a DATABASE_URL of all nodes that begins with the i-th.
func (g *galera) url(first int) string {
	var addrs []string
	for i := range g.nodes {
		addrs = append(addrs, g.nodes[(first+i)%len(g.nodes)].addr)
	}
	return "mysql://" + galeraUser + ":" + galeraUser + "@" + strings.Join(addrs, ",") + "/hexamart"
}

// rows returns every row of every table on one node, once all that was written before has come there.
func (n *node) rows() (all []string) {
	n.t.Helper()
	db := n.openBehind()
	defer func() { _ = db.Close() }()
	var tables string
	err := db.QueryRow("SELECT GROUP_CONCAT(table_name) FROM information_schema.tables WHERE table_schema = DATABASE()").Scan(&tables)
	if err != nil {
		n.t.Fatal(err)
	}
	for table := range strings.SplitSeq(tables, ",") {
		all = append(all, n.rowsOf(db, table)...)
	}
	slices.Sort(all)
	return all
}

func (n *node) rowsOf(db *sql.DB, table string) (list []string) {
	n.t.Helper()
	rows, err := db.Query("SELECT * FROM " + table)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		n.t.Fatal(err)
	}
	values, places := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			n.t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%s %v", table, values))
	}
	if err := rows.Err(); err != nil {
		n.t.Fatal(err)
	}
	return list
}
