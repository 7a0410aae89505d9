package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// answers tells whether a server on the socket answers a query.
func answers(ctx context.Context, socket string) bool {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr = "root", "unix", socket
	cfg.Logger = &mysql.NopLogger{}
	cfg.Timeout, cfg.ReadTimeout = 2*time.Second, 2*time.Second
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return false
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	var one int
	return db.QueryRowContext(ctx, "SELECT 1").Scan(&one) == nil
}

func (s *Server) awaitReady(ctx context.Context) error {
	watch := s.newStall()
	for !answers(ctx, s.home.socket) {
		select {
		case <-s.proc.done:
			return s.failure("ended while starting (" + s.proc.state() + ")")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
			if err := watch.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// stall notices a server that neither gets ready nor ends. A recovery after a crash may take long, but
// then the log goes on.
type stall struct {
	s             *Server
	size          int64
	grown, spoken time.Time
}

func (s *Server) newStall() *stall { return &stall{s: s, grown: time.Now(), spoken: time.Now()} }

func (w *stall) check() error {
	if info, err := os.Stat(w.s.home.path("server.log")); err == nil && info.Size() != w.size {
		w.size, w.grown = info.Size(), time.Now()
		// A server on a full disk waits for room rather than giving up.
		if log := w.s.logTail(); strings.Contains(log, "Disk is full") || strings.Contains(log, "Disk full") {
			return w.s.failure("found the disk full")
		}
	}
	if time.Since(w.grown) > startPatience {
		return w.s.failure(fmt.Sprintf("neither answered nor said anything for %s", startPatience))
	}
	if time.Since(w.spoken) > 5*time.Second {
		w.spoken = time.Now()
		lines := strings.Split(strings.TrimSpace(w.s.logTail()), "\n")
		w.s.opt.Notify("still waiting for the database server; it says: " + lines[len(lines)-1])
	}
	return nil
}

// failure is the error of a server that did what, with the lines of its log that tell most.
func (s *Server) failure(what string) error {
	text := fmt.Sprintf("the database server in %s %s", s.home.dir, what)
	if lines := tellingLines(s.logTail()); len(lines) > 0 {
		text += "; its log ends with:\n  " + strings.Join(lines, "\n  ")
	}
	return errors.New(text + confinement(text))
}

// confinement explains refusals that no rights in the file system explain: distributions that install
// the server as a service may forbid it every other directory.
func confinement(text string) string {
	if !strings.Contains(text, "ermission denied") && !strings.Contains(text, "rror: 13") && !strings.Contains(text, "rrcode: 13") {
		return ""
	}
	for _, profile := range []string{"usr.sbin.mysqld", "usr.sbin.mariadbd", "mariadbd"} {
		path := "/etc/apparmor.d/" + profile
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			return "\nAppArmor may keep the server to its own directories (" + path + "): set DATABASE_URL to the running service instead"
		}
	}
	return ""
}

// logTail returns the end of what the server printed this time.
func (s *Server) logTail() string {
	text, err := os.ReadFile(s.home.path("server.log"))
	if err != nil {
		return ""
	}
	return string(text[max(0, len(text)-64<<10):])
}

var digits = regexp.MustCompile(`[0-9]+`)

// tellingLines picks the last errors, else what bears no severity (the loader, the shell, a crash),
// else the last lines whatever they say.
func tellingLines(log string) []string {
	const most, width = 8, 400
	var failed, plain, all []string
	seen := map[string]bool{"": true}
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		line = line[:min(len(line), width)]
		// A server in trouble repeats itself, with other numbers.
		text := digits.ReplaceAllString(line, "")
		if seen[text] {
			continue
		}
		seen[text] = true
		all = append(all, line)
		switch {
		case strings.Contains(line, "[ERROR]") || strings.HasPrefix(line, "ERROR"):
			failed = append(failed, line)
		case !strings.Contains(line, "[Note]") && !strings.Contains(line, "[System]") && !strings.Contains(line, "[Warning]"):
			plain = append(plain, line)
		}
	}
	for _, lines := range [][]string{failed, plain, all} {
		if len(lines) > 0 {
			return lines[max(0, len(lines)-most):]
		}
	}
	return nil
}
