// Package handler speaks HTTP for the services: it decodes requests, calls one service method, and
// writes the answer. routes.go lists every endpoint; handle.go alone knows which error is which status.
package handler

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"

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

	draining atomic.Bool
	pages    *pages
}

// Drain makes /readyz answer 503 from now on, so that a load balancer sends no more requests, and
// every answer ask its client for a new connection next time.
func (a *API) Drain() { a.draining.Store(true) }
