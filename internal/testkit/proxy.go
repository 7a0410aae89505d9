package testkit

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// Cut is where a connection to the database is lost.
type Cut int

// The moments around a command in which a connection can be lost.
const (
	NoCut     Cut = iota
	CutBefore     // the command does not reach the server
	CutWithin     // half of it does
	CutBehind     // all of it does, and nobody waits for the answer
	CutAnswer     // the server has answered, and nobody hears it
)

// Proxy stands between a shop and its database and loses connections at moments of the test's choice.
type Proxy struct {
	listener net.Listener
	target   *mysql.Config

	mu      sync.Mutex
	decide  func(sql string) Cut
	open    map[net.Conn]bool
	working sync.WaitGroup
}

// NewProxy returns a proxy before a database and the address to reach that through it. Everything
// passes until Decide is called.
func NewProxy(t testing.TB, cfg *mysql.Config) (*Proxy, *mysql.Config) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: listener, target: cfg, open: map[net.Conn]bool{}}
	p.working.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.CutAll()
		p.working.Wait()
	})
	cfg = cfg.Clone()
	cfg.Net, cfg.Addr = "tcp", listener.Addr().String()
	return p, cfg
}

// Decide sets what is asked about each command: the text of a query, "" for others.
func (p *Proxy) Decide(fn func(sql string) Cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decide = fn
}

// CutAll loses every connection there is.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		_ = c.Close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(p.target.Net, p.target.Addr)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.open[client], p.open[server] = true, true
		p.mu.Unlock()
		p.working.Go(func() {
			answers := make(chan Cut, 1)
			p.working.Go(func() { backward(client, server, answers) })
			p.forward(client, server, answers)
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, c := range []net.Conn{client, server} {
				_ = c.Close()
				delete(p.open, c)
			}
		})
	}
}

// forward passes the client's packets on, one after the other, until one is to be cut.
func (p *Proxy) forward(client, server net.Conn, answers chan<- Cut) {
	for {
		packet := make([]byte, 4)
		if _, err := io.ReadFull(client, packet); err != nil {
			return
		}
		size := int(binary.LittleEndian.Uint32(packet) & 0xffffff)
		packet = append(packet, make([]byte, size)...)
		if _, err := io.ReadFull(client, packet[4:]); err != nil {
			return
		}
		cut := p.judge(packet)
		switch cut {
		case CutBefore:
			return
		case CutWithin:
			_, _ = server.Write(packet[:4+size/2])
			return
		case CutBehind: // first, or the answer might get through
			_ = client.Close()
		case CutAnswer:
			answers <- cut
		}
		if _, err := server.Write(packet); err != nil || cut == CutBehind {
			return
		}
	}
}

func (p *Proxy) judge(packet []byte) Cut {
	const query = 3 // COM_QUERY
	p.mu.Lock()
	decide := p.decide
	p.mu.Unlock()
	switch {
	case decide == nil || packet[3] != 0: // an answer within the handshake
		return NoCut
	case len(packet) > 4 && packet[4] == query:
		return decide(string(packet[5:]))
	default:
		return decide("")
	}
}

// backward passes the server's bytes on, but for the answer that nobody is to hear.
func backward(client, server net.Conn, answers <-chan Cut) {
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			_ = client.Close()
			return
		}
		select {
		case <-answers:
			_ = client.Close()
			_ = server.Close()
			return
		default:
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}
