//go:build crash

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"hexamart/internal/testkit"
)

// crowded is a shop under load.
type crowded struct {
	*place
	proc  *process
	load  *testkit.Load
	files int // open in the quiet shop
	end   func()
}

// openCrowded starts a shop with much of a few products, and a crowd of shoppers in it.
func openCrowded(t *testing.T, env ...string) *crowded {
	t.Helper()
	p := newPlace(t, append(env, "ADMIN_EMAIL=admin@example.com", "ADMIN_PASSWORD=long enough", "LOG_LEVEL=warn")...)
	if code, out := p.run("", "seed"); code != 0 {
		t.Fatal(out)
	}
	c := &crowded{place: p, proc: p.serveQuietly()}
	admin := p.login("admin@example.com", "long enough")
	for id := 1; id <= 4; id++ {
		admin.want(200, "PATCH", fmt.Sprintf("/products/%d", id), `{"stock": 1000000}`, nil)
	}
	c.load = &testkit.Load{Shops: []string{p.url("")}, Products: []int64{1, 2, 3, 4}, Shoppers: crowdOf(16), Patience: 90 * time.Second}
	c.load.Enter(t.Context())
	c.files = c.openFiles()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.load.Run(ctx) })
	c.end = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(func() {
		c.end()
		if t.Failed() {
			t.Logf("the shop said:\n%s", c.proc.out)
		}
	})
	return c
}

// serveQuietly is serve for a shop that does not log that it is ready.
func (p *place) serveQuietly() *process {
	p.t.Helper()
	cmd, out := p.command("serve")
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
	p.awaitReady()
	return proc
}

func (p *place) awaitReady() {
	p.t.Helper()
	p.await("the shop is ready", func() bool { return p.status("/readyz") == http.StatusOK })
}

func (c *crowded) openFiles() int {
	list, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", c.proc.Process.Pid))
	return len(list)
}

// close ends the load and checks everything that shoppers were told, the books, and what is left open.
func (c *crowded) close() {
	c.t.Helper()
	c.end()
	c.awaitReady()
	for _, wrong := range c.load.Check(c.url("")) {
		c.t.Error(wrong)
	}
	if code, out := c.run("", "verify"); code != 0 {
		c.t.Errorf("verify: exit %d\n%s", code, out)
	}
	c.t.Logf("%d orders acknowledged, the longest after %v; answers: %v", len(c.load.Orders), c.load.Longest, c.load.Answers)
	if len(c.load.Orders) < c.load.Shoppers {
		c.t.Errorf("only %d orders", len(c.load.Orders))
	}
	// A pool's connections, those of the crowd that the client keeps, and a few of the moment.
	http.DefaultClient.CloseIdleConnections()
	c.await("nothing is left open", func() bool { return c.openFiles() <= c.files+40 })
	if code := c.stop(c.proc, syscall.SIGTERM); code != 0 {
		c.t.Errorf("exit %d: %s", code, c.proc.out)
	}
}

// crowdOf is how many shoppers come, each of whom costs seconds of bcrypt under the race detector.
func crowdOf(many int) int {
	if os.Getenv("CRASH_SHORT") != "" {
		return many / 2
	}
	return many
}

func rounds() int {
	if os.Getenv("CRASH_SHORT") != "" {
		return 1
	}
	return 5
}

func (c *crowded) signalServers(sig syscall.Signal) {
	c.t.Helper()
	for _, pid := range c.servers() {
		if err := syscall.Kill(pid, sig); err != nil {
			c.t.Error(err)
		}
	}
}

// TestCrashUnderLoad kills and freezes what a shop consists of while a crowd orders, and lets it come back.
func TestCrashUnderLoad(t *testing.T) {
	for _, crash := range []struct {
		name string
		do   func(c *crowded)
	}{
		{"DatabaseServerKilled", func(c *crowded) { c.killServers() }},
		{"ShopKilled", func(c *crowded) {
			c.stop(c.proc, syscall.SIGKILL)
			c.proc = c.serveQuietly()
		}},
		{"BothKilled", func(c *crowded) {
			c.killServers()
			c.stop(c.proc, syscall.SIGKILL)
			c.proc = c.serveQuietly()
		}},
		{"ShopStopped", func(c *crowded) {
			if code := c.stop(c.proc, syscall.SIGTERM); code != 0 {
				c.t.Errorf("exit %d: %s", code, c.proc.out)
			}
			c.proc = c.serveQuietly()
		}},
		{"DatabaseServerFrozen", func(c *crowded) {
			c.signalServers(syscall.SIGSTOP)
			frozen := time.Now()
			// While it is frozen: an answer, and quickly enough that it is frozen still.
			c.await("requests are refused", func() bool { return c.status("/products") == http.StatusServiceUnavailable })
			if took := time.Since(frozen); took > 10*time.Second {
				c.t.Errorf("refused only after %v", took)
			}
			if code := c.status("/readyz"); code != http.StatusServiceUnavailable {
				c.t.Errorf("/readyz is %d", code)
			}
			if code := c.status("/healthz"); code != http.StatusOK {
				c.t.Errorf("/healthz is %d", code)
			}
			time.Sleep(10*time.Second - min(time.Since(frozen), 10*time.Second))
			c.signalServers(syscall.SIGCONT)
		}},
		{"ShopFrozen", func(c *crowded) {
			_ = c.proc.Process.Signal(syscall.SIGSTOP)
			time.Sleep(10 * time.Second)
			_ = c.proc.Process.Signal(syscall.SIGCONT)
		}},
	} {
		t.Run(crash.name, func(t *testing.T) {
			t.Parallel()
			c := openCrowded(t)
			for range rounds() {
				time.Sleep(2 * time.Second)
				crash.do(c)
				back := time.Now()
				c.await("the shop sells again", func() bool { return c.status("/products") == http.StatusOK })
				t.Logf("back after %v", time.Since(back))
			}
			time.Sleep(2 * time.Second)
			c.close()
		})
	}
}
