package handler_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"hexamart/internal/handler"
	"hexamart/internal/testkit"
)

// lines is a log that keeps each line as its parts, and asks for the request's id as the program does.
type lines struct {
	mu   sync.Mutex
	list []map[string]string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }

func (l *lines) Handle(ctx context.Context, r slog.Record) error {
	line := map[string]string{"level": r.Level.String(), "msg": r.Message, "request_id": handler.RequestID(ctx)}
	r.Attrs(func(a slog.Attr) bool {
		line[a.Key] = a.Value.String()
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, line)
	return nil
}

// TestRequestLog plays a scenario: each request is one line, and no line has what must stay secret.
func TestRequestLog(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin, lamp, other := s.User(), s.Admin(), s.Product("Lamp", "19.99", 5), s.User()
	s.Fill(u, lamp, 1)
	log := &lines{}
	s.API.Log = slog.New(log)
	s.Handler = s.API.Routes()
	oldToken, newPassword := u.Token, "a new secret 123"
	nobody := &testkit.Person{}
	scenario := []struct {
		who                *testkit.Person
		call, body         string
		status             int
		route, contentType string
	}{
		{nobody, "POST /auth/register", `{"name":"Ann","email":"ann@example.com","password":"ann's secret"}`, 201, "/auth/register", ""},
		{nobody, "POST /auth/register", `{"name":"Ann","email":"ann@example.com","password":"ann's secret"}`, 409, "/auth/register", ""},
		{nobody, "POST /auth/register", `{"name":"","email":"x","password":"tiny-s"}`, 422, "/auth/register", ""},
		{nobody, "POST /auth/login", "username=" + u.Email + "&password=" + u.Password, 200, "/auth/login", "application/x-www-form-urlencoded"},
		{nobody, "POST /auth/login/", "username=" + u.Email + "&password=wrong-secret", 401, "/auth/login", "application/x-www-form-urlencoded"},
		{nobody, "POST /auth/login", `{"email":"x","password":"wrong-secret"`, 400, "/auth/login", ""},
		{nobody, "GET //products//1/", "", 200, "/products/{id}", ""},
		{nobody, "GET /products/99", "", 404, "/products/{id}", ""},
		{nobody, "GET /products?search=private-search", "", 200, "/products", ""},
		{nobody, "GET /nowhere/private-path", "", 404, "none", ""},
		{nobody, "PUT /auth/login", "", 405, "", ""},
		{nobody, "HEAD /products", "", 200, "/products", ""},
		{nobody, "GET /healthz", "", 200, "/healthz", ""},
		{&testkit.Person{Token: "a.forged.token"}, "GET /cart", "", 401, "/cart", ""},
		{u, "GET /cart", "", 200, "/cart", ""},
		{u, "GET /admin/orders", "", 403, "/admin/orders", ""},
		{u, "POST /orders", order, 201, "/orders", ""},
		{admin, "PUT /orders/1/status?status=Shipped", "", 200, "/orders/{id}/status", ""},
		{nobody, "POST /auth/refresh", refreshBody(u), 200, "/auth/refresh", ""},
		{nobody, "POST /auth/refresh", `{"refresh_token":"forged-refresh"}`, 401, "/auth/refresh", ""},
		{nobody, "POST /auth/logout", refreshBody(other), 200, "/auth/logout", ""},
		{u, "PUT /users/change-password", f(`{"old_password":"wrong-secret","new_password":%q}`, newPassword), 422, "/users/change-password", ""},
		{u, "PUT /users/change-password", f(`{"old_password":%q,"new_password":%q}`, u.Password, newPassword), 200, "/users/change-password", ""},
		{&testkit.Person{Token: oldToken}, "GET /cart", "", 401, "/cart", ""},
	}
	hidden := []string{"ann's secret", "tiny-s", u.Password, "wrong-secret", newPassword, "a.forged.token", oldToken, admin.Token, "$2a$", "Bearer", "private-search",
		u.Refresh, other.Refresh, "forged-refresh"}
	for i, c := range scenario {
		method, path, _ := strings.Cut(c.call, " ")
		headers := []string{f("X-Request-Id: step-%d", i)}
		if c.contentType != "" {
			headers = append(headers, "Content-Type: "+c.contentType)
		}
		if c.who == nobody {
			c.who = nil
		}
		a := s.Do(c.who, method, path, c.body, headers...)
		if a.Status != c.status {
			t.Errorf("%s: status %d: %s", c.call, a.Status, a.Body)
		}
		for _, name := range []string{"access_token", "refresh_token"} {
			if token, ok := members(a.Body)[name]; ok {
				hidden = append(hidden, text(token))
			}
		}
		var found []map[string]string
		for _, line := range log.list {
			if line["msg"] == "request" && line["request_id"] == f("step-%d", i) {
				found = append(found, line)
			}
		}
		user := "0"
		if c.who != nil && c.status != 401 {
			user = f("%d", c.who.ID)
		}
		if len(found) != 1 {
			t.Errorf("%s: %d lines", c.call, len(found))
			continue
		}
		l := found[0]
		if l["method"] != method || l["status"] != f("%d", c.status) || l["user"] != user || l["duration"] == "" || (l["route"] != c.route && c.route != "") {
			t.Errorf("%s: the line is %v", c.call, l)
		}
		if l["level"] != "INFO" && c.route != "/healthz" {
			t.Errorf("%s: the line is at level %s", c.call, l["level"])
		}
	}
	all := fmt.Sprint(log.list)
	for _, secret := range hidden {
		if secret == "" || strings.Contains(all, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
	for _, line := range log.list {
		if line["request_id"] == "" || line["level"] == "ERROR" {
			t.Errorf("a line is %v", line)
		}
	}
}

// TestFailureLog checks that what is wrong with the shop is logged once, with its cause.
func TestFailureLog(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	log := &lines{}
	s.API.Log = slog.New(log)
	s.Handler = s.API.Routes()
	s.Exec("RENAME TABLE order_items TO away")
	u := s.User()
	s.Fill(u, s.Product("Lamp", "1.00", 5), 1)
	send(t, s, step{u, "POST /orders", order, 500, is{`"code":"internal"`, "!order_items", "!Table", "!exist"}}, "X-Request-Id: me")
	var errs []map[string]string
	for _, line := range log.list {
		if line["level"] == "ERROR" {
			errs = append(errs, line)
		}
	}
	if len(errs) != 1 || errs[0]["request_id"] != "me" || !strings.Contains(errs[0]["error"], "place order: ") || !strings.Contains(errs[0]["error"], "order_items") {
		t.Errorf("errors in the log: %v", errs)
	}
	if n := s.Count("SELECT COUNT(*) FROM orders"); n != 0 || s.Count("SELECT stock FROM products") != 5 {
		t.Errorf("half an order was left: %d", n)
	}
}

// TestLongMethodLog makes up a method that is as long as a head may be: it is not written.
func TestLongMethodLog(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	long := strings.Repeat("M", 30_000)
	if a := s.Do(nil, long, "/products", ""); a.Status != 405 {
		t.Errorf("status %d", a.Status)
	}
	s.Do(nil, "PROPFIND", "/products", "")
	if log := s.Log.String(); strings.Contains(log, "MMMM") || !strings.Contains(log, "method=other") || !strings.Contains(log, "method=PROPFIND") {
		t.Errorf("the log is %.2000s", log)
	}
}
