package main

import (
	"container/list"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"hexamart/internal/database"
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
	sayTime        = time.Second // in which who has connected says what they want, over a bad network too
	answerTime     = time.Second // in which most requests are read and answered, with much to do too
)

func newServer(routes http.Handler, log *slog.Logger, proxies []netip.Prefix) (*http.Server, *connections) {
	conns := newConnections(roomForConnections(), proxies)
	return &http.Server{
		Handler: withoutTrailers(routes),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return database.ForClients(handler.WithConn(ctx, conn))
		},
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

// connections keeps the open ones within their room. When there is no more, the one that has been idle for longest
// gives way to a new one, or one that has not said what it wants for sayTime. When there is none, it is the oldest of an address
// that has more than a share; else the one whose request was begun first, if that was answerTime ago and it is for the client to
// go on, with the body or by taking the answer. Else it is the oldest of the address that has most of them, and where that is the
// new one's own, the new one is turned away. A proxy's requests, which are those of many, are left alone.
type connections struct {
	room       int
	proxies    []netip.Prefix // whose connections are those of many
	answerTime time.Duration

	mu    sync.Mutex
	all   map[net.Conn]*standing
	fresh *list.List                  // of *standing, of which no request was read yet, in the order in which they came
	idle  *list.List                  // of those that wait for the next request, in the order in which they began to
	busy  map[netip.Prefix]*list.List // of all others, in the order in which they came or of their requests, by address
}

// standing is where a connection stands: in one of the last two, whose elements are these, and maybe among the fresh.
type standing struct {
	conn  net.Conn
	from  netip.Prefix // whose it is
	since time.Time    // it is there, or its request
	fresh *list.Element
	list  *list.List
	at    *list.Element
}

func newConnections(room int, proxies []netip.Prefix) *connections {
	return &connections{room: room, proxies: proxies, answerTime: answerTime, all: map[net.Conn]*standing{}, fresh: list.New(), idle: list.New(), busy: map[netip.Prefix]*list.List{}}
}

// note is http.Server's ConnState.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	if whole, ok := conn.(*wholeConn); ok {
		whole.note(state)
	}
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
		p = &standing{conn: conn, from: c.subscriber(conn), since: time.Now()}
		p.fresh = c.fresh.PushBack(p)
		c.all[conn] = p
		c.move(p, c.busyOf(p))
	case p == nil: // it had to go
	case state == http.StateIdle:
		c.move(p, c.idle)
	case state == http.StateActive:
		c.use(p)
		p.since = time.Now()
		c.move(p, c.busyOf(p))
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
	if p.fresh != nil {
		c.fresh.Remove(p.fresh)
		p.fresh = nil
	}
}

// busyOf is the list of the busy ones of a connection's address.
func (c *connections) busyOf(p *standing) *list.List {
	if c.busy[p.from] == nil {
		c.busy[p.from] = list.New()
	}
	return c.busy[p.from]
}

// settle waits until those who have just connected have said what they want, but not for those who take their time:
// a request that http.Server reads while it shuts down is dropped.
func (c *connections) settle() {
	for start := time.Now(); time.Since(start) < settleTime; time.Sleep(settleTime / 50) {
		c.mu.Lock()
		fresh := c.fresh.Len()
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
	if p.list != c.idle && p.list.Len() == 0 {
		delete(c.busy, p.from)
	}
}

func (c *connections) remove(p *standing) {
	c.use(p)
	c.leave(p)
	delete(c.all, p.conn)
}

// leaving is who has to go for a new one.
func (c *connections) leaving(p *standing) *standing {
	if longest := c.idle.Front(); longest != nil {
		return longest.Value.(*standing)
	}
	if oldest := c.fresh.Front(); oldest != nil && time.Since(oldest.Value.(*standing).since) > sayTime {
		return oldest.Value.(*standing)
	}
	own := c.busy[p.from]
	most, oldest := own, p
	var greedy *list.List
	for from, busy := range c.busy {
		if !from.IsValid() {
			continue
		}
		if busy.Len() > most.Len() {
			most = busy
		}
		if n := busy.Len(); n > c.share() && (greedy == nil || n > greedy.Len()) {
			greedy = busy
		}
		if first := firstNotOwed(busy); first != nil && first.since.Before(oldest.since) {
			oldest = first
		}
	}
	if greedy != nil {
		most, oldest = greedy, greedy.Front().Value.(*standing)
	}
	switch {
	case time.Since(oldest.since) > c.answerTime:
		return oldest
	case most != own:
		return most.Front().Value.(*standing)
	default:
		return p
	}
}

// firstNotOwed is the first one that does not wait for the shop, nil if there is none: who waits for a turn has been there for
// longest when there is much to do.
func firstNotOwed(busy *list.List) *standing {
	for at := busy.Front(); at != nil; at = at.Next() {
		p := at.Value.(*standing)
		if whole, ok := p.conn.(*wholeConn); !ok || !whole.owed.Load() {
			return p
		}
	}
	return nil
}

// share is of how many connections an address that has more makes room first.
func (c *connections) share() int { return max(c.room/4, 2) }

// subscriber is whose connection it is: an address, with IPv6 its network of 48 bits, which a provider's customer may have; none of a
// proxy's.
func (c *connections) subscriber(conn net.Conn) netip.Prefix {
	peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	ip := peer.Addr().Unmap().WithZone("")
	if err != nil || slices.ContainsFunc(c.proxies, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return netip.Prefix{}
	}
	bits := 48
	if ip.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(ip, bits).Masked()
}
