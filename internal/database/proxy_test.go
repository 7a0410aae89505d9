package database_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// proxy stands between a pool and a server, and does to them what networks and dying machines do.
type proxy struct {
	t             *testing.T
	network, addr string // of the server
	listener      net.Listener

	mu     sync.Mutex
	flow   *sync.Cond
	frozen bool
	closed bool
	links  map[*link]bool
	taken  int // connections so far
	trap   func(query string) fate
	wg     sync.WaitGroup
}

// fate is what becomes of a statement.
type fate int

const (
	passed    fate = iota
	dropped        // the connection ends before the server has it
	unheard        // the server does it, and the connection ends before the answer
	suspended      // all is frozen before the server has it
	killed         // the server does it, says that it was stopped, and the connection ends
)

// What MySQL says on a connection that was killed, be it at the end of a COMMIT.
const (
	erShutdown = 1053
	shutdown   = "Server shutdown in progress"
)

type link struct {
	client, server net.Conn
	answered       chan struct{} // closed with the first answer since it was set
	instead        []byte        // of that answer
}

// newProxy returns a proxy for the server of cfg, and cfg with the proxy's address.
func newProxy(t *testing.T, cfg *mysql.Config) (*proxy, *mysql.Config) {
	t.Helper()
	p := &proxy{t: t, network: cfg.Net, addr: cfg.Addr, links: map[*link]bool{}}
	p.flow = sync.NewCond(&p.mu)
	p.listen("127.0.0.1:0")
	t.Cleanup(func() {
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.refuse()
		p.wg.Wait()
	})
	cfg = cfg.Clone()
	cfg.Net, cfg.Addr = "tcp", p.listener.Addr().String()
	return p, cfg
}

// both returns cfg with the addresses of several proxies.
func both(cfg *mysql.Config, proxies ...*proxy) *mysql.Config {
	cfg = cfg.Clone()
	var addrs []string
	for _, p := range proxies {
		addrs = append(addrs, p.listener.Addr().String())
	}
	cfg.Net, cfg.Addr = "tcp", strings.Join(addrs, ",")
	return cfg
}

func (p *proxy) listen(addr string) {
	p.t.Helper()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.listener = listener
	p.wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(client) })
		}
	})
}

func (p *proxy) serve(client net.Conn) {
	p.await() // a server that hangs has its connections taken by the kernel
	server, err := net.Dial(p.network, p.addr)
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{client: client, server: server}
	p.mu.Lock()
	p.taken++
	p.links[l] = true
	p.mu.Unlock()
	p.wg.Go(func() {
		p.copy(l, client, server, nil)
		p.end(l)
	})
	p.copy(l, server, client, p.judge)
	p.end(l)
}

func (p *proxy) end(l *link) {
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
	_, _ = l.client.Close(), l.server.Close()
}

func (p *proxy) copy(l *link, to io.Writer, from io.Reader, judge func(l *link, data []byte) bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.await()
		if judge != nil && !judge(l, buf[:n]) {
			return
		}
		p.mu.Lock()
		answered, instead := l.answered, l.instead
		p.mu.Unlock()
		if judge == nil && answered != nil { // its answer stays here
			if instead != nil && !isLastOK(buf[:n]) {
				continue
			}
			_, _ = to.Write(instead)
			close(answered)
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// isLastOK reports whether an answer ends with the OK to a COMMIT that no other statement follows.
func isLastOK(data []byte) bool {
	const size, moreResults = 7, 8
	ok := data[max(0, len(data)-4-size):]
	return len(ok) == 4+size && ok[0] == size && ok[1] == 0 && ok[4] == 0 && ok[7]&moreResults == 0
}

// judge decides what becomes of what a client sends, which is a command at a time.
func (p *proxy) judge(l *link, data []byte) bool {
	const comQuery = 3
	p.mu.Lock()
	trap := p.trap
	p.mu.Unlock()
	if trap == nil || len(data) < 5 || data[3] != 0 || data[4] != comQuery {
		return true
	}
	switch fate := trap(string(bytes.TrimSpace(data[5:]))); fate {
	case dropped:
		return false
	case unheard, killed:
		answered := make(chan struct{})
		p.mu.Lock()
		l.answered = answered
		if fate == killed {
			l.instead = append([]byte{byte(9 + len(shutdown)), 0, 0, 1, 0xff, erShutdown & 0xff, erShutdown >> 8}, "#08S01"+shutdown...)
		}
		p.mu.Unlock()
		_, _ = l.server.Write(data)
		<-answered
		return false
	case suspended:
		p.freeze(true)
		p.await()
	}
	return true
}

// once returns a trap for the first statement that begins with a word.
func once(word string, what fate) func(string) fate {
	var done sync.Once
	return func(query string) (f fate) {
		if strings.HasPrefix(query, word) {
			done.Do(func() { f = what })
		}
		return f
	}
}

func (p *proxy) set(trap func(string) fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trap = trap
}

// freeze stops everything, or lets it go on.
func (p *proxy) freeze(frozen bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = frozen
	p.flow.Broadcast()
}

func (p *proxy) await() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.frozen && !p.closed {
		p.flow.Wait()
	}
}

// cut ends all connections, as a server's death does.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		_, _ = l.client.Close(), l.server.Close()
	}
	p.flow.Broadcast()
}

// refuse is cut, and nobody listens from now on.
func (p *proxy) refuse() {
	if err := p.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		p.t.Error(err)
	}
	p.cut()
}

// restore makes a proxy that refused listen again.
func (p *proxy) restore() {
	p.t.Helper()
	p.listen(p.listener.Addr().String())
}

// connections returns how many there have been.
func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}
