package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hexamart/internal/testkit"
)

// TestConnectionsOfAProxy fills the room that a shop with few files has for connections, which is half of them, by those
// of a proxy that it trusts: they stay, and who comes from elsewhere is turned away.
func TestConnectionsOfAProxy(t *testing.T) {
	t.Parallel()
	const files, proxy, stranger = 160, "127.0.0.2", "127.0.0.3"
	p := newPlace(t, "DATABASE_URL="+databaseURL(testkit.EmptyDatabase(t)), "SECRET_KEY="+testkit.SecretKey, "TRUSTED_PROXIES="+proxy)
	p.bin = filepath.Join(p.dir, "limited")
	script := fmt.Sprintf("#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n", files, binary)
	if err := os.WriteFile(p.bin, []byte(script), 0o700); err != nil { // #nosec G306 -- to be run
		t.Fatal(err)
	}
	p.serve()
	dial := func(from, request string) (net.Conn, *bufio.Reader) {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.DialContext(t.Context(), "tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprint(conn, request) // fails if it had to go
		return conn, bufio.NewReader(conn)
	}
	const login = "POST /auth/login HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
	oldest, answers := dial(proxy, login)
	for i := range files / 2 {
		reader := answers
		if i > 0 {
			_, reader = dial(proxy, login)
		}
		if line, err := reader.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" { // it waits for the body
			t.Fatalf("connection %d: %q, %v", i, line, err)
		}
		_, _ = reader.ReadString('\n')
	}
	_, late := dial(stranger, "GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n")
	if res, err := http.ReadResponse(late, nil); err == nil {
		t.Errorf("there is room for one more: %d", res.StatusCode)
		_ = res.Body.Close()
	}
	_, _ = fmt.Fprint(oldest, "{}")
	res, err := http.ReadResponse(answers, nil)
	if err != nil || res.StatusCode != http.StatusUnprocessableEntity {
		t.Fatalf("the proxy's oldest connection: %v, %v", res, err)
	}
	_ = res.Body.Close()
}
