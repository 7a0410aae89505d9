//go:build crash

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// shopOf is what stands in for a shop twice behind nginx, so that each request comes to it.
func shopOf(t *testing.T, answer http.HandlerFunc) (addresses [2]string, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	server := httptest.NewUnstartedServer(answer)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	addr := server.Listener.Addr().String()
	return [2]string{addr, addr}, connections
}

// TestProxyKeepsConnections counts the connections that many requests of one client make behind nginx.
func TestProxyKeepsConnections(t *testing.T) {
	t.Parallel()
	shops, connections := shopOf(t, func(http.ResponseWriter, *http.Request) {})
	p := newProxy(t, shops)
	for range 100 {
		res := p.exchange(http.DefaultClient, "GET", "/products", "")
		_, _ = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	if n := connections.Load(); n > 30 { // some more than two: idle ones end soon, and nginx has several workers
		t.Errorf("%d connections for 100 requests", n)
	}
}

// TestProxyLeavesBodies wants answers as the shop gave them, and no request to the shop that is too large.
func TestProxyLeavesBodies(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	shops, _ := shopOf(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		n, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, n, strings.Repeat(" and so on", 1000))
	})
	p := newProxy(t, shops)
	here := from("127.0.0.1")
	res := p.exchange(here, "POST", "/orders", strings.Repeat("x", 64<<10), "Accept-Encoding: gzip")
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Encoding") != "" || !strings.HasPrefix(string(body), "65536 and") {
		t.Errorf("%s %v %.20q", res.Status, res.Header, body)
	}
	asked.Store(0)
	problemFrom(t, p.exchange(here, "POST", "/orders", strings.Repeat("x", 64<<10+1)), http.StatusRequestEntityTooLarge)
	if asked.Load() != 0 {
		t.Error("the shop was asked")
	}
}

// TestProxyWaits has a shop that takes longer than it may, and a stream that is silent for as long.
func TestProxyWaits(t *testing.T) {
	t.Parallel()
	shops, _ := shopOf(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(3 * time.Second):
		}
	})
	p := newProxy(t, shops, "proxy_read_timeout 45s", "proxy_read_timeout 1s")
	here := from("127.0.0.1")
	problemFrom(t, p.exchange(here, "POST", "/orders", ""), http.StatusServiceUnavailable)
	if res := p.exchange(here, "GET", "/orders/7/events", ""); res.StatusCode != http.StatusOK {
		t.Errorf("a silent stream: %s", res.Status)
	}
}

// TestProxyLeavesWhoHangs has one shop that takes requests and never answers, and times that are all shorter by as much.
func TestProxyLeavesWhoHangs(t *testing.T) {
	t.Parallel()
	hanging, _ := shopOf(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	good, _ := shopOf(t, func(http.ResponseWriter, *http.Request) {})
	p := newProxy(t, [2]string{hanging[0], good[0]}, "proxy_read_timeout 45s", "proxy_read_timeout 900ms",
		"proxy_next_upstream_timeout 60s", "proxy_next_upstream_timeout 1200ms")
	for range 4 { // each worker of nginx begins with one or the other
		if res := p.exchange(from("127.0.0.1"), "GET", "/products", ""); res.StatusCode != http.StatusOK {
			t.Errorf("one of two shops hangs: %s", res.Status)
		}
	}
}
