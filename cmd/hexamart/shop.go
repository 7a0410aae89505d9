package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sync/singleflight"

	"hexamart/internal/config"
	"hexamart/internal/database"
	"hexamart/internal/security"
	"hexamart/internal/service"
)

// shop is a database with the services over it.
type shop struct {
	cfg       config.Config
	log       *slog.Logger
	flushLog  func()
	db        *sqlx.DB
	services  *service.Services
	passwords *security.Passwords
	asked     singleflight.Group // whether it is ready

	server     *database.Server // nil with DATABASE_URL
	serverOpts database.ServerOptions
}

// openShop connects to the configured database or starts a private one. The schema is left as it is.
func (p *program) openShop(ctx context.Context, mode database.ServerMode) (*shop, error) {
	return p.openTo(ctx, database.ServerOptions{Mode: mode})
}

func (p *program) openTo(ctx context.Context, opt database.ServerOptions) (s *shop, err error) {
	s = &shop{cfg: p.cfg, serverOpts: opt}
	s.log, s.flushLog = newLog(p.stderr, p.cfg)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	address := p.cfg.Database
	if address == nil {
		s.serverOpts.Dir, s.serverOpts.Log = filepath.Join(p.cfg.DataDir, "mysql"), s.log
		s.serverOpts.Notify = func(text string) { fmt.Fprintln(p.stderr, text) }
		if s.server, err = database.StartServer(ctx, s.serverOpts); err != nil {
			return s, err
		}
		if address, err = database.CreateDatabase(ctx, s.server.Config(), "hexamart"); err != nil {
			return s, err
		}
	}
	if err = s.cfg.EnsureSecretKey(); err != nil {
		return s, err
	}
	if s.db, err = database.Open(ctx, address, p.observer(s.log)); err != nil {
		return s, err
	}
	tokens, err := security.NewTokens(s.cfg.SecretKey, s.cfg.Algorithm, s.cfg.TokenLife, s.cfg.PreviousKey)
	if err != nil {
		return s, err
	}
	s.passwords = security.NewPasswords(security.PasswordCost)
	s.services = service.New(s.db, s.passwords, tokens,
		security.NewLimiter(s.cfg.LoginLimit.Count, s.cfg.LoginLimit.Period), s.cfg.SessionLife)
	return s, nil
}

// migrate brings the schema up to date; a database of the earlier backend is adopted first, and what
// had to change in it is printed to out.
func (s *shop) migrate(ctx context.Context, out io.Writer) ([]database.Migration, error) {
	notify := func(text string) { fmt.Fprintln(out, text) }
	adoption, err := database.Adopt(ctx, s.db, database.AdoptOptions{Notify: notify})
	if err != nil {
		return nil, err
	}
	printAdoption(out, adoption)
	applied, err := database.Migrate(ctx, s.db)
	for _, m := range applied {
		s.log.Info("migrated", "version", m.Version, "file", m.Name)
	}
	return applied, err
}

// ready reports why the shop can't serve; nil if it can. A database that hangs is as good as none. Those who ask at one time
// share the answer: they wait for one connection to the database, however many they are.
func (s *shop) ready(ctx context.Context) error {
	_, err, _ := s.asked.Do("ready", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		return nil, s.current(ctx)
	})
	return err
}

// current reports whether the schema is one that this program can work on.
func (s *shop) current(ctx context.Context) error {
	version, err := database.SchemaVersion(ctx, s.db)
	if err == nil && version < database.LatestVersion() {
		err = fmt.Errorf("the schema is at version %d, not %d; hexamart migrate brings it up to date", version, database.LatestVersion())
	}
	return err
}

// noteNewerSchema says so where another, newer version has been at work: migrations leave what an older
// program needs, so that both may run for a while, but it should not be for long.
func (s *shop) noteNewerSchema(ctx context.Context) error {
	version, err := database.SchemaVersion(ctx, s.db)
	if known := database.LatestVersion(); err == nil && version > known {
		s.log.Warn("the schema is newer than this program; it goes on, but should be updated", "schema", version, "known", known)
	}
	return err
}

func (s *shop) close() error {
	defer s.flushLog()
	if s.db != nil {
		if err := s.db.Close(); err != nil { // of connections that were dead already
			s.log.Debug("closing the pool", "error", err)
		}
	}
	if s.server != nil {
		return s.server.Stop()
	}
	return nil
}
