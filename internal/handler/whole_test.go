package handler_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hexamart/internal/handler"
	"hexamart/internal/testkit"
)

// heardConn counts how often it is told that a request was read.
type heardConn struct {
	net.Conn
	heard int
}

func (c *heardConn) Heard() { c.heard++ }
func (*heardConn) Whole()   {}
func (*heardConn) Linger()  {}
func (*heardConn) Cut()     {}

// TestRequestsAreHeard tells the connection of requests that were read to their end, and of no other.
func TestRequestsAreHeard(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	for name, c := range map[string]struct {
		method, path, body string
		length             int // that the client has announced
		heard              bool
	}{
		"NoBody": {"GET", "/products", "", 0, true},
		"Read":   {"POST", "/auth/login", `{"email": "a@example.com", "password": "wrong"}`, 47, true},
		"Form":   {"POST", "/auth/login", "username=a@example.com&password=wrong", 37, true},
		"Part":   {"POST", "/auth/login", `{"email": "a@exam`, 47, false},
		"Large":  {"POST", "/auth/login", "{", 1 << 20, false},
		"Unread": {"POST", "/nowhere", "{}", 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := &heardConn{}
			kind := "application/json"
			if name == "Form" {
				kind = "application/x-www-form-urlencoded"
			}
			raw := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: shop\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", c.method, c.path, kind, c.length, c.body)
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw))) // whose body ends as a client's does
			if err != nil {
				t.Fatal(err)
			}
			s.Handler.ServeHTTP(httptest.NewRecorder(), r.WithContext(handler.WithConn(r.Context(), conn)))
			if (conn.heard > 0) != c.heard {
				t.Errorf("heard %d times", conn.heard)
			}
		})
	}
}
