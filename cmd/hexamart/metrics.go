package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"hexamart/internal/database"
	"hexamart/internal/handler"
)

// observer returns what is told of each SQL statement, nil if nothing wants to know.
func (p *program) observer(log *slog.Logger) database.Observer {
	logged := logStatements(log)
	switch {
	case p.metrics == nil:
		return logged
	case logged == nil:
		return p.metrics.Statement
	}
	return func(ctx context.Context, s database.Statement) {
		p.metrics.Statement(ctx, s)
		logged(ctx, s)
	}
}

// serveMetrics lets the API be counted, and serves the counts on an address of their own until the returned
// function is called.
func (p *program) serveMetrics(s *shop, api *handler.API) (stop func(), err error) {
	m := p.metrics
	if m == nil {
		return func() {}, nil
	}
	m.WatchPool(s.db)
	api.Observe = handler.Observer{Request: m.Request, Problem: m.Problem, Read: m.Read, Order: m.Order}
	listener, err := net.Listen("tcp", s.cfg.MetricsAddr)
	if err != nil {
		return nil, fmt.Errorf("METRICS_ADDR: %w", err)
	}
	server := &http.Server{Handler: m.Handler(), ReadHeaderTimeout: headerTimeout}
	go func() { _ = server.Serve(listener) }()
	s.log.Info("metrics", "addr", listener.Addr().String())
	return func() { _ = server.Close() }, nil
}
