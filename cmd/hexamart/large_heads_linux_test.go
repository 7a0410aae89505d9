package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"hexamart/internal/handler"
	"hexamart/internal/testkit"
)

// TestLargeHeadsComeIn begins as many large heads as one address may have: one more is told to wait, small ones and those of others
// are served, and so is the address once they are over, in whichever way.
func TestLargeHeadsComeIn(t *testing.T) {
	t.Parallel()
	addr := serveWhole(t, testkit.NewShop(t))
	begin := func(from string, size int, headers ...string) net.Conn {
		t.Helper()
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n"+strings.Join(headers, "")+"Cookie: "+strings.Repeat("x", size))
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	answer := func(conn net.Conn) (status int, body string) {
		t.Helper()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		if (res.StatusCode == http.StatusServiceUnavailable) != (res.Header.Get("Retry-After") != "") {
			t.Errorf("status %d with %v", res.StatusCode, res.Header)
		}
		return res.StatusCode, string(b)
	}
	finish := func(conn net.Conn) int {
		t.Helper()
		if _, err := io.WriteString(conn, "\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		status, _ := answer(conn)
		return status
	}
	const here, elsewhere = "127.0.0.2", "127.0.0.3"
	const large, small = handler.LargeHead + 1000, handler.LargeHead - 1000
	var held []net.Conn
	for range handler.LargeHeadsOfOne {
		held = append(held, begin(here, large))
	}
	time.Sleep(500 * time.Millisecond) // until they are read
	began := time.Now()
	if status, body := answer(begin(here, large)); status != http.StatusServiceUnavailable || !strings.Contains(body, `"code":"temporarily_unavailable"`) {
		t.Errorf("one more: %d %s", status, body)
	}
	if took := time.Since(began); took > headerTimeout/2 {
		t.Errorf("one more is told after %v", took)
	}
	if status, _ := answer(begin(here, 10, strings.Repeat("a:\r\n", handler.LargeHead/handler.HeaderCost))); status != http.StatusServiceUnavailable {
		t.Errorf("one of many headers: %d", status)
	}
	if status := finish(begin(here, small)); status != http.StatusOK {
		t.Errorf("a small one: %d", status)
	}
	if status := finish(begin(elsewhere, large)); status != http.StatusOK {
		t.Errorf("from elsewhere: %d", status)
	}
	for i, conn := range held {
		if i%2 == 0 {
			_ = conn.Close()
		} else if status := finish(conn); status != http.StatusOK {
			t.Errorf("one of those that had a place: %d", status)
		}
	}
	for range handler.LargeHeadsOfOne {
		for wait := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			conn := begin(here, large)
			time.Sleep(10 * time.Millisecond)
			if status := finish(conn); status == http.StatusOK {
				break
			} else if time.Now().After(wait) {
				t.Fatalf("afterwards: %d", status)
			}
		}
	}
}
