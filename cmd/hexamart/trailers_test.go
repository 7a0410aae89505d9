package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTrailersAreDropped sends trailers, announced and not: no request keeps any, before its body was read or after it.
func TestTrailersAreDropped(t *testing.T) {
	t.Parallel()
	kept := make(chan string, 10)
	count := func(r *http.Request) int { return len(r.Trailer) }
	routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before, inner := count(r), r.WithContext(context.WithoutCancel(r.Context()))
		body, err := io.ReadAll(inner.Body)
		kept <- fmt.Sprintf("%s %v %d %d %d", body, err, before, count(r), count(inner))
	})
	server, _ := newServer(routes, slog.New(slog.DiscardHandler), nil)
	shop := httptest.NewUnstartedServer(nil)
	shop.Config = server
	shop.Start()
	t.Cleanup(shop.Close)
	var names, lines strings.Builder
	for i := range 500 {
		_, _ = fmt.Fprintf(&names, "a%d,", i)
		_, _ = fmt.Fprintf(&lines, "b%d:\r\n", i)
	}
	conn, err := net.Dial("tcp", shop.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	answers := bufio.NewReader(conn)
	for _, announced := range []string{"", "Trailer: " + names.String() + "\r\n"} {
		for _, behind := range []string{"", "a1: x\r\n", lines.String()} {
			_, err := io.WriteString(conn, "PUT / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n"+announced+"\r\n4\r\nbody\r\n0\r\n"+behind+"\r\n")
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if got := <-kept; got != "body <nil> 0 0 0" {
				t.Errorf("%d bytes announced, %d sent: %s", len(announced), len(behind), got)
			}
		}
	}
}
