package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
)

// withShop runs fn on a shop that is opened for a short task, beside a server that may be running.
func (p *program) withShop(ctx context.Context, fn func(*shop) error) error {
	s, err := p.openShop(ctx, database.ServerShared)
	if err != nil {
		return err
	}
	return errors.Join(fn(s), s.close())
}

// withExistingShop is withShop for what makes no sense in a new shop, and would pass for done there: as when it is run in another
// directory than the shop's.
func (p *program) withExistingShop(ctx context.Context, fn func(*shop) error) error {
	s, err := p.openTo(ctx, database.ServerOptions{Mode: database.ServerShared, Existing: true})
	if errors.Is(err, database.ErrNoData) {
		return fmt.Errorf("%w; run this where the shop's .env or %s is, or set DATA_DIR or DATABASE_URL as for the shop", err, p.cfg.DataDir)
	}
	if err != nil {
		return err
	}
	empty, err := database.IsEmpty(ctx, s.db)
	if err == nil && empty {
		err = errors.New("the database is empty: is it the shop's?")
	}
	if err == nil {
		err = fn(s)
	}
	return errors.Join(err, s.close())
}

// withCurrentShop is withShop after its schema was brought up to date.
func (p *program) withCurrentShop(ctx context.Context, fn func(*shop) error) error {
	return p.withShop(ctx, func(s *shop) error {
		if _, err := s.migrate(ctx, p.stdout); err != nil {
			return err
		}
		return fn(s)
	})
}

func migrate(ctx context.Context, p *program, args []string) error {
	set := flag.NewFlagSet("migrate", flag.ContinueOnError)
	status := set.Bool("status", false, "change nothing, only list the migrations")
	check := set.Bool("check", false, "change nothing, only say what would change")
	if _, err := p.parseFlags(set, args); err != nil {
		return err
	}
	return p.withShop(ctx, func(s *shop) error {
		switch {
		case *check:
			return p.checkMigration(ctx, s)
		case *status:
			return p.printMigrations(ctx, s)
		}
		applied, err := s.migrate(ctx, p.stdout)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%d migrations applied; the schema is at version %d.\n", len(applied), database.LatestVersion())
		return nil
	})
}

func (p *program) printMigrations(ctx context.Context, s *shop) error {
	list, err := database.Migrations(ctx, s.db)
	if err != nil {
		return err
	}
	for _, m := range list {
		state := "pending"
		if m.Applied {
			state = "applied"
		}
		fmt.Fprintf(p.stdout, "%s  %s\n", state, m.Name)
	}
	return nil
}

func seed(ctx context.Context, p *program, args []string) error {
	if _, err := p.parseFlags(flag.NewFlagSet("seed", flag.ContinueOnError), args); err != nil {
		return err
	}
	return p.withCurrentShop(ctx, func(s *shop) error {
		added, err := s.services.Products.Seed(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%d products of the demo catalogue added.\n", added)
		return nil
	})
}

func admin(ctx context.Context, p *program, args []string) error {
	set := flag.NewFlagSet("admin", flag.ContinueOnError)
	revoke := set.Bool("revoke", false, "take the rights away")
	rest, err := p.parseFlags(set, args, "EMAIL")
	if err != nil {
		return err
	}
	email, by := rest[0], model.Actor{Command: "hexamart admin"}
	return p.withCurrentShop(ctx, func(s *shop) error {
		if *revoke {
			return p.revokeAdmin(ctx, s, by, email)
		}
		err := s.services.Auth.PromoteUser(ctx, by, email)
		if err == nil {
			fmt.Fprintf(p.stdout, "%s is an admin now, with the password as it was. Is it yours? If somebody else may have registered it: hexamart password %s\n", email, email)
			return nil
		}
		if !apperr.Is(err, apperr.NotFound) {
			return err
		}
		password, err := p.askPassword("Password for the new admin " + email + ": ")
		if err != nil {
			return err
		}
		err = s.services.Auth.CreateAdmin(ctx, by, model.RegisterInput{Name: "Admin", Email: email, Password: password})
		if err != nil {
			return sentence(err)
		}
		fmt.Fprintf(p.stdout, "%s is an admin now.\n", email)
		return nil
	})
}

// verify changes nothing, not even the schema: what it is asked of may be a copy, or a backup.
func verify(ctx context.Context, p *program, args []string) error {
	if _, err := p.parseFlags(flag.NewFlagSet("verify", flag.ContinueOnError), args); err != nil {
		return err
	}
	return p.withExistingShop(ctx, func(s *shop) error {
		if err := s.current(ctx); err != nil {
			return err
		}
		violations, err := s.services.Admin.Verify(ctx)
		if err != nil {
			return err
		}
		for _, v := range violations {
			fmt.Fprintf(p.stdout, "%s: %s (%s)\n", v.Row, v.Problem, v.Rule)
		}
		if n := len(violations); n > 0 {
			return fmt.Errorf("the books are wrong in %d places, named above", n)
		}
		fmt.Fprintln(p.stdout, "everything holds")
		return nil
	})
}

// askPassword reads a password without showing it, or a line of standard input that is no terminal.
func (p *program) askPassword(prompt string) (string, error) {
	if f, ok := p.stdin.(*os.File); ok && isTerminal(f) {
		fmt.Fprint(p.stderr, prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(p.stderr)
		return string(b), err
	}
	line, err := bufio.NewReader(p.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// sentence returns what an expected error says to people.
func sentence(err error) error {
	var known *apperr.Error
	if errors.As(err, &known) {
		return errors.New(known.Message)
	}
	return err
}

func healthcheck(ctx context.Context, p *program, args []string) error {
	if _, err := p.parseFlags(flag.NewFlagSet("healthcheck", flag.ContinueOnError), args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, baseURL(p.cfg.Addr)+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := (&http.Client{Transport: &http.Transport{}}).Do(req) // by no proxy
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the shop is not ready: %s", res.Status)
	}
	fmt.Fprintln(p.stdout, "ready")
	return nil
}

// baseURL is where a server that listens on addr is reached from this machine.
func baseURL(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
