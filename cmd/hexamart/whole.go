package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"hexamart/internal/handler"
)

// wholeListener accepts connections that can send an answer of some KB in one piece, and on which all errors look alike.
type wholeListener struct {
	net.Listener
	refusal   func(status int) []byte // takes the place of an error that net/http answers by itself
	heads     *largeHeads             // nil: large heads are not counted
	lingering *lingering
}

func newWholeListener(l net.Listener, refusal func(status int) []byte, heads *largeHeads) wholeListener {
	return wholeListener{l, refusal, heads, &lingering{}}
}

// kernelBuffer bounds what the kernel keeps of a connection in each direction, in bytes; it takes twice as many. Left to itself it
// has up to some MB of what a client does not take, or sends and nobody reads yet, and none of that is counted.
const kernelBuffer = 64 << 10

func (l wholeListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok { // if it fails, the client has gone
		_ = tcp.SetWriteBuffer(kernelBuffer)
		_ = tcp.SetReadBuffer(kernelBuffer)
		_ = dropUntaken(tcp, writeTimeout)
	}
	return &wholeConn{Conn: conn, refusal: l.refusal, heads: l.heads, lingering: l.lingering}, nil
}

// serverBuffer is the size of the buffer through which net/http writes. Of a longer answer it sends first so many bytes
// and then the rest: two system calls, and a client who is woken twice. If it changes, nothing is held back.
const serverBuffer = handler.MinWhole

// wholeConn implements handler.Whole. It is written to by one goroutine, as by net/http.
type wholeConn struct {
	net.Conn
	more bool // is to come if the next piece is a full buffer
	held *[serverBuffer]byte

	owed atomic.Bool // the client has said all, and waits for the shop

	head  headLines
	rest  []byte // that came with a head
	heads *largeHeads
	large largeHead

	refusal   func(status int) []byte
	lingering *lingering
	lingers   atomic.Bool
}

var heldBuffers = sync.Pool{New: func() any { return new([serverBuffer]byte) }}

// Whole implements handler.Whole.
func (c *wholeConn) Whole() { c.more = true }

// CloseWrite lets net/http end an answer before the connection, as it does with *net.TCPConn where it has not read all of
// the request: a client who is still sending gets the answer and its end, and only then a reset.
func (c *wholeConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Linger implements handler.Whole.
func (c *wholeConn) Linger() { c.lingers.Store(true) }

// Heard implements handler.Whole.
func (c *wholeConn) Heard() { c.owed.Store(true) }

// note hears of the states that http.Server sees the connection in.
func (c *wholeConn) note(state http.ConnState) {
	c.owed.Store(false)
	c.head.note(state)
	if c.head.over {
		c.large.giveBack()
	}
}

// Cut implements handler.Whole.
func (c *wholeConn) Cut() { _ = c.SetDeadline(time.Unix(1, 0)) } // long ago; it fails where all is over already

// How long and for how many bytes a connection is read on for which nobody is there any more.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

// Close ends the connection, or lets it end by itself in a moment where the client is still sending.
func (c *wholeConn) Close() error {
	c.large.giveBack()
	if !c.lingers.CompareAndSwap(true, false) {
		return c.Conn.Close()
	}
	own := newLingerer(c.Conn)
	if !c.lingering.begin(own) { // too many do
		return c.Conn.Close()
	}
	go func() {
		defer c.lingering.end(own)
		_ = c.CloseWrite() // whatever fails here, there is nobody to tell
		_ = c.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
		_ = c.Conn.Close()
	}()
	return nil
}

// Read fails after a head has had too many lines, or no place: not with them, for net/http gives no answer where a request has not begun.
// It ends where a head ends, so that the next one can be told from what is between them. Where the connection ends with this answer,
// what the client is still sending is read by nobody: net/http would wait for it, and keep the request meanwhile.
func (c *wholeConn) Read(p []byte) (n int, err error) {
	p = p[:c.head.most(len(p))]
	switch {
	case c.lingers.Load():
		return 0, io.EOF
	case c.head.fails():
		c.lingers.Store(true) // so that the client, who is still sending, gets the answer
		return 0, errHead
	case len(c.rest) > 0:
		n = copy(p, c.rest)
		c.rest = c.rest[n:]
	default:
		n, err = c.Conn.Read(p)
	}
	if head := c.head.read(p[:n]); head < n {
		c.rest = append(bytes.Clone(p[head:n]), c.rest...)
		n, err = head, nil // what is wrong comes again
	}
	if c.head.isLarge() && !c.large.take(c.heads, c.Conn) {
		c.head.crowded = true
	}
	return n, err
}

// Write holds the first piece of an answer back that is known to have another, and sends both together.
func (c *wholeConn) Write(p []byte) (int, error) {
	c.owed.Store(false)
	first := c.more && len(p) == serverBuffer
	c.more = false
	if first && c.held == nil {
		c.held = heldBuffers.Get().(*[serverBuffer]byte)
		return copy(c.held[:], p), nil
	}
	if c.held == nil {
		if status, ok := refused(p); ok && c.refusal != nil {
			switch {
			case c.head.tooMany:
				status = http.StatusRequestHeaderFieldsTooLarge
			case c.head.crowded:
				status = http.StatusServiceUnavailable
			}
			_, err := c.Conn.Write(c.refusal(status))
			return len(p), err
		}
		return c.Conn.Write(p)
	}
	held := c.held
	c.held = nil
	defer heldBuffers.Put(held)
	pieces := net.Buffers{held[:], p}
	n, err := pieces.WriteTo(c.Conn)
	return max(int(n)-serverBuffer, 0), err
}
