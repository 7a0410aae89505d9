package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"hexamart/internal/testkit"
)

// client is somebody who uses a shop over the network.
type client struct {
	t     *testing.T
	base  string
	token string
	from  string // an address of this machine, if not the usual one
}

// http is how the client connects; from an address of its own anew each time.
func (c *client) http() *http.Client {
	if c.from == "" {
		return http.DefaultClient
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.from)}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
}

// send returns the status and the body; status 0 means that there was no answer.
func (c *client) send(method, path, body string) (int, string) {
	c.t.Helper()
	req, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http().Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	testkit.SecretsIn(body)
	testkit.SecretsIn(string(b))
	return res.StatusCode, string(b)
}

// want is send that must be answered with a status; the answer is decoded into v unless that is nil.
func (c *client) want(status int, method, path, body string, v any) {
	c.t.Helper()
	got, answer := c.send(method, path, body)
	if got != status {
		c.t.Fatalf("%s %s: %d %s, want %d", method, path, got, answer, status)
	}
	if v != nil {
		if err := json.Unmarshal([]byte(answer), v); err != nil {
			c.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
}

// status is what somebody without an account is answered.
func (p *place) status(path string) int {
	code, _ := (&client{t: p.t, base: p.url("")}).send("GET", path, "")
	return code
}

// databaseURL is the DATABASE_URL of a test's database.
func databaseURL(cfg *mysql.Config) string {
	if cfg.Net == "unix" {
		return fmt.Sprintf("mysql://%s:%s@localhost/%s?unix_socket=%s", cfg.User, cfg.Passwd, cfg.DBName, cfg.Addr)
	}
	return fmt.Sprintf("mysql://%s:%s@%s/%s", cfg.User, cfg.Passwd, cfg.Addr, cfg.DBName)
}

// login returns a client with a token.
func (p *place) login(email, password string) *client {
	p.t.Helper()
	c := &client{t: p.t, base: p.url("")}
	var answer struct {
		Token string `json:"access_token"`
	}
	c.want(200, "POST", "/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, email, password), &answer)
	c.token = answer.Token
	return c
}

// shopper registers somebody and returns them logged in.
func (p *place) shopper(name string) *client {
	p.t.Helper()
	c := &client{t: p.t, base: p.url("")}
	email := name + "@example.com"
	c.want(201, "POST", "/auth/register", fmt.Sprintf(`{"name":%q,"email":%q,"password":"long enough"}`, name, email), nil)
	return p.login(email, "long enough")
}

// order places an order of one piece of the first product and returns its id.
func (c *client) order() int64 {
	c.t.Helper()
	c.want(200, "POST", "/cart", `{"product_id":1,"quantity":1}`, nil)
	var order struct {
		ID int64 `json:"order_id"`
	}
	c.want(201, "POST", "/orders", `{"payment_method":"UPI","shipping_address":"12 MG Road"}`, &order)
	return order.ID
}
