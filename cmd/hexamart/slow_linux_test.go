package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hexamart/internal/testkit"
)

// dialSlow connects from an address over what looks like a real network, not like this machine's own: the kernel takes
// little of an answer that nobody reads.
func dialSlow(t *testing.T, from, addr string) *net.TCPConn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Control: func(_, _ string, raw syscall.RawConn) (err error) {
		return errors.Join(raw.Control(func(fd uintptr) {
			err = errors.Join(syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10),
				syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1400))
		}), err)
	}}
	conn, err := dialer.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// TestSlowReaders asks for large answers and does not read them: the shop keeps some of them for somebody who has many, and all
// of somebody else's.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	var rows []string
	var args []any
	for i := range 1000 {
		rows = append(rows, "(?, 1, 'Books', 1, ?)")
		args = append(args, fmt.Sprint(i, strings.Repeat("ж", 90)), "http://pictures.example/"+strings.Repeat("x", 200))
	}
	s.Exec("INSERT INTO products (name, price, category, stock, image_url) VALUES "+strings.Join(rows, ", "), args...)
	addr := serveWhole(t, s)
	const many, fit = 200, 32 << 20 / (400 << 10)
	ask := func(conn net.Conn, i int) *bufio.Reader {
		fmt.Fprintf(conn, "GET /products?limit=1000&x=%d HTTP/1.1\r\nHost: shop\r\n\r\n", i)
		return bufio.NewReaderSize(conn, 1<<10)
	}
	read := func(r *bufio.Reader) (complete bool) {
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode != 200 {
			return false
		}
		n, err := io.Copy(io.Discard, res.Body)
		return err == nil && n == res.ContentLength && n > 400<<10
	}
	first := ask(dialSlow(t, "127.0.0.9", addr), 0)
	if _, err := first.Peek(1); err != nil {
		t.Fatal(err)
	}
	var slow []*bufio.Reader
	for i := range many {
		slow = append(slow, ask(dialSlow(t, "127.0.0.2", addr), i+1))
	}
	for i, r := range slow {
		if _, err := r.Peek(1); err != nil {
			t.Errorf("%d: no answer: %v", i, err)
		}
	}
	var whole atomic.Int64
	if err := together(many, func(i int) error {
		if read(slow[i]) {
			whole.Add(1)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if n := whole.Load(); n == 0 || n > fit {
		t.Errorf("%d of %d answers were kept, where %d have room", n, many, fit)
	}
	if !read(first) {
		t.Error("somebody else's answer is lost")
	}
}
