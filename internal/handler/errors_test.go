package handler_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// TestProblems pins the exact members of errors.
func TestProblems(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	for _, c := range []struct {
		who        *testkit.Person
		call, body string
		want       string
	}{
		{nil, "GET /nowhere", "", `{"type":"/errors/not_found","title":"Not Found","status":404,"detail":"There is nothing at this address.","code":"not_found","request_id":"me"}`},
		{nil, "GET /cart", "", `{"type":"/errors/unauthenticated","title":"Unauthorized","status":401,"detail":"Please log in first.","code":"unauthenticated","request_id":"me"}`},
		{nil, "DELETE /products", "", `{"type":"/errors/method_not_allowed","title":"Method Not Allowed","status":405,"detail":"This address answers GET, HEAD, POST only.","code":"method_not_allowed","request_id":"me"}`},
		{u, "POST /cart", `{"product_id":"x"}`, `{"type":"/errors/validation_failed","title":"Unprocessable Entity","status":422,"detail":"Product id must be a whole number. Quantity is required.","code":"validation_failed","request_id":"me",` +
			`"errors":[{"field":"product_id","message":"Product id must be a whole number."},{"field":"quantity","message":"Quantity is required."}]}`},
	} {
		method, path, _ := strings.Cut(c.call, " ")
		a := s.Do(c.who, method, path, c.body, "X-Request-Id: me")
		if a.Body != c.want+"\n" {
			t.Errorf("%s: %s", c.call, a.Body)
		}
		if a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: an error may be stored", c.call)
		}
	}
}

// TestPanic lets handlers panic: the client learns nothing but the id under which the log has all.
func TestPanic(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.API.Ready = func(context.Context) error { panic("the pool's password is hunter2") }
	s.Services.Products = nil
	for _, path := range []string{"/readyz", "/products"} {
		a := send(t, s, step{nil, "GET " + path, "", 500, is{`"code":"internal"`, "!hunter2", "!panic", "!nil pointer"}}, "Origin: http://localhost:5173")
		if names(a.Body) != "code detail request_id status title type" || a.Header.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%s: %v %s", path, a.Header, a.Body)
		}
	}
	for _, want := range []string{"hunter2", "nil pointer", "health.go", "level=ERROR", "status=500"} {
		if !strings.Contains(s.Log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	s.API.Ready = func(context.Context) error { panic(http.ErrAbortHandler) } // the way to drop a connection
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v", v)
		}
	}()
	s.Do(nil, "GET", "/readyz", "")
	t.Error("the connection was not dropped")
}

// gate is a way to the database that can be closed.
type gate struct {
	mu     sync.Mutex
	closed bool
	conns  []net.Conn
}

func (g *gate) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	g.conns = append(g.conns, conn)
	return conn, err
}

func (g *gate) set(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		_ = c.Close()
	}
	g.closed, g.conns = closed, nil
}

// shopOn returns a shop on a new database that is reached as the test likes.
func shopOn(t *testing.T, change func(cfg *mysql.Config), observe database.Observer) *testkit.Shop {
	t.Helper()
	cfg := testkit.EmptyDatabase(t).Clone()
	if change != nil {
		change(cfg)
	}
	db := testkit.Open(t, cfg, observe)
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return testkit.NewShopOn(t, db)
}

// TestDatabaseGone cuts all connections to the database, and lets it come back.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	var g gate
	s := shopOn(t, func(cfg *mysql.Config) { cfg.DialFunc, cfg.Logger = g.dial, &mysql.NopLogger{} }, nil)
	u, admin, lamp := s.User(), s.Admin(), s.Product("Lamp", "19.99", 5)
	s.Order(u, lamp, 1)
	s.Fill(u, lamp, 1)
	needy := func(status int) []step {
		return []step{
			{nil, "GET /readyz", "", status, nil},
			{nil, "GET /products", "", status, nil},
			{nil, "GET /products/categories", "", status, nil},
			{nil, "GET /products/1", "", status, nil},
			{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, u.Email, u.Password), status, nil},
			{u, "GET /cart", "", status, nil},
			{u, "GET /orders", "", status, nil},
			{u, "GET /orders/1", "", status, nil},
			{u, "GET /users/profile", "", status, nil},
			{u, "PUT /users/address", `{"address":"Here"}`, status, nil},
			{admin, "GET /admin/dashboard", "", status, nil},
			{admin, "GET /admin/orders", "", status, nil},
			{admin, "PATCH /products/1", `{"price":1}`, status, nil},
		}
	}
	run(t, s, needy(200))
	g.set(true)
	run(t, s, needy(503))
	run(t, s, []step{
		{nil, "POST /auth/register", `{"name":"A","email":"a@example.com","password":"thimble-1"}`, 503, nil},
		{u, "POST /orders", order, 503, is{`"code":"temporarily_unavailable"`}},
		{u, "GET /cart", "", 503, is{"!refused", "!connection", "!mysql"}},
		{nil, "GET /healthz", "", 200, nil},
		{nil, "GET /", "", 200, nil},
		{nil, "GET /nowhere", "", 404, nil},
		{nil, "GET /cart", "", 401, nil},
		{nil, "POST /auth/register", `{}`, 422, nil},
	})
	g.set(false)
	run(t, s, needy(200))
	run(t, s, []step{{u, "POST /orders", order, 201, nil}})
	if strings.Contains(s.Log.String(), "level=ERROR") {
		t.Error("a database that is away is logged as an error of the shop")
	}
}

// TestClientGone lets the client go at each statement of an order: it is placed whole or not at all,
// and the next request finds everything in order. With a key it goes the long way.
func TestClientGone(t *testing.T) {
	t.Parallel()
	for name, fewest := range map[string]int64{"AtOnce": 2, "Keyed": 8} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leaveAtEach(t, name == "Keyed", fewest)
		})
	}
}

func leaveAtEach(t *testing.T, keyed bool, fewest int64) {
	t.Helper()
	var mu sync.Mutex
	var left int
	var leave func()
	s := shopOn(t, nil, func(context.Context, database.Statement) {
		mu.Lock()
		defer mu.Unlock()
		if left--; left == 0 {
			leave()
		}
	})
	u, lamp := s.User(), s.Product("Lamp", "19.99", 1000)
	var placed, dropped int64
	for at := 1; ; at++ {
		s.Fill(u, lamp, 1)
		ctx, cancel := context.WithCancel(t.Context())
		mu.Lock()
		left, leave = at, cancel
		mu.Unlock()
		r := httptest.NewRequestWithContext(ctx, "POST", "/orders", strings.NewReader(order))
		r.Header.Set("Authorization", "Bearer "+u.Token)
		if keyed {
			r.Header.Set("Idempotency-Key", fmt.Sprint("key-", at))
		}
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, r)
		gone := ctx.Err() != nil
		cancel()
		mu.Lock()
		left = 0
		mu.Unlock()
		if n := s.Count("SELECT COUNT(*) FROM orders"); n > placed+1 || (w.Code == 201) != (n == placed+1) {
			t.Errorf("gone at statement %d: status %d, %d orders after %d", at, w.Code, n, placed)
		} else {
			placed = n
		}
		if w.Code != 201 {
			dropped++
		}
		checkBooks(t, s, 1000, placed)
		if !gone {
			break
		}
		s.Exec("DELETE FROM carts")
	}
	if placed < 1 || dropped < fewest {
		t.Errorf("%d orders were placed and %d dropped", placed, dropped)
	}
	if strings.Contains(s.Log.String(), "level=ERROR") {
		t.Errorf("a client that goes is logged as an error: %s", s.Log)
	}
	s.Fill(u, lamp, 1)
	run(t, s, []step{{u, "POST /orders", order, 201, nil}})
}

// checkBooks checks that stock, orders, items and history agree, for orders of one piece each.
func checkBooks(t *testing.T, s *testkit.Shop, stock, orders int64) {
	t.Helper()
	got := [4]int64{s.Count("SELECT stock FROM products"), s.Count("SELECT COUNT(*) FROM order_items"),
		s.Count("SELECT COUNT(*) FROM order_history"), s.Count("SELECT COUNT(*) FROM orders")}
	if want := [4]int64{stock - orders, orders, orders, orders}; got != want {
		t.Errorf("stock, items, history and orders are %v, want %v", got, want)
	}
}
