package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"hexamart/internal/testkit"
)

// TestUnreadableRequests sends what net/http refuses before any handler sees it: the answer is an error like all others,
// also where a request before it on the same connection was a good one.
func TestUnreadableRequests(t *testing.T) {
	t.Parallel()
	addr := serveWhole(t, testkit.NewShop(t))

	const good = "GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n"
	for name, c := range map[string]struct {
		raw    string
		status int
	}{
		"Nonsense":         {"nonsense\r\n\r\n", 400},
		"NoHost":           {"GET / HTTP/1.1\r\n\r\n", 400},
		"TwoHosts":         {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		"TwoLengths":       {"POST /auth/login HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400},
		"UnknownEncoding":  {"POST /auth/login HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: magic\r\n\r\n", 400},
		"UnknownVersion":   {"GET / HTTP/3.0\r\nHost: shop\r\n\r\n", 400},
		"UnknownExpect":    {"GET / HTTP/1.1\r\nHost: shop\r\nExpect: magic\r\n\r\n", 400},
		"BadHeader":        {"GET / HTTP/1.1\r\nHost: shop\r\nno colon\r\n\r\n", 400},
		"LargeHeader":      {"GET / HTTP/1.1\r\nHost: shop\r\nCookie: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", 431},
		"ManyHeaders":      {"GET / HTTP/1.1\r\nHost: shop\r\n" + strings.Repeat("a:\r\n", maxHeadLines), 431}, // and no end
		"ManyLines":        {"GET / HTTP/1.1\nHost: shop\n" + strings.Repeat("a:\n", maxHeadLines), 431},
		"ManyAfterAGood":   {good + "GET / HTTP/1.1\r\nHost: shop\r\n" + strings.Repeat("a:\r\n", 2*maxHeadLines+serverBuffer/4), 431},
		"AfterAGoodOne":    {good + "nonsense\r\n\r\n", 400},
		"LargeAfterAGood":  {good + "GET / HTTP/1.1\r\nHost: shop\r\n" + strings.Repeat("a: b\r\n", 10_000) + "\r\n", 431},
		"ExpectAfterAGood": {good + "POST /auth/login HTTP/1.0\r\nHost: shop\r\nExpect: magic\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := unreadable(addr, c.raw, strings.HasPrefix(c.raw, good), c.status); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestManyLines sends as many headers as are read, and bodies of more lines, with and after good requests and in two pieces,
// wherever these are parted.
func TestManyLines(t *testing.T) {
	t.Parallel()
	addr := serveWhole(t, testkit.NewShop(t))
	const good = "GET /healthz HTTP/1.1\r\nHost: shop\r\n"
	body := "{" + strings.Repeat("\n", 20*maxHeadLines) + "}"
	long := fmt.Sprintf("POST /auth/register HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n\r\n", len(body))
	for name, raw := range map[string][]string{
		"EmptyLines":    {strings.Repeat("POST /auth/register HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}\r\n\r\n", 3)},
		"Headers":       {strings.Repeat(good+strings.Repeat("a:\r\n", maxHeadLines-2)+"\r\n", 3)},
		"Body":          {long + body + good + "\r\n" + good + "\r\n"},
		"BodyAfter":     {good + "\r\n" + long + body + good + "\r\n"},
		"WithinTheEnd":  {good + "\r\n" + long[:len(long)-2], long[len(long)-2:] + body + good + "\r\n"},
		"WithinTheEnd2": {good + "\r\n" + long[:len(long)-1], long[len(long)-1:] + body + good + "\r\n"},
		"WithinALine":   {long + body + long[:20], long[20:] + body + good + "\r\n"},
		"AfterABody":    {long + body + long[:len(long)-2], long[len(long)-2:] + body + good + "\r\n"},
		"WithTheBody":   {long, body + long, body + good + "\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sendPieces(t, addr, raw...)
			for i := range 3 {
				res, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatalf("answer %d: %v", i, err)
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 && res.StatusCode != 422 {
					t.Errorf("answer %d: %s, %v", i, res.Status, err)
				}
			}
		})
	}
}

// TestTooManyLines sends too many headers in two pieces, alone and after others, and waits: the answer comes at once.
func TestTooManyLines(t *testing.T) {
	t.Parallel()
	addr := serveWhole(t, testkit.NewShop(t))
	const good = "GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n"
	const login = "POST /auth/login HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	const empty = "POST /auth/logout HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n\r\n"
	head := "GET / HTTP/1.1\r\nHost: shop\r\n" + strings.Repeat("a:\r\n", 6*maxHeadLines)
	for name, c := range map[string]struct {
		before string // with it comes as much of the head as a buffer takes
		part   int    // of the head
		served int
	}{
		"AtALine":    {"", 130, 0},
		"InALine":    {"", 128, 0},
		"Pipelined":  {good, 1000, 1},
		"AfterABody": {login, 600, 1},

		"AfterAnEmptyLine": {empty + "\r\n", 1000, 1}, // as old browsers sent it after a POST
		"AfterEmptyLines":  {empty + "\n\r\n\n", 1000, 1},
		"AfterHalfLines":   {empty + "\r\r\n\n", 1000, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, start := sendPieces(t, addr, c.before+head[:c.part], head[c.part:]), time.Now()
			for i := range c.served + 1 {
				res, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatalf("answer %d: %v", i, err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				if (res.StatusCode == http.StatusRequestHeaderFieldsTooLarge) != (i == c.served) {
					t.Errorf("answer %d: %s", i, res.Status)
				}
			}
			if took := time.Since(start); took > headerTimeout-time.Second {
				t.Errorf("after %v", took)
			}
		})
	}
}

// sendPieces sends these one after the other, so that each is read by itself, and returns what comes back.
func sendPieces(t *testing.T, addr string, pieces ...string) *bufio.Reader {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	go func() {
		for _, piece := range pieces {
			_, _ = io.WriteString(conn, piece) // may be cut off
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return bufio.NewReader(conn)
}

// serveWhole serves a shop as the program does and returns its address.
func serveWhole(t *testing.T, shop *testkit.Shop) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, conns := newServer(shop.Handler, shop.API.Log, nil)
	go func() {
		_ = server.Serve(newWholeListener(listener, shop.API.Refusal, newLargeHeads(conns.subscriber)))
	}()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

// unreadable sends a raw request, after a good one or not, and checks the error and that the connection ends with it.
func unreadable(addr, raw string, afterGood bool, status int) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	go func() { _, _ = io.WriteString(conn, raw) }() // may be cut off
	r := bufio.NewReader(conn)
	if afterGood {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return fmt.Errorf("the good one: %w", err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
			return fmt.Errorf("the good one: %s, %w", res.Status, err)
		}
	}
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	var problem struct {
		Type, Title, Code, Detail string
		Status                    int
		RequestID                 string `json:"request_id"`
	}
	if err := json.NewDecoder(res.Body).Decode(&problem); err != nil {
		return err
	}
	h := res.Header
	if res.StatusCode != status || problem.Status != status || problem.Type != "/errors/"+problem.Code || problem.Detail == "" || !res.Close ||
		h.Get("Content-Type") != "application/problem+json" || problem.RequestID == "" || h.Get("X-Request-Id") != problem.RequestID ||
		h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("Content-Security-Policy") == "" {
		return fmt.Errorf("%s %v %+v", res.Status, h, problem)
	}
	if at, err := http.ParseTime(h.Get("Date")); err != nil || time.Since(at).Abs() > patience {
		return fmt.Errorf("Date is %q, %w", h.Get("Date"), err)
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		return fmt.Errorf("after the answer: %q, %w", rest, err)
	}
	return nil
}

// TestAnswerToUnreadBody sends bodies that nobody reads on connections that end with the request: the answer is there all the same.
func TestAnswerToUnreadBody(t *testing.T) {
	t.Parallel()
	shop := testkit.NewShop(t)
	row := "(REPEAT('x', 100), 5, 'Home', 1, REPEAT('x', 200))" // many of which are a long list
	shop.Exec("INSERT INTO products (name, price, category, stock, image_url) VALUES " + row + strings.Repeat(", "+row, 999))
	addr := serveWhole(t, shop)
	for _, head := range []string{"GET /openapi.json HTTP/1.1\r\nConnection: close", "GET /products?limit=1000 HTTP/1.1\r\nConnection: close", "POST /orders HTTP/1.1\r\nConnection: close", "GET /openapi.json HTTP/1.0"} {
		for range 20 {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			body := strings.Repeat("x", 60_000)
			go func() {
				_, _ = fmt.Fprintf(conn, "%s\r\nHost: shop\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
			}()
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
			}
			if err != nil {
				t.Errorf("%.30s: %v", head, err)
			}
			_ = conn.Close()
		}
	}
}
