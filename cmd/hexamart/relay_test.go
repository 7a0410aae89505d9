package main

import (
	"io"
	"net"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// relay passes a program's connections on to a database server, counts the statements that go through
// it, and calls a function at one of them.
type relay struct {
	listener net.Listener
	cfg      *mysql.Config
	at       int64
	answered bool // at the answer to the statement, else as soon as it was passed on
	call     func()
	count    atomic.Int64
	conns    sync.WaitGroup
}

func newRelay(t *testing.T, cfg *mysql.Config, at int, answered bool, call func()) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &relay{listener: listener, cfg: cfg, at: int64(at), answered: answered, call: call}
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) statements() int { return int(r.count.Load()) }

// start lets connections in.
func (r *relay) start() {
	r.conns.Go(func() {
		for {
			client, err := r.listener.Accept()
			if err != nil {
				return
			}
			r.conns.Go(func() { r.pass(client) })
		}
	})
}

// stop returns when all connections have ended.
func (r *relay) stop() {
	_ = r.listener.Close()
	r.conns.Wait()
}

func (r *relay) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{Timeout: 10 * time.Second}).Dial(r.cfg.Net, r.cfg.Addr)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var due atomic.Bool
	r.conns.Go(func() {
		defer func() { _ = client.Close() }()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if n > 0 {
				if due.Swap(false) {
					r.call()
				}
				if _, werr := client.Write(buf[:n]); werr != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	for {
		packet, err := readPacket(client)
		if err != nil {
			return
		}
		hit := isStatement(packet) && r.count.Add(1) == r.at
		if hit && r.answered {
			due.Store(true)
		}
		if _, err := server.Write(packet); err != nil {
			return
		}
		if hit && !r.answered {
			r.call()
		}
	}
}

// readPacket returns a packet of the protocol with its head: three bytes of length and its number.
func readPacket(r io.Reader) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	length := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	packet := append(head, make([]byte, length)...)
	_, err := io.ReadFull(r, packet[4:])
	return packet, err
}

// isStatement reports whether a packet of a client begins a COM_QUERY or a COM_STMT_EXECUTE. The
// numbers of what it says while it logs in are not 0.
func isStatement(packet []byte) bool {
	return len(packet) > 4 && packet[3] == 0 && (packet[4] == 3 || packet[4] == 0x17)
}

var counter = regexp.MustCompile(` AUTO_INCREMENT=\d+`)

// withoutCounter removes a table's next id, which an interrupted insert moves on.
func withoutCounter(definition string) string { return counter.ReplaceAllString(definition, "") }
