package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

// hostPatience is how long a host may take to be connected to, from the first packet to the last: a
// server that hangs accepts connections and then says nothing.
const hostPatience = 2 * time.Second

// lonePatience is hostPatience where there is no other host to turn to.
const lonePatience = 5 * time.Second

// connector opens connections to the first of several hosts that is there, beginning with the one that
// worked last. It is its own driver.Driver, which is the way from a pool back to its connector.
type connector struct {
	hosts   []*host
	observe Observer
	current atomic.Int64 // index of the host that worked last
	away    atomic.Bool  // set by the pulse: no host answers

	mu   sync.Mutex
	open map[*conn]struct{}
}

// host is one server.
type host struct {
	driver.Connector
	addr string
	era  atomic.Int64 // connections of an earlier one are of no use any more
	sign atomic.Int64 // when it last answered anything, in nanoseconds since 1970
}

// connectError says that no connection could be had: nothing was sent.
type connectError struct {
	addr string
	err  error
}

func (e *connectError) Error() string { return e.addr + ": " + e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// errAway is the answer to everybody while the pulse has no sign of life from any host.
var errAway = errors.New("the database does not answer")

func newConnector(cfg *mysql.Config, observe Observer) (*connector, error) {
	c := &connector{observe: observe, open: map[*conn]struct{}{}}
	addrs := []string{cfg.Addr}
	if cfg.Net == "tcp" {
		addrs = strings.Split(cfg.Addr, ",")
	}
	for _, addr := range addrs {
		one := setUp(cfg)
		one.Addr = addr
		base, err := mysql.NewConnector(one)
		if err != nil {
			return nil, err
		}
		c.hosts = append(c.hosts, &host{Connector: base, addr: addr})
	}
	return c, nil
}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.away.Load() {
		return nil, errAway
	}
	patience := hostPatience
	if len(c.hosts) == 1 {
		patience = lonePatience
	}
	longer, end := outlive(ctx)
	defer end()
	conn, err := c.reach(longer, patience)
	if err != nil {
		return nil, err
	}
	conn.observe = c.observe
	c.mu.Lock()
	c.open[conn] = struct{}{}
	c.mu.Unlock()
	if c.away.Load() { // since then; who closes the open ones may have missed it
		return nil, errors.Join(errAway, conn.Close())
	}
	return conn, nil
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return c }

// Open implements driver.Driver. The connector knows its address.
func (c *connector) Open(string) (driver.Conn, error) { return c.Connect(context.Background()) }

// reach connects to the current host, else to the next one that is there; those that failed meanwhile
// are left, so that what watches the current host watches all that the pool uses.
func (c *connector) reach(ctx context.Context, patience time.Duration) (*conn, error) {
	first := int(c.current.Load())
	var errs []error
	for i := range c.hosts {
		conn, err := c.connect(ctx, c.hosts[(first+i)%len(c.hosts)], patience)
		if err == nil {
			for j := range i {
				failed := c.hosts[(first+j)%len(c.hosts)]
				c.leave(failed, failed.era.Load())
			}
			return conn, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// connect opens and sets up a connection to one host. No variable names the isolation level alike on
// MySQL and MariaDB. READ COMMITTED takes no gap locks: shoppers with neighbouring ids don't wait for
// each other, and every guarded UPDATE reads what is there now.
func (c *connector) connect(ctx context.Context, h *host, patience time.Duration) (_ *conn, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %s", patience))
	defer cancel()
	defer func() {
		if err != nil {
			err = &connectError{h.addr, because(ctx, err)}
		}
	}()
	conn := &conn{host: h, owner: c, era: h.era.Load()}
	inner, err := h.Connect(context.WithValue(ctx, wireKey{}, &conn.wire))
	if err != nil {
		return nil, err
	}
	full, ok := inner.(fullConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("driver connection %T lacks an interface", inner), inner.Close())
	}
	conn.fullConn = full
	if err := conn.setUp(ctx, len(c.hosts) > 1); err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	h.sign.Store(time.Now().UnixNano())
	return conn, nil
}

// because adds what ended ctx to an error that came of it.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// leave makes an era of a host end: its connections are of no use any more, and new ones go to the
// next host first. Those that are in use may end what they are doing.
func (c *connector) leave(h *host, era int64) {
	if !h.era.CompareAndSwap(era, era+1) {
		return // somebody else was faster
	}
	for i := range c.hosts {
		if c.hosts[i] == h {
			c.current.CompareAndSwap(int64(i), int64((i+1)%len(c.hosts)))
		}
	}
}

// cut closes the connections to a host under those who use them, whatever they are waiting for.
func (c *connector) cut(h *host) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		if conn.host == h {
			_ = conn.wire.Close()
		}
	}
}

type wireKey struct{}

// holdWire returns a function that dials, and leaves the network connection in the variable that ctx
// carries.
func holdWire(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		wire, err := dial(ctx, network, addr)
		if place, ok := ctx.Value(wireKey{}).(*net.Conn); ok && err == nil {
			*place = wire
		}
		return wire, err
	}
}
