// Package handler speaks HTTP for the services: it decodes requests, calls one service method, and
// writes the answer. routes.go lists every endpoint; handle.go alone knows which error is which status.
package handler

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"hexamart/internal/model"
	"hexamart/internal/security"
	"hexamart/internal/service"
)

// API is the shop's HTTP interface. Fill in the exported fields and call Routes.
type API struct {
	Services       *service.Services
	Log            *slog.Logger
	Version        string
	CORSOrigins    []string       // origins whose pages may call the API
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed

	// Ready reports why the shop can't serve: the database is away, or its schema is not current.
	Ready func(context.Context) error

	Observe Observer
	Trace   func(http.Handler) http.Handler // around each request, known by its id; nil for none

	draining    atomic.Bool
	pages       *pages
	library     *library
	largeBodies *security.Queue // places of requests with a large body, in which nobody waits
	largeHeads  *security.Queue // places of requests with a large head, in which nobody waits
	sending     *sending
	findClient  func(http.Handler) http.Handler // puts the client's address into the context
}

// Observer is told what the API does, by many goroutines. What is nil is not told.
type Observer struct {
	Request func(method, route string, status int, took time.Duration) // after each
	Problem func(code string)                                          // of an answer
	Read    func()                                                     // when a page of products is not in memory
	Order   func(total model.Money)                                    // that was placed just now
}

// Drain makes /readyz answer 503 from now on, so that a load balancer sends no more requests, and
// every answer ask its client for a new connection next time.
func (a *API) Drain() { a.draining.Store(true) }
