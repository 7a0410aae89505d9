//go:build crash

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hexamart/internal/testkit"
)

// proxy is nginx with the repository's nginx.conf, but for the addresses in it.
type proxy struct {
	*place
	access string  // its log
	said   *output // of errors
}

// unlimited are edits of nginx.conf for those who ask from one address for many.
var unlimited = []string{"rate=100r/s", "rate=100000r/s", "rate=10r/s", "rate=100000r/s", "burst=40 ", "burst=4000 "}

// newProxy starts nginx before two shops. Edits are pairs of a text of nginx.conf, which must be there, and
// what to put in its place.
func newProxy(t *testing.T, shops [2]string, edits ...string) *proxy {
	t.Helper()
	p := &proxy{place: newPlace(t)}
	p.access = filepath.Join(p.dir, "access.log")
	text, err := os.ReadFile("../../nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	conf := string(text)
	for i, e := 0, append([]string{"hexamart-1:8000", shops[0], "hexamart-2:8000", shops[1], "listen 8080", "listen " + p.addr,
		" /tmp/", " " + p.dir + "/", "/dev/stdout", p.access}, edits...); i < len(e); i += 2 {
		if !strings.Contains(conf, e[i]) {
			t.Fatalf("nginx.conf has no %q", e[i])
		}
		conf = strings.ReplaceAll(conf, e[i], e[i+1])
	}
	file := filepath.Join(p.dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	global := "daemon off;"
	if os.Geteuid() == 0 {
		global += " user root;" // the test's directories are root's
	}
	name, err := exec.LookPath("nginx")
	if err != nil {
		name = "/usr/sbin/nginx"
	}
	out := &output{}
	cmd := exec.Command(name, "-e", "stderr", "-p", p.dir, "-c", file, "-g", global)
	cmd.Stdout, cmd.Stderr, p.said = out, out, out
	if err := cmd.Start(); err != nil {
		t.Fatalf("this test needs nginx (apt install nginx-light): %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			said := out.String()
			t.Logf("nginx said:\n%s", said[:min(len(said), 4<<10)])
		}
	})
	p.await("nginx listens", func() bool {
		res, err := http.Get(p.url("/nginx-health"))
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusNoContent
	})
	return p
}

// twins are two shops on one database, behind nginx.
type twins struct {
	*proxy
	shops [2]*place
	procs [2]*process
}

func newTwins(t *testing.T, edits ...string) *twins {
	t.Helper()
	return newTwinsOf(t, binary, edits...)
}

// newTwinsOf is newTwins for shops of another version.
func newTwinsOf(t *testing.T, bin string, edits ...string) *twins {
	t.Helper()
	cfg := testkit.EmptyDatabase(t)
	tw := &twins{}
	for i := range tw.shops {
		tw.shops[i] = newPlace(t, "DATABASE_URL="+databaseURL(cfg), "SECRET_KEY="+testkit.SecretKey, "TRUSTED_PROXIES=127.0.0.1",
			"ADMIN_EMAIL=admin@example.com", "ADMIN_PASSWORD=long enough")
		tw.shops[i].bin = bin
		tw.procs[i] = tw.shops[i].serve()
	}
	if code, out := tw.shops[0].run("", "seed"); code != 0 {
		t.Fatal(out)
	}
	tw.proxy = newProxy(t, [2]string{tw.shops[0].addr, tw.shops[1].addr}, edits...)
	return tw
}

// crowd is who shops and browses by way of nginx.
type crowd struct {
	*testkit.Load
	gets  atomic.Int64 // answered well
	wrong chan string
}

// under runs fn while a crowd orders and browses.
func (tw *twins) under(fn func(*crowd)) *crowd {
	tw.t.Helper()
	admin := tw.login("admin@example.com", "long enough")
	for id := 1; id <= 4; id++ {
		admin.want(200, "PATCH", fmt.Sprintf("/products/%d", id), `{"stock": 1000000}`, nil)
	}
	c := &crowd{Load: &testkit.Load{Shops: []string{tw.url("")}, Products: []int64{1, 2, 3, 4}, Shoppers: 12, Patience: 90 * time.Second}, wrong: make(chan string, 100)}
	c.Enter(tw.t.Context())
	ctx, cancel := context.WithCancel(tw.t.Context())
	var busy sync.WaitGroup
	busy.Go(func() { c.Run(ctx) })
	for _, path := range []string{"/products", "/products/1", "/cart", "/orders"} {
		busy.Go(func() { c.browse(ctx, &client{t: tw.t, base: tw.url(""), token: admin.token}, path) })
	}
	fn(c)
	cancel()
	busy.Wait()
	return c
}

func (c *crowd) browse(ctx context.Context, who *client, path string) {
	for ctx.Err() == nil {
		if status, body := who.send("GET", path, ""); status == http.StatusOK {
			c.gets.Add(1)
		} else {
			select {
			case c.wrong <- fmt.Sprintf("GET %s: %d %s", path, status, body):
			default:
			}
		}
	}
}

// check wants no GET to have failed, and every order that was acknowledged there, and no other one.
func (tw *twins) check(c *crowd) {
	tw.t.Helper()
	close(c.wrong)
	for w := range c.wrong {
		tw.t.Error(w)
	}
	for _, w := range c.Check(tw.url("")) {
		tw.t.Error(w)
	}
	var dashboard struct{ Totals struct{ Orders int } }
	tw.login("admin@example.com", "long enough").want(200, "GET", "/admin/dashboard", "", &dashboard)
	if n := dashboard.Totals.Orders; n != len(c.Orders) || n < 50 {
		tw.t.Errorf("%d orders are there, %d were acknowledged", n, len(c.Orders))
	}
	if code, out := tw.shops[0].run("", "verify"); code != 0 {
		tw.t.Errorf("verify: exit %d, %s", code, out)
	}
	tw.t.Logf("%d orders, the longest took %v; %d GETs; answers: %v", len(c.Orders), c.Longest.Round(time.Millisecond), c.gets.Load(), c.Answers)
}

// again starts a shop and waits until nginx, which leaves it alone for two seconds, has taken it back.
func (tw *twins) again(i int) {
	tw.t.Helper()
	tw.procs[i] = tw.shops[i].serve()
	tw.await("the shop is at work again", func() bool { return strings.Contains(tw.procs[i].out.String(), "msg=request") })
	// As in the README: one whose connection to the shop before came to nothing late, by then may have had nginx leave
	// this one alone for two seconds more.
	time.Sleep(3 * time.Second)
}

// moreOrders waits until the crowd has had so many more orders answered.
func (c *crowd) moreOrders(p *place, n int) {
	p.t.Helper()
	before := c.Answered("201 ")
	p.await("orders come in", func() bool { return c.Answered("201 ") >= before+n })
}

// TestProxyRollingRestart restarts two shops one after the other, again and again, while a crowd shops: not
// one request may fail.
func TestProxyRollingRestart(t *testing.T) {
	t.Parallel()
	tw := newTwins(t, unlimited...)
	c := tw.under(func(running *crowd) {
		for range rounds() {
			for i, shop := range tw.shops {
				running.moreOrders(shop, 20)
				if code := shop.stop(tw.procs[i], syscall.SIGTERM); code != 0 {
					t.Errorf("exit %d", code)
				}
				tw.again(i)
			}
		}
		running.moreOrders(tw.shops[0], 20)
	})
	for answer, n := range c.Answers {
		if answer == "lost" || strings.HasPrefix(answer, "5") || strings.HasPrefix(answer, "429") {
			t.Errorf("%d times %s", n, answer)
		}
	}
	tw.check(c)
}

// TestProxyFailover kills a shop while a crowd shops: no GET fails, and no order is placed twice.
func TestProxyFailover(t *testing.T) {
	t.Parallel()
	tw := newTwins(t, unlimited...)
	tw.check(tw.under(func(running *crowd) {
		for range rounds() {
			for i, shop := range tw.shops {
				running.moreOrders(shop, 20)
				shop.stop(tw.procs[i], syscall.SIGKILL)
				running.moreOrders(shop, 20)
				tw.again(i)
			}
		}
	}))
}
