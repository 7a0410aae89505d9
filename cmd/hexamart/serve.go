package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"hexamart/internal/database"
	"hexamart/internal/handler"
	"hexamart/internal/model"
)

// How long the shop waits: when it stops, for a load balancer to notice and for running requests to finish.
const (
	noticeTime   = time.Second
	drainTime    = 25 * time.Second
	longestPause = 15 * time.Second // between attempts to start the database server
)

func serve(ctx context.Context, p *program, args []string) error {
	tuneMemory()
	set := flag.NewFlagSet("serve", flag.ContinueOnError)
	demo := set.Bool("demo", false, "fill an empty shop with the demo catalogue and make an admin")
	if _, err := p.parseFlags(set, args); err != nil {
		return err
	}
	if err := probe(p.cfg.Addr); err != nil {
		return err
	}
	unwatch, err := p.watch(ctx)
	if err != nil {
		return err
	}
	defer unwatch()
	s, err := p.openShop(ctx, database.ServerOwned)
	if err != nil {
		return err
	}
	return errors.Join(p.serveShop(ctx, s, *demo), s.close())
}

func (p *program) serveShop(ctx context.Context, s *shop, demo bool) error {
	if err := p.prepare(ctx, s, demo); err != nil {
		return err
	}
	api := &handler.API{Services: s.services, Log: s.log, Version: shortVersion(), CORSOrigins: s.cfg.CORSOrigins,
		TrustedProxies: s.cfg.TrustedProxies, Ready: s.ready}
	closeMetrics, err := p.serveMetrics(s, api)
	if err != nil {
		return err
	}
	defer closeMetrics()
	server, conns := newServer(api.Routes(), s.log, s.cfg.TrustedProxies)
	listener, err := listen(ctx, s.cfg.Addr)
	if err != nil {
		return inUse(s.cfg.Addr, err)
	}
	failed := make(chan error, 1)
	go func() {
		failed <- server.Serve(newWholeListener(listener, api.Refusal, newLargeHeads(conns.subscriber)))
	}()
	ctx, cancel := context.WithCancel(ctx)
	var workers sync.WaitGroup
	workers.Go(func() { s.guardServer(ctx) })
	workers.Go(func() { s.tidy(ctx) })
	workers.Go(s.passwords.Prepare)
	workers.Go(func() { s.refreshFigures(ctx) })
	workers.Go(func() { s.keepNames(ctx) })
	stopWatch := s.watchDatabase(ctx)
	defer func() {
		stopWatch()
		cancel()
		workers.Wait()
	}()
	s.log.Info("ready", "addr", listener.Addr().String(), "version", shortVersion(), "docs", baseURL(listener.Addr().String())+"/docs")
	if demo {
		p.printWelcome(ctx, s, listener.Addr().String())
	}
	select {
	case err := <-failed:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
		return s.drain(api, server, conns, listener)
	}
}

// ensureAdmin makes sure that the admin of the settings exists, and tells of an account that somebody had registered.
func (s *shop) ensureAdmin(ctx context.Context) error {
	auth, email := s.services.Auth, s.cfg.AdminEmail
	auth.ReserveEmail(email)
	registered, err := auth.IsCustomer(ctx, email)
	if err == nil {
		err = auth.EnsureAdmin(ctx, model.Actor{Command: "hexamart serve"}, email, s.cfg.AdminPassword)
	}
	if err == nil && registered {
		s.log.Warn("the account of ADMIN_EMAIL was there and is an admin now, with the password that it had; if you did not register it, set another: hexamart password EMAIL")
	}
	return err
}

// prepare brings the database to where the shop can be served from it.
func (p *program) prepare(ctx context.Context, s *shop, demo bool) error {
	if _, err := s.migrate(ctx, p.stdout); err != nil {
		return err
	}
	if err := s.noteNewerSchema(ctx); err != nil {
		return err
	}
	if s.cfg.AdminEmail != "" {
		if err := s.ensureAdmin(ctx); err != nil {
			return fmt.Errorf("ADMIN_EMAIL and ADMIN_PASSWORD: %w", sentence(err))
		}
	}
	if demo {
		if err := s.fillDemo(ctx); err != nil {
			return err
		}
	}
	return nil
}

// drain stops serving without losing a request: readiness goes first, so that no new ones are sent and
// open connections are not used again, then running ones finish.
func (s *shop) drain(api *handler.API, server *http.Server, conns *connections, listener net.Listener) error {
	s.log.Info("shutting down")
	api.Drain()
	time.Sleep(noticeTime)
	hush(listener)
	conns.settle()
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		s.log.Warn("some requests did not finish in time", "error", err)
		return server.Close()
	}
	return nil
}

// watchDatabase feels the database's pulse until the returned function is called: while the shop drains,
// too, when requests must not wait for a database that is away either.
func (s *shop) watchDatabase(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		database.Watch(ctx, s.db, s.log)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// guardServer starts the private database server again when it ended by itself, until ctx ends. What
// keeps it from starting, a full disk say, may pass, so it is tried again and again. The pool reconnects
// on its own; meanwhile requests are answered with 503.
func (s *shop) guardServer(ctx context.Context) {
	if s.server == nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.server.Exited():
		}
		s.log.Error("the database server is gone; starting it again", "error", s.server.Err())
		if err := s.server.Stop(); err != nil {
			s.log.Warn("clearing up after the database server", "error", err)
		}
		for pause := time.Second; ; pause = min(2*pause, longestPause) {
			server, err := database.StartServer(ctx, s.serverOpts)
			if err == nil {
				s.server = server
				break
			}
			if ctx.Err() != nil {
				return
			}
			s.log.Error("the database server does not start; trying again", "error", err, "in", pause)
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
		if ctx.Err() == nil {
			s.log.Info("the database server is back")
		}
	}
}

// listen is net.Listen for plain TCP: a socket for Multipath TCP, Go's default, can't be hushed.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var plain net.ListenConfig
	plain.SetMultipathTCP(false)
	return plain.Listen(ctx, "tcp", addr)
}

// probe tells early, before a database is started, that there is no address to listen on.
func probe(addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return inUse(addr, err)
	}
	return listener.Close()
}

func inUse(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is already in use, perhaps by another hexamart; stop that or set ADDR to another address", addr)
	}
	return err
}
