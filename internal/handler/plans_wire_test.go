package handler_test

import (
	"context"
	"net"
	"path"
	"runtime"
	"strings"
	"sync"

	"github.com/go-sql-driver/mysql"
)

// sending is a statement on its way to the server, with its values, and where in the services it comes from.
type sending struct {
	sql   string
	exact string // as it was sent, white space in values too
	by    string // (*Products).List
	file  string
	line  int
}

// wire is a way to the database that keeps what the services send.
type wire struct {
	cfg    *mysql.Config // to where it leads
	mu     sync.Mutex
	kept   []sending
	meddle map[string]func() // done once before what has this text is sent
}

const comQuery = 3

// change makes an address one that is reached by this way.
func (w *wire) change(cfg *mysql.Config) {
	w.cfg = cfg.Clone()
	cfg.DialFunc = w.dial
}

func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	return &wireConn{conn, w}, err
}

// take returns what was kept, and keeps no more of it.
func (w *wire) take() []sending {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.kept
	w.kept = nil
	return kept
}

// before has something done before a text is sent, by another connection.
func (w *wire) before(text string, do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.meddle = map[string]func(){text: do}
}

type wireConn struct {
	net.Conn
	wire *wire
}

// Write is called with a packet at a time: the driver does so.
func (c *wireConn) Write(b []byte) (int, error) {
	if len(b) > 5 && b[3] == 0 && b[4] == comQuery {
		c.wire.keep(string(b[5:]))
	}
	return c.Conn.Write(b)
}

func (w *wire) keep(sql string) {
	s, ok := ofServices(sending{sql: sql})
	if !ok {
		return
	}
	var do func()
	w.mu.Lock()
	w.kept = append(w.kept, s)
	for text := range w.meddle {
		if strings.Contains(sql, text) {
			do, w.meddle = w.meddle[text], nil
		}
	}
	w.mu.Unlock()
	if do != nil {
		do()
	}
}

// ofServices says where in the services this goroutine is.
func ofServices(s sending) (sending, bool) {
	const services = "hexamart/internal/service."
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers)])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if name, ok := strings.CutPrefix(f.Function, services); ok {
			name, _, _ = strings.Cut(name, ".func")
			s.by, _, _ = strings.Cut(name, "[")
			if s.file == "" {
				s.file, s.line = path.Base(f.File), f.Line
			}
			if s.by != "selectPage" { // which reads for others
				return s, true
			}
		}
	}
	return s, false
}

// statements are those of a packet: several only of a batch.
func (s sending) statements() (list []string) {
	sql, batch := strings.CutPrefix(s.sql, "START TRANSACTION;\n")
	if !batch {
		return []string{s.sql}
	}
	return strings.Split(sql, ";\n")
}
