//go:build crash && linux

package main

import (
	"syscall"
	"testing"
	"time"
)

// TestProxyCluster is the whole of it: nginx, two shops and a cluster of three nodes, from which a node and a
// shop are taken while a crowd orders.
func TestProxyCluster(t *testing.T) {
	c := newClustered(t)
	front := newProxy(t, [2]string{c.a.addr, c.b.addr}, unlimited...)
	c.front = []string{front.url("")}
	steps := []struct {
		name string
		do   func()
	}{
		{"all is well", func() { time.Sleep(2 * time.Second) }},
		{"a node is killed", c.nodes[0].kill},
		{"the node is started again", c.nodes[0].restart},
		{"a shop is killed", func() { c.b.stop(c.bProcess, syscall.SIGKILL) }},
		{"the shop is started again", func() { c.bProcess = c.b.serve() }},
		{"the node of the other shop and this shop are killed at once", func() {
			c.nodes[1].kill()
			c.b.stop(c.bProcess, syscall.SIGKILL)
		}},
		{"both are started again", func() {
			c.nodes[1].restart()
			c.bProcess = c.b.serve()
		}},
		{"a shop is restarted in an orderly way", func() {
			if code := c.b.stop(c.bProcess, syscall.SIGTERM); code != 0 {
				t.Errorf("exit %d", code)
			}
			c.bProcess = c.b.serve()
		}},
	}
	c.run(24, func() {
		for _, s := range steps {
			t.Logf("%s: no order for %s", s.name, c.pause(s.do))
		}
	})
	c.check()
}
