//go:build crash && linux

package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hexamart/internal/testkit"
)

// clustered is two shops that write to two nodes of a cluster, under load.
type clustered struct {
	*galera
	a, b     *place
	front    []string // where shoppers go, if not to these
	bProcess *process
	boss     *client
	load     *testkit.Load
	hot      []int64 // products that everybody wants
	inAll    int64   // of all products, in stock and in orders
	before   int64   // orders, when the load begins

	wg     sync.WaitGroup
	wrong  chan string
	db     *sql.DB // the node that lives
	placed atomic.Int64
}

func newClustered(t *testing.T) *clustered {
	t.Helper()
	c := &clustered{galera: newGalera(t), wrong: make(chan string, 100)}
	c.db = c.nodes[2].open()
	c.a = newPlace(t, "DATABASE_URL="+c.url(0), "SECRET_KEY="+testkit.SecretKey, "RATE_LIMIT_LOGIN=off")
	c.b = newPlace(t, "DATABASE_URL="+c.url(1), "SECRET_KEY="+testkit.SecretKey, "RATE_LIMIT_LOGIN=off")
	c.a.serve()
	c.bProcess = c.b.serve()
	for stdin, args := range map[string][]string{"": {"seed"}, "long enough\n": {"admin", "boss@example.com"}} {
		if code, out := c.a.run(stdin, args...); code != 0 {
			t.Fatalf("%v: exit %d, %s", args, code, out)
		}
	}
	c.boss = c.b.login("boss@example.com", "long enough") // written on one node, seen on another
	var products []struct{ ID int64 }
	c.boss.want(200, "GET", "/products?limit=4", "", &products)
	for _, p := range products {
		c.hot = append(c.hot, p.ID)
		c.boss.want(200, "PATCH", fmt.Sprintf("/products/%d", p.ID), `{"stock_delta": 100000}`, nil)
	}
	c.inAll, _ = c.count()
	return c
}

// count returns how many pieces there are, in stock and in orders, and how many orders, once all that was written
// before has come to the node that lives.
func (c *clustered) count() (pieces, orders int64) {
	c.t.Helper()
	db := c.nodes[2].openBehind()
	defer func() { _ = db.Close() }()
	if err := db.QueryRow(`
		SELECT (SELECT SUM(stock) FROM products)
			+ (SELECT COALESCE(SUM(i.quantity), 0) FROM order_items i JOIN orders o ON o.id = i.order_id WHERE o.status <> 'Cancelled'),
			(SELECT COUNT(*) FROM orders)`).Scan(&pieces, &orders); err != nil {
		c.t.Fatal(err)
	}
	return pieces, orders
}

// run puts the shops under load while fn does its worst.
func (c *clustered) run(shoppers int, fn func()) {
	c.t.Helper()
	shops := c.front
	if shops == nil {
		shops = []string{c.a.url(""), c.b.url("")}
	}
	c.load = &testkit.Load{Shops: shops, Products: c.hot, Shoppers: shoppers, Patience: time.Minute}
	ctx, cancel := context.WithCancel(context.Background())
	c.load.Enter(ctx)
	c.wg.Go(func() { c.load.Run(ctx) })
	c.wg.Go(func() { c.ship(ctx) })
	defer func() {
		cancel()
		c.wg.Wait()
	}()
	fn()
}

// ship changes the status of orders, by either shop, while shoppers cancel them.
func (c *clustered) ship(ctx context.Context) {
	for ctx.Err() == nil {
		shop := []*place{c.a, c.b}[rand.N(2)]
		var orders []struct{ ID int64 }
		status, _, body := shop.exchange("GET", "/admin/orders?status=Pending&limit=20", "", c.boss.token)
		if status == http.StatusOK {
			_ = json.Unmarshal(body, &orders)
		}
		c.judge(status, body)
		for _, o := range orders {
			status, _, body := shop.exchange("PUT", fmt.Sprintf("/orders/%d/status?status=Shipped", o.ID), "", c.boss.token)
			c.judge(status, body)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (c *clustered) judge(status int, body []byte) {
	if !slices.Contains([]int{0, 200, 409, 503}, status) {
		select {
		case c.wrong <- fmt.Sprintf("admin: %d %s", status, body):
		default:
		}
	}
}

// orders returns how many there are on the node that lives, or were when it last said so.
func (c *clustered) orders() int64 {
	var n int64
	if c.db.QueryRow("SELECT COUNT(*) FROM orders").Scan(&n) == nil {
		c.placed.Store(n)
	}
	return c.placed.Load()
}

// pause does something, waits until more orders have come in after it, and returns the longest time in
// which none did.
func (c *clustered) pause(do func()) (longest time.Duration) {
	c.t.Helper()
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		n, last := c.orders(), time.Now()
		for {
			if now := c.orders(); now > n {
				longest = max(longest, time.Since(last))
				n, last = now, time.Now()
			}
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	do()
	n := c.orders()
	c.a.await("orders come in", func() bool { return c.orders() > n+20 })
	close(done)
	watching.Wait()
	return longest.Round(time.Millisecond)
}

// unready waits until neither shop can serve.
func (c *clustered) unready() {
	c.t.Helper()
	for _, p := range []*place{c.a, c.b} {
		p.await("the shop says that it can't serve", func() bool {
			status, _, _ := p.exchange("GET", "/readyz", "", "")
			return status == http.StatusServiceUnavailable
		})
	}
}

// check wants every acknowledged order there once, the stock exact, and all nodes to agree.
func (c *clustered) check() {
	c.t.Helper()
	close(c.wrong)
	for w := range c.wrong {
		c.t.Error(w)
	}
	wrong := c.load.Check(c.a.url(""))
	for _, w := range wrong[:min(10, len(wrong))] {
		c.t.Error(w)
	}
	pieces, orders := c.count()
	if orders -= c.before; orders != int64(len(c.load.Orders)) {
		c.t.Errorf("%d orders are there, %d were acknowledged", orders, len(c.load.Orders))
	}
	if pieces != c.inAll {
		c.t.Errorf("%d pieces became %d", c.inAll, pieces)
	}
	for _, p := range []*place{c.a, c.b} {
		if code, out := p.run("", "verify"); code != 0 || !strings.Contains(out, "everything holds") {
			c.t.Errorf("verify: exit %d, %s", code, out)
		}
	}
	first := c.nodes[0].rows()
	for _, n := range c.nodes[1:] {
		rows := n.rows()
		for i := range max(len(rows), len(first)) {
			if i >= len(rows) || i >= len(first) || rows[i] != first[i] {
				c.t.Errorf("%s has %d rows, %s has %d; the first that differ: %v, %v", c.nodes[0].name, len(first), n.name, len(rows),
					first[min(i, len(first)-1)], rows[min(i, len(rows)-1)])
				break
			}
		}
	}
	c.t.Logf("%d orders, the longest took %s; answers: %v", len(c.load.Orders), c.load.Longest.Round(time.Millisecond), c.load.Answers)
}

// storm lets the same few people fill and order the same carts by both shops at once: each order that was acknowledged is there with
// what it is of, and nothing is sold that was not there. It returns how many orders there are then.
func (c *clustered) storm(lasts time.Duration) (orders int64) {
	c.t.Helper()
	var mu sync.Mutex
	var placed []int64
	answers := map[string]int{}
	note := func(what string, status int, id int64) {
		mu.Lock()
		defer mu.Unlock()
		answers[fmt.Sprint(what, " ", status)]++
		if id > 0 {
			placed = append(placed, id)
		}
	}
	var people sync.WaitGroup
	end := time.Now().Add(lasts)
	for i := range 8 {
		token := c.a.shopper(fmt.Sprint("storm", i)).token
		for _, shop := range []*place{c.a, c.b} {
			people.Go(func() {
				for time.Now().Before(end) {
					status, _, _ := shop.exchange("POST", "/cart", fmt.Sprintf(`{"product_id": %d, "quantity": 1}`, c.hot[rand.N(2)]), token)
					note("cart", status, 0)
					var order struct {
						ID int64 `json:"order_id"`
					}
					status, _, body := shop.exchange("POST", "/orders", `{"payment_method": "UPI", "shipping_address": "x"}`, token)
					if status == http.StatusCreated {
						if err := json.Unmarshal(body, &order); err != nil {
							c.t.Error(err)
						}
					}
					note("order", status, order.ID)
				}
			})
		}
	}
	people.Wait()
	pieces, orders := c.count()
	if pieces != c.inAll || orders != int64(len(placed)) || len(placed) < 50 {
		c.t.Errorf("%d pieces became %d, %d orders were acknowledged and %d are there", c.inAll, pieces, len(placed), orders)
	}
	if answers["cart 500"]+answers["order 500"] > 0 {
		c.t.Errorf("the answers are %v", answers)
	}
	var taken int
	if err := c.db.QueryRow("SELECT (SELECT SUM(quantity) FROM order_items) + (SELECT COALESCE(SUM(quantity), 0) FROM carts)").Scan(&taken); err != nil {
		c.t.Fatal(err)
	}
	if added := answers["cart 200"]; taken < added || taken > added+answers["cart 503"]+answers["cart 0"] {
		c.t.Errorf("%d pieces are in carts and orders, the answers are %v", taken, answers)
	}
	if code, out := c.a.run("", "verify"); code != 0 {
		c.t.Errorf("verify: exit %d, %.1000s", code, out)
	}
	c.t.Logf("storm: %v", answers)
	return orders
}

// TestCluster lets two shops write to two nodes, and takes nodes, a shop and the quorum from them.
func TestCluster(t *testing.T) {
	t.Parallel()
	c := newClustered(t)
	c.before = c.storm(8 * time.Second)
	one, two, three := c.nodes[0], c.nodes[1], c.nodes[2]
	steps := []struct {
		name string
		do   func()
	}{
		{"all is well", func() { time.Sleep(2 * time.Second) }},
		{"a node is killed", one.kill},
		{"a shop is killed and started again", func() {
			c.b.stop(c.bProcess, syscall.SIGKILL)
			c.b.serve()
		}},
		{"the node is started again", one.restart},
		{"a node stands still for ten seconds", func() {
			two.signal(syscall.SIGSTOP)
			time.Sleep(10 * time.Second)
			two.signal(syscall.SIGCONT)
			two.awaitReady()
		}},
		{"the quorum is lost until somebody decides", func() {
			one.kill()
			two.kill()
			c.a.await("the last node knows", func() bool { return three.status("wsrep_cluster_status") == "non-Primary" })
			c.unready()
			three.exec("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'")
		}},
		{"both nodes are started again", func() {
			one.restart()
			two.restart()
		}},
	}
	c.run(crowdOf(24), func() {
		for _, s := range steps {
			t.Logf("%s: no order for %s", s.name, c.pause(s.do))
		}
	})
	c.check()
}
