package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// dialServer starts a server and returns a connection to it.
func dialServer(t *testing.T, server *http.Server) net.Conn {
	t.Helper()
	shop := httptest.NewUnstartedServer(nil)
	shop.Config = server
	shop.Start()
	t.Cleanup(shop.Close)
	conn, err := net.Dial("tcp", shop.Listener.Addr().String())
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(patience))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// serveRoutes is dialServer of routes that are served as the shop's are.
func serveRoutes(t *testing.T, routes http.HandlerFunc) net.Conn {
	t.Helper()
	server, _ := newServer(routes, slog.New(slog.DiscardHandler), nil)
	return dialServer(t, server)
}

// TestTrailersAreDropped sends trailers, announced and not: net/http's request keeps none, before its body was read or after it.
func TestTrailersAreDropped(t *testing.T) {
	t.Parallel()
	kept := make(chan string, 1)
	conn := dialServer(t, &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, own *http.Request) {
		withoutTrailers(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			before := len(own.Trailer) + len(r.Trailer)
			body, err := io.ReadAll(r.Body)
			kept <- fmt.Sprintf("%s %v %d %d", body, err, before, len(own.Trailer)+len(r.Trailer))
		})).ServeHTTP(w, own)
	})})
	var names, lines strings.Builder
	for i := range 500 {
		_, _ = fmt.Fprintf(&names, "a%d,", i)
		_, _ = fmt.Fprintf(&lines, "b%d:\r\n", i)
	}
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
			if got := <-kept; got != "body <nil> 0 0" {
				t.Errorf("%d bytes announced, %d sent: %s", len(announced), len(behind), got)
			}
		}
	}
}

// TestServedWithoutTrailers sends one to the shop's own server.
func TestServedWithoutTrailers(t *testing.T) {
	t.Parallel()
	kept := make(chan int, 1)
	conn := serveRoutes(t, func(_ http.ResponseWriter, r *http.Request) { kept <- len(r.Trailer) })
	if _, err := io.WriteString(conn, "PUT / HTTP/1.1\r\nHost: shop\r\nTrailer: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if n := <-kept; n != 0 {
		t.Errorf("%d are kept", n)
	}
}

// TestNothingIsSmuggled sends what is no trailer behind a body: what follows is no request.
func TestNothingIsSmuggled(t *testing.T) {
	t.Parallel()
	for name, behind := range map[string]string{
		"Long":      "A: " + strings.Repeat("a", 6000) + "\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n",
		"InIt":      "GET /smuggled HTTP/1.1\r\nHost: shop\r\nX: " + strings.Repeat("a", 6000) + "\r\n\r\n",
		"Malformed": "no trailer\r\nGET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n",
		"OddName":   "a b: c\r\nGET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var smuggled atomic.Bool
			conn := serveRoutes(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/smuggled" {
					smuggled.Store(true)
				}
				if _, err := io.ReadAll(r.Body); err != nil {
					http.Error(w, "unreadable", http.StatusBadRequest)
				}
			})
			if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"+behind); err != nil {
				t.Fatal(err)
			}
			answers, _ := io.ReadAll(conn) // it may end in a reset
			if n := strings.Count(string(answers), "HTTP/1.1 "); n != 1 || smuggled.Load() {
				t.Errorf("%d answers, what stood behind the body was taken for a request: %t", n, smuggled.Load())
			}
		})
	}
}

// TestRefusedWithoutBody refuses requests whose bodies nobody reads and nobody has sent yet: that is told at once.
func TestRefusedWithoutBody(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{
		"AsksFirst":        "Expect: 100-continue\r\nContent-Length: 100\r\n",
		"AsksFirstChunked": "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n",
		"Large":            "Content-Length: 300000\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := serveRoutes(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) })
			if err := conn.SetReadDeadline(time.Now().Add(readTimeout / 2)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: shop\r\n"+head+"\r\n"); err != nil {
				t.Fatal(err)
			}
			if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
				t.Errorf("no answer: %v", err)
			}
		})
	}
}
