package main

import (
	"container/list"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
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
)

func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         newConnections(roomForConnections()).note,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
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
// longest gives way to a new one; when none is silent, the new one is turned away.
type connections struct {
	room int

	mu     sync.Mutex
	all    map[net.Conn]*list.Element // nil for one with a request under way
	silent *list.List                 // of net.Conn, in the order in which they fell silent
}

func newConnections(room int) *connections {
	return &connections{room: room, all: map[net.Conn]*list.Element{}, silent: list.New()}
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
	place, known := c.all[conn]
	if !known && state != http.StateNew { // it had to go
		return nil
	}
	if place != nil {
		c.silent.Remove(place)
	}
	switch state {
	case http.StateNew, http.StateIdle:
		c.all[conn] = c.silent.PushBack(conn)
	case http.StateActive:
		c.all[conn] = nil
	default:
		delete(c.all, conn)
	}
	if len(c.all) <= c.room {
		return nil
	}
	leaves := c.silent.Remove(c.silent.Front()).(net.Conn) // at least the new one is silent
	delete(c.all, leaves)
	return leaves
}
