package database

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ServerMode says how a process wants the private server.
type ServerMode int

const (
	// ServerOwned is for the process that serves the shop: it owns the data directory for its whole
	// life, and a second owner is refused with ErrServerBusy.
	ServerOwned ServerMode = iota
	// ServerShared is for short tasks: it attaches to a running owner's server, and where there is
	// none it starts one for the duration, while other tasks and an owner wait.
	ServerShared
	// ServerScratch is for tests: a new, empty server that forgets everything when it ends.
	ServerScratch
)

var (
	// ErrServerBusy means that another process holds the data directory; the message names both.
	ErrServerBusy = errors.New("the database is in use")
	// ErrNoData means that a directory has no database of the shop's.
	ErrNoData = errors.New("there is no database")
	// ErrNoServer means that this machine has no usable MySQL or MariaDB server; the message says why
	// and what to do.
	ErrNoServer = errors.New("no usable MySQL or MariaDB server was found")
)

// How long a server may take: to say something while it starts, to end after having been asked to,
// and to do so when it was left running by a process that is gone.
const (
	startPatience  = 60 * time.Second
	stopPatience   = 60 * time.Second
	orphanPatience = 5 * time.Second
)

// ServerOptions says where a private server keeps its data and who hears about its progress.
type ServerOptions struct {
	// Dir holds the data and everything else of the server; it is made (0700) where it is missing,
	// and must be empty or an earlier server's. For ServerScratch it is only the parent of a
	// directory with a name of its own, and may be empty for the system's temporary directory.
	Dir  string
	Mode ServerMode
	// Existing is for whoever has no use for new data: it fails with ErrNoData where there are none, and makes nothing.
	Existing bool
	// Fill is for whoever fills the data; see BeginFilling. Short tasks do not attach to such a server.
	Fill bool
	// Log gets what went well but deserves attention. It may be nil.
	Log *slog.Logger
	// Notify gets progress for a human, one line a call without a newline. It may be nil.
	Notify func(string)
}

// Server is a MySQL or MariaDB server of this machine's own installation, run for this program alone
// and reachable through a Unix socket only. It ends with the process that started it, in whichever
// way that ends.
type Server struct {
	home     serverHome
	opt      ServerOptions
	lock     *dirLock // nil when scratch or attached
	guard    *guard
	proc     *process // nil when attached
	ready    bool
	exited   <-chan struct{}
	stopOnce sync.Once
	stopErr  error
	stopping chan struct{}
}

// StartServer returns once the server answers queries. The binary is the one that the environment
// variable HEXAMART_MYSQLD names, else the first suitable one on this machine. When ctx ends before
// that, everything that was started is stopped again; afterwards ctx has no influence.
// It fails with ErrNoServer, ErrServerBusy, ErrHalfFilled, ErrNoData, or an error that quotes the server's own log.
func StartServer(ctx context.Context, opt ServerOptions) (*Server, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Notify == nil {
		opt.Notify = func(string) {}
	}
	if none := (serverHome{dir: opt.Dir}); opt.Existing && none.flavour() == "" {
		return nil, fmt.Errorf("%w in %s", ErrNoData, opt.Dir)
	}
	home, err := openHome(opt)
	if err != nil {
		if opt.Mode == ServerScratch && home.dir != "" {
			_ = os.RemoveAll(home.dir)
		}
		return nil, fmt.Errorf("database server: %w", err)
	}
	s := &Server{home: home, opt: opt, exited: make(chan struct{}), stopping: make(chan struct{})}
	if opt.Mode != ServerScratch {
		if s.lock, err = claim(ctx, home, opt); err != nil {
			return nil, err
		}
		if err := home.checkFilled(opt); err != nil {
			return nil, errors.Join(err, s.Stop())
		}
		if s.lock == nil {
			return s, nil
		}
	}
	if err := s.launch(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) launch(ctx context.Context) error {
	bin, err := findServer(ctx, s.home, s.opt.Log)
	if err != nil {
		return err
	}
	if s.guard, err = newGuard(s.home, s.opt.Mode); err != nil {
		return fmt.Errorf("start the database server: %w", err)
	}
	if err := s.home.endOrphan(ctx, s.opt.Notify); err != nil {
		return err
	}
	if err := errors.Join(s.home.clean(), s.home.dropHalf()); err != nil {
		return fmt.Errorf("start the database server: %w", err)
	}
	if err := s.initialise(ctx, bin); err != nil {
		return err
	}
	s.proc, err = s.guard.start(s.home, os.DevNull, bin.runArgs(s.home, s.opt.Mode))
	if err != nil {
		return fmt.Errorf("start the database server: %w", err)
	}
	s.exited = s.proc.done
	if err := s.awaitReady(ctx); err != nil {
		return err
	}
	s.ready = true
	if err := s.guard.ready(); err != nil {
		return fmt.Errorf("start the database server: %w", err)
	}
	if s.lock != nil && !s.opt.Fill { // else nobody may use it meanwhile
		return s.lock.describe(s.opt.Mode, true)
	}
	return nil
}

// Config returns a new driver configuration for this server, as its root user and without a
// database name.
func (s *Server) Config() *mysql.Config {
	cfg := mysql.NewConfig()
	cfg.User = "root"
	cfg.Net = "unix"
	cfg.Addr = s.home.socket
	return cfg
}

// Exited is closed when the server process is gone. It stays open for a server that belongs to
// another process.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Err says why the server is gone, with the last lines of its log; nil while it runs and after Stop.
func (s *Server) Err() error {
	select {
	case <-s.stopping:
		return nil
	default:
	}
	select {
	case <-s.exited:
		return s.failure("ended by itself (" + s.proc.state() + ")")
	default:
		return nil
	}
}

// Stop shuts the server down, waits for its end and gives the data directory free; a scratch server
// is removed altogether. It does nothing to a server that belongs to another process. Close the
// connections first: MySQL waits some seconds for open ones. Calling Stop again returns the first
// call's answer.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		close(s.stopping)
		s.stopErr = s.stop()
	})
	return s.stopErr
}

func (s *Server) stop() error {
	var errs []error
	if s.proc != nil {
		sig, patience := syscall.SIGTERM, stopPatience
		if s.opt.Mode == ServerScratch || !s.ready {
			sig = syscall.SIGKILL
		}
		if err := s.proc.end(sig, patience); err != nil {
			errs = append(errs, fmt.Errorf("stop the database server: %w", err))
		}
	}
	if s.proc != nil || s.opt.Mode == ServerScratch {
		errs = append(errs, s.home.leave(s.opt.Mode))
	}
	if s.guard != nil {
		s.guard.dismiss()
	}
	if s.lock != nil {
		s.lock.release()
	}
	return errors.Join(errs...)
}
