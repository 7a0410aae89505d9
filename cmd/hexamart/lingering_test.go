package main

import (
	"fmt"
	"net"
	"testing"
)

// endingConn is one from an address that says whether it was closed.
type endingConn struct {
	net.Conn
	from   string
	closed bool
}

func (c *endingConn) Close() error         { c.closed = true; return nil }
func (c *endingConn) RemoteAddr() net.Addr { return addr(c.from) }

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

// TestLingeringIsShared takes all places from networks of one customer's: others have theirs, for which the oldest of those go, and the
// customer itself has no more.
func TestLingeringIsShared(t *testing.T) {
	t.Parallel()
	var l lingering
	var flood []*endingConn
	for i := range maxLingering {
		c := &endingConn{from: fmt.Sprintf("[2001:db8:7:%x::1]:1234", i)}
		if flood = append(flood, c); !l.begin(newLingerer(c)) {
			t.Fatalf("no place for number %d", i)
		}
	}
	if l.begin(newLingerer(&endingConn{from: "[2001:db8:7:ff::1]:1234"})) {
		t.Error("the customer has more than all")
	}
	var others []*lingerer
	for i := range maxLingering {
		own := newLingerer(&endingConn{from: fmt.Sprintf("192.0.2.%d:1234", i%2)})
		if has := l.begin(own); has != (i < 21) { // eleven and ten, and eleven of the flood's
			t.Errorf("number %d from elsewhere: %t", i, has)
		} else if has {
			others = append(others, own)
		}
	}
	for i, c := range flood {
		if c.closed != (i < len(others)) {
			t.Errorf("number %d of the flood: closed: %t", i, c.closed)
		}
	}
	for _, own := range others {
		l.end(own)
		l.end(own)
	}
	if left := len(l.all); left != maxLingering-len(others) {
		t.Errorf("%d are left", left)
	}
}
