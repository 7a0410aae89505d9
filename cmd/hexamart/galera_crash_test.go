//go:build crash && linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hexamart/internal/database"
)

// galera is a cluster of three MariaDB nodes on loopback addresses of their own, 127.0.0.11 to .13.
type galera struct {
	t     *testing.T
	dir   string
	nodes []*node
	port  int // for clients
	group int // on which the nodes speak with each other; the next one is for state transfers
}

// node is a member of the cluster, which may be dead.
type node struct {
	*galera
	name string
	ip   string
	addr string // for clients
	dir  string
	cmd  *exec.Cmd
	done chan struct{}
	runs int
}

// galeraLibrary is what Debian's galera-4 installs.
const galeraLibrary = "/usr/lib/galera/libgalera_smm.so"

const galeraUser = "hexamart"

// newGalera starts the cluster, which ends with the test. Its nodes begin with the same data, so that they
// need no transfer of them, nor the tools for it.
func newGalera(t *testing.T) *galera {
	t.Helper()
	if _, err := os.Stat(galeraLibrary); err != nil {
		t.Fatalf("the cluster needs Galera (apt install galera-4): %v", err)
	}
	g := &galera{t: t, group: freePort(t), port: freePort(t), dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(g.dir, "wsrep_sst_cache"), []byte(transferScript), 0o700); err != nil {
		t.Fatal(err)
	}
	data := g.seed()
	for i := 1; i <= 3; i++ {
		n := g.node(i, filepath.Join(g.dir, fmt.Sprintf("node%d", i)))
		if err := os.CopyFS(n.data(), os.DirFS(data)); err != nil {
			t.Fatal(err)
		}
		g.nodes = append(g.nodes, n)
	}
	for i, n := range g.nodes {
		if i == 0 {
			n.start(alone...)
		} else {
			n.start("--wsrep-cluster-address=" + g.address())
		}
		n.awaitReady()
	}
	return g
}

// freePort returns the first of two ports that nobody uses on the nodes' addresses.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.11:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

// alone are the arguments of a node that is a cluster by itself.
var alone = []string{"--wsrep-new-cluster", "--wsrep-cluster-address=gcomm://"}

func (g *galera) node(i int, dir string) *node {
	ip := fmt.Sprintf("127.0.0.%d", 10+i)
	return &node{galera: g, name: filepath.Base(dir), ip: ip, addr: fmt.Sprintf("%s:%d", ip, g.port), dir: dir}
}

// seed returns a directory of data with a user for the shop and an empty database. A cluster of one has
// been at work on them, so that they know their position.
func (g *galera) seed() string {
	g.t.Helper()
	server, err := database.StartServer(g.t.Context(), database.ServerOptions{Dir: filepath.Join(g.dir, "seed"), Mode: database.ServerOwned})
	if err != nil {
		g.t.Fatal(err)
	}
	db, err := database.Open(g.t.Context(), server.Config(), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE USER '" + galeraUser + "'@'127.%' IDENTIFIED BY '" + galeraUser + "'",
		"GRANT ALL ON *.* TO '" + galeraUser + "'@'127.%'",
		"CREATE DATABASE hexamart CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
	} {
		if _, err := db.ExecContext(g.t.Context(), statement); err != nil {
			g.t.Fatal(err)
		}
	}
	_ = db.Close()
	if err := server.Stop(); err != nil {
		g.t.Fatal(err)
	}
	n := g.node(1, filepath.Join(g.dir, "first"))
	if err := os.CopyFS(n.data(), os.DirFS(filepath.Join(g.dir, "seed", "data-mariadb"))); err != nil {
		g.t.Fatalf("the cluster needs MariaDB (apt install mariadb-server-core): %v", err)
	}
	n.start(alone...)
	n.awaitReady()
	n.signal(syscall.SIGTERM)
	<-n.done
	return n.data()
}

// address is where a node finds the others.
func (g *galera) address() string {
	var list []string
	for _, n := range g.nodes {
		list = append(list, fmt.Sprintf("%s:%d", n.ip, g.group))
	}
	return "gcomm://" + strings.Join(list, ",")
}
