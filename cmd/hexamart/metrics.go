package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"hexamart/internal/database"
	"hexamart/internal/handler"
	"hexamart/internal/metrics"
	"hexamart/internal/tracing"
)

// observer returns what is told of each SQL statement, nil if nothing wants to know.
func (p *program) observer(log *slog.Logger) database.Observer {
	var all []database.Observer
	if logged := logStatements(log); logged != nil {
		all = append(all, logged)
	}
	if p.metrics != nil {
		all = append(all, p.metrics.Statement)
	}
	if p.tracing != nil {
		all = append(all, p.tracing.Statement)
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return func(ctx context.Context, s database.Statement) {
		for _, observe := range all {
			observe(ctx, s)
		}
	}
}

// watch makes what counts and traces the shop, as far as that is wanted. Call the returned function in the end.
func (p *program) watch(ctx context.Context) (stop func(), err error) {
	if p.cfg.MetricsAddr != "" {
		p.metrics = metrics.New(shortVersion())
	}
	if !tracing.Wanted() {
		return func() {}, nil
	}
	log, flush := newLog(p.stderr, p.cfg)
	if p.tracing, err = tracing.New(ctx, shortVersion(), log); err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	return func() {
		defer flush()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesPatience)
		defer cancel()
		if err := p.tracing.Close(ctx); err != nil {
			log.Warn("the last traces were not sent", "error", err)
		}
	}, nil
}

// tracesPatience is how long a shop that stops waits for the collector of its traces.
const tracesPatience = 3 * time.Second

// serveMetrics lets the API be traced and counted, and serves the counts on an address of their own until the returned
// function is called.
func (p *program) serveMetrics(s *shop, api *handler.API) (stop func(), err error) {
	if p.tracing != nil {
		api.Trace = p.tracing.Requests
	}
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
	handler := m.Handler()
	if addr, err := netip.ParseAddrPort(listener.Addr().String()); err == nil && addr.Addr().IsLoopback() {
		handler = onlyByAddress(handler)
	}
	server := newMetricsServer(handler, s.log)
	go func() { _ = server.Serve(listener) }()
	s.log.Info("metrics", "addr", listener.Addr().String())
	return func() { _ = server.Close() }, nil
}

// Who collects metrics needs one connection or two, and waits for a profile for as long as it is asked to last.
const (
	metricsConnections  = 64
	metricsWriteTimeout = 10 * time.Minute
)

func newMetricsServer(routes http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           routes,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      metricsWriteTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         newConnections(metricsConnections, nil).note,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// onlyByAddress refuses who asks for this machine by a name: a page on the web may give its own name this machine's address,
// and read in a browser here what is not for it.
func onlyByAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil && host != "localhost" {
			http.Error(w, "Ask by the address, or as localhost.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
