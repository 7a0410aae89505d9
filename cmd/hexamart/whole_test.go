package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hexamart/internal/handler"
	"hexamart/internal/testkit"
)

// TestWholeConn writes to a connection whose other end takes nothing until it reads.
func TestWholeConn(t *testing.T) {
	t.Parallel()
	t.Run("InOnePiece", func(t *testing.T) {
		here, there := net.Pipe()
		if err := here.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		conn := &wholeConn{Conn: here}
		conn.Whole()
		first := bytes.Repeat([]byte("a"), serverBuffer)
		if n, err := conn.Write(first); n != len(first) || err != nil { // though nobody reads
			t.Fatalf("the first piece: %d, %v", n, err)
		}
		want := string(first) + "the rest"
		clear(first) // the buffer is net/http's own
		go func() {
			if n, err := conn.Write([]byte("the rest")); n != 8 || err != nil {
				t.Errorf("the rest: %d, %v", n, err)
			}
			_ = here.Close()
		}()
		if got, err := io.ReadAll(there); err != nil || string(got) != want {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	})
	t.Run("OwedUntilItIsAnswered", func(t *testing.T) {
		here, there := net.Pipe()
		conn := &wholeConn{Conn: here}
		if conn.Heard(); !conn.owed.Load() {
			t.Error("nothing is owed to who has said all")
		}
		go func() { _, _ = conn.Write([]byte("x")) }()
		if _, err := io.ReadFull(there, make([]byte, 1)); err != nil || conn.owed.Load() {
			t.Errorf("an answer that is to be taken is owed, %v", err)
		}
	})
	t.Run("CutBothWays", func(t *testing.T) { // an answer may wait for the rest of its request to be read
		here, _ := net.Pipe()
		conn := &wholeConn{Conn: here}
		ended := make(chan error, 2)
		go func() { _, err := conn.Read(make([]byte, 1)); ended <- err }()
		go func() { _, err := conn.Write([]byte("x")); ended <- err }()
		conn.Cut()
		for range 2 {
			select {
			case err := <-ended:
				if err == nil {
					t.Error("there is no error")
				}
			case <-time.After(30 * time.Second):
				t.Fatal("somebody still waits")
			}
		}
	})
	t.Run("NothingIsHeldForLong", func(t *testing.T) {
		for _, sizes := range [][]int{{serverBuffer}, {10, serverBuffer}, {serverBuffer - 1, serverBuffer}, {2 * serverBuffer, serverBuffer}} {
			here, there := net.Pipe()
			conn := &wholeConn{Conn: here}
			if len(sizes) > 1 { // the first piece was all there is
				conn.Whole()
			}
			for _, size := range sizes {
				go func() { _, _ = conn.Write(make([]byte, size)) }()
				if n, err := io.ReadFull(there, make([]byte, size)); n != size {
					t.Errorf("of %v: %d, %v", sizes, n, err)
				}
			}
		}
	})
}

// TestWholeConnEnds ends one direction of a connection, as net/http does where it has not read all of a request: the client
// knows at once that it has all of the answer, and is not cut off while it is still sending.
func TestWholeConnEnds(t *testing.T) {
	t.Parallel()
	listener := newWholeListener(loopback(t), nil, nil)
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		t.Fatal("it can't end one direction alone")
	}
	if err := half.CloseWrite(); err != nil {
		t.Error(err)
	}
	_ = errors.Join(client.SetDeadline(time.Now().Add(time.Minute)), conn.SetDeadline(time.Now().Add(time.Minute)))
	if rest, err := io.ReadAll(client); len(rest) != 0 || err != nil {
		t.Errorf("the client got %q, %v", rest, err)
	}
	if _, err := io.WriteString(client, "more"); err != nil {
		t.Error(err)
	}
	if more, err := io.ReadAll(io.LimitReader(conn, 4)); string(more) != "more" || err != nil {
		t.Errorf("the server got %q, %v", more, err)
	}
}

// askedConn counts how often it is asked to send an answer whole, and how often it then holds a first piece back.
type askedConn struct {
	*wholeConn
	asked, did *atomic.Int64
}

func (c askedConn) Whole() {
	c.asked.Add(1)
	c.wholeConn.Whole()
}

func (c askedConn) Write(p []byte) (int, error) {
	n, err := c.wholeConn.Write(p)
	if c.held != nil {
		c.did.Add(1)
	}
	return n, err
}

type askedListener struct {
	wholeListener
	asked, did *atomic.Int64
}

func (l askedListener) Accept() (net.Conn, error) {
	conn, err := l.wholeListener.Accept()
	if err != nil {
		return nil, err
	}
	return askedConn{conn.(*wholeConn), l.asked, l.did}, nil
}

// productsOf serves a shop, and returns what asks it for products, always over one connection.
func productsOf(t *testing.T, s *testkit.Shop, asked, did *atomic.Int64) func(method, query, header, value string) (*http.Response, []byte) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, _ := newServer(s.Handler, slog.New(slog.DiscardHandler), nil)
	go func() { _ = server.Serve(askedListener{newWholeListener(listener, nil, nil), asked, did}) }()
	t.Cleanup(func() { _ = server.Close() })
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}}
	return func(method, query, header, value string) (*http.Response, []byte) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+listener.Addr().String()+"/products?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(header, value)
		res, err := client.Do(r)
		if err != nil {
			t.Fatalf("%s %s: %v", method, query, err)
		}
		body, err := io.ReadAll(res.Body)
		if err := res.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatalf("%s %s: %v", method, query, err)
		}
		return res, body
	}
}

// TestWholeAnswers gets pages of all sizes around that of a buffer, in all ways, over one connection: each is there to the
// last byte, and those that are longer are sent in one piece.
func TestWholeAnswers(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	for i := range 100 {
		s.Product(fmt.Sprintf("Lamp %d", i), "19.99", 5)
	}
	var asked, did atomic.Int64
	ask := productsOf(t, s, &asked, &did)
	for n := range 101 {
		query := "limit=" + strconv.Itoa(max(n, 1))
		before := asked.Load()
		res, body := ask("GET", query, "Accept", "*/*")
		if long := int64(len(body)) >= handler.MinWhole; (asked.Load() == before+1) != long || body[0] != '[' || !bytes.HasSuffix(body, []byte("]\n")) {
			t.Errorf("%s: %d bytes, asked %d times", query, len(body), asked.Load()-before)
		}
		before = asked.Load()
		if head, none := ask("HEAD", query, "Accept", "*/*"); len(none) != 0 || head.ContentLength != int64(len(body)) {
			t.Errorf("HEAD %s: %d of %d bytes", query, head.ContentLength, len(body))
		}
		if same, none := ask("GET", query, "If-None-Match", res.Header.Get("ETag")); same.StatusCode != http.StatusNotModified || len(none) != 0 {
			t.Errorf("%s again: %d, %d bytes", query, same.StatusCode, len(none))
		}
		if zipped, few := ask("GET", query, "Accept-Encoding", "gzip"); zipped.Header.Get("Content-Encoding") != "gzip" || len(few) >= handler.MinWhole {
			t.Errorf("%s zipped: %d bytes", query, len(few))
		}
		if asked.Load() != before {
			t.Errorf("%s: asked for an answer without a body, or with a short one", query)
		}
	}
	if asked.Load() < 20 || did.Load() != asked.Load() {
		t.Errorf("%d answers are long, and %d are sent in one piece", asked.Load(), did.Load())
	}
}

// silentConn is a connection of a client that neither sends nor goes until it is given up.
type silentConn struct {
	net.Conn
	givenUp, closed chan struct{}
}

func (c *silentConn) Read([]byte) (int, error) {
	<-c.givenUp
	return 0, io.EOF
}

func (c *silentConn) SetReadDeadline(time.Time) error { return nil }

func (c *silentConn) RemoteAddr() net.Addr { return addr("192.0.2.1:1234") }

func (c *silentConn) Close() error {
	close(c.closed)
	return nil
}

// TestLingeringIsBounded closes more connections of clients who are still sending than may end by themselves at once:
// the others end with their answer.
func TestLingeringIsBounded(t *testing.T) {
	t.Parallel()
	listener, givenUp := newWholeListener(nil, nil, nil), make(chan struct{})
	closing := func() *silentConn {
		silent := &silentConn{givenUp: givenUp, closed: make(chan struct{})}
		conn := &wholeConn{Conn: silent, lingering: listener.lingering}
		conn.Linger()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		return silent
	}
	isClosed := func(c *silentConn) bool {
		select {
		case <-c.closed:
			return true
		default:
			return false
		}
	}
	var all []*silentConn
	for range maxLingering {
		all = append(all, closing())
	}
	for range 3 {
		if !isClosed(closing()) {
			t.Error("there is no end of them")
		}
	}
	for i, c := range all {
		if isClosed(c) {
			t.Errorf("connection %d is cut off", i)
		}
	}
	close(givenUp)
	for _, c := range all {
		<-c.closed
	}
}

// TestUselessBodies announces bodies that nothing is to be done with, and sends none: the answers come at once, each the last of its
// connection, and are not kept until the body has come.
func TestUselessBodies(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.Product("Lamp", "19.99", 5)
	addr, u := serveWhole(t, s), s.User()
	for _, path := range []string{"/products", "/products/1", "/orders", "/docs", "/nowhere"} {
		for method, framing := range map[string]string{"GET": "Content-Length: 1", "HEAD": "Transfer-Encoding: chunked"} {
			t.Run(method+path, func(t *testing.T) {
				t.Parallel()
				start := time.Now()
				r := sendPieces(t, addr, method+" "+path+" HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer "+u.Token+"\r\n"+framing+"\r\n\r\n")
				res, err := http.ReadResponse(r, &http.Request{Method: method})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil || !res.Close {
					t.Errorf("%s, the last is %t, %v", res.Status, res.Close, err)
				}
				if took := time.Since(start); took > readTimeout/2 {
					t.Errorf("after %v", took)
				}
			})
		}
	}
}

// TestCrowdedOut begins as many large bodies as there is room for, and one more: that one is told so at once, and its connection ends,
// though the rest of the body never comes.
func TestCrowdedOut(t *testing.T) {
	t.Parallel()
	addr := serveWhole(t, testkit.NewShop(t))
	const large = "POST /auth/register HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 20000\r\n\r\n"
	body := strings.Repeat(" ", 10_000)
	for range 5 {
		sendPieces(t, addr, large+body)
	}
	time.Sleep(500 * time.Millisecond) // until they are read
	start := time.Now()
	r := sendPieces(t, addr, large+body)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusServiceUnavailable || !res.Close {
		t.Errorf("%s, the last is %t, %v", res.Status, res.Close, err)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("after the answer: %v", err)
	}
	if took := time.Since(start); took > readTimeout/2 {
		t.Errorf("after %v", took)
	}
}

// loopback is an address of its own, until the test ends.
func loopback(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// TestKernelBuffers takes much and quickly, which has the kernel make room for more, and then nothing: what is written after that
// is not kept where nobody counts it.
func TestKernelBuffers(t *testing.T) {
	t.Parallel()
	plain := loopback(t)
	listener := newWholeListener(plain, nil, nil)
	const quick, most = 32 << 20, 1 << 20
	dialled := make(chan net.Conn, 1)
	go func() {
		client, err := net.Dial("tcp", plain.Addr().String())
		if err == nil {
			_ = client.(*net.TCPConn).SetReadBuffer(kernelBuffer) // the client's own is not the shop's memory
			dialled <- client
			_, _ = io.CopyN(io.Discard, client, quick)
		}
	}()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	defer func() { _ = (<-dialled).Close() }()
	kept, piece := -quick, make([]byte, 64<<10)
	for err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		var n int
		n, err = conn.Write(piece)
		kept += n
	}
	if kept < 0 || kept > most {
		t.Errorf("%d bytes are kept (%v)", kept, err)
	}
}
