package main

import (
	"container/list"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"hexamart/internal/handler"
)

// How long the server waits: for requests to come in, and for answers to be taken. What a client may hold
// meanwhile: so much of headers, and one of so many connections.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 15 * time.Second
	writeTimeout   = 40 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeader      = 32 << 10 // bytes
	maxConnections = 4096     // a few ten KB each
	settleTime     = 500 * time.Millisecond
)

func newServer(routes http.Handler, log *slog.Logger, proxies []netip.Prefix) (*http.Server, *connections) {
	conns := newConnections(roomForConnections(), proxies)
	return &http.Server{
		Handler:           routes,
		ConnContext:       handler.WithConn,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,

		DisableGeneralOptionsHandler: true, // "OPTIONS *" is answered like any other address that is not there
		ConnState:                    conns.note,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}, conns
}

// roomForConnections leaves half of the files that the process may open to the rest of the shop.
func roomForConnections() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur/2 > maxConnections {
		return maxConnections
	}
	return int(files.Cur / 2) // #nosec G115 -- it is less than maxConnections
}

// connections keeps the open ones within their room. When there is no more, the one that has been silent for
// longest gives way to a new one; when none is silent, the oldest of the address that has most of them, unless it is
// a proxy, or the new one's own: then that is turned away.
type connections struct {
	room    int
	proxies []netip.Prefix // whose connections are those of many

	mu     sync.Mutex
	all    map[net.Conn]*standing
	fresh  int                         // of which no request was read yet
	silent *list.List                  // of *standing, in the order in which they fell silent
	busy   map[netip.Prefix]*list.List // of the same, in the order of their requests, by address
}

// standing is where a connection stands: in one of the lists, whose elements are these.
type standing struct {
	conn net.Conn
	from netip.Prefix // whose it is
	used bool         // a request was read of it
	list *list.List
	at   *list.Element
}

func newConnections(room int, proxies []netip.Prefix) *connections {
	return &connections{room: room, proxies: proxies, all: map[net.Conn]*standing{}, silent: list.New(), busy: map[netip.Prefix]*list.List{}}
}

// note is http.Server's ConnState.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	if leaves := c.place(conn, state); leaves != nil {
		_ = leaves.Close() // there is nobody to tell
	}
}

// place returns the connection that has to go, nil if none has.
func (c *connections) place(conn net.Conn, state http.ConnState) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.all[conn]
	switch {
	case state == http.StateNew:
		p = &standing{conn: conn, from: c.subscriber(conn)}
		c.all[conn] = p
		c.fresh++
		c.move(p, c.silent)
	case p == nil: // it had to go
	case state == http.StateIdle:
		c.move(p, c.silent)
	case state == http.StateActive:
		c.use(p)
		if c.busy[p.from] == nil {
			c.busy[p.from] = list.New()
		}
		c.move(p, c.busy[p.from])
	default: // it is over
		c.remove(p)
	}
	if len(c.all) <= c.room {
		return nil
	}
	leaves := c.leaving(p)
	c.remove(leaves)
	return leaves.conn
}

// use notes that a connection has brought a request, or never will.
func (c *connections) use(p *standing) {
	if !p.used {
		p.used = true
		c.fresh--
	}
}

// settle waits until those who have just connected have said what they want, but not for those who take their time:
// a request that http.Server reads while it shuts down is dropped.
func (c *connections) settle() {
	for start := time.Now(); time.Since(start) < settleTime; time.Sleep(settleTime / 50) {
		c.mu.Lock()
		fresh := c.fresh
		c.mu.Unlock()
		if fresh == 0 {
			return
		}
	}
}

// move puts a connection at the end of a list.
func (c *connections) move(p *standing, to *list.List) {
	if p.list == to {
		to.MoveToBack(p.at)
		return
	}
	c.leave(p)
	p.list, p.at = to, to.PushBack(p)
}

// leave takes a connection out of its list, which goes with the last of an address.
func (c *connections) leave(p *standing) {
	if p.list == nil {
		return
	}
	p.list.Remove(p.at)
	if p.list != c.silent && p.list.Len() == 0 {
		delete(c.busy, p.from)
	}
}

func (c *connections) remove(p *standing) {
	c.use(p)
	c.leave(p)
	delete(c.all, p.conn)
}

// leaving is who has to go for a new one, which is the last of the silent ones.
func (c *connections) leaving(p *standing) *standing {
	most, own := c.silent, 1
	if c.silent.Len() == 1 {
		if busy := c.busy[p.from]; busy != nil {
			own += busy.Len()
		}
		for from, busy := range c.busy {
			if from.IsValid() && busy.Len() > max(own, most.Len()) {
				most = busy
			}
		}
	}
	return most.Front().Value.(*standing)
}

// subscriber is whose connection it is: an address, with IPv6 its network of 64 bits; none of a proxy's.
func (c *connections) subscriber(conn net.Conn) netip.Prefix {
	peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	ip := peer.Addr().Unmap().WithZone("")
	if err != nil || slices.ContainsFunc(c.proxies, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return netip.Prefix{}
	}
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(ip, bits).Masked()
}
