package main

import (
	"net"
	"slices"
	"sync"

	"hexamart/internal/security"
	"hexamart/internal/service"
)

// maxLingering is how many connections end by themselves at once: they have no place among those that are counted.
const maxLingering = 32

// lingering are the connections that end by themselves. When there are too many, the oldest of the customer that has most is closed for one
// of a customer that has fewer.
type lingering struct {
	mu  sync.Mutex
	all []*lingerer
}

type lingerer struct {
	net.Conn
	customer string
}

func newLingerer(conn net.Conn) *lingerer {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		host = conn.RemoteAddr().String()
	}
	return &lingerer{conn, security.Customer(service.Network(host))}
}

// begin reports whether there is a place.
func (l *lingering) begin(own *lingerer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) >= maxLingering {
		of := map[string]int{}
		most := l.all[0].customer
		for _, other := range l.all {
			if of[other.customer]++; of[other.customer] > of[most] {
				most = other.customer
			}
		}
		if of[most] <= of[own.customer]+1 {
			return false
		}
		at := slices.IndexFunc(l.all, func(other *lingerer) bool { return other.customer == most })
		_ = l.all[at].Close() // there is nobody to tell
		l.all = slices.Delete(l.all, at, at+1)
	}
	l.all = append(l.all, own)
	return true
}

func (l *lingering) end(own *lingerer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := slices.Index(l.all, own); at >= 0 {
		l.all = slices.Delete(l.all, at, at+1)
	}
}
