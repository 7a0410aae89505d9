// Command hexamart is the shop: a REST API on MySQL or MariaDB, and the tools to look after it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"hexamart/internal/config"
)

const usage = `HexaMart, an e-commerce backend on MySQL or MariaDB.

Usage:
  hexamart serve [--demo]      serve the shop; --demo fills an empty one and makes an admin
  hexamart migrate             bring the database up to date; one of the earlier backend is adopted
      --check                  only say what would change
      --status                 only list the migrations
  hexamart seed                add the demo catalogue; safe to repeat
  hexamart admin EMAIL         make this user an admin, or a new admin with a password that it asks for
  hexamart verify              check the shop's books, while it is open too: exit with 1 and name each row
                               whose stock, total, history or the like is not right
  hexamart healthcheck         exit with 0 if a shop on ADDR is ready
  hexamart version             print the version

Settings come from the environment or a .env file; .env.example lists them. Without DATABASE_URL the
commands use a private database server with its data in DATA_DIR.
`

// program is what a subcommand runs in.
type program struct {
	cfg    config.Config
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// errUsage is a mistake in the command line; its text has been printed.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(untilHangup(context.Background()), stopSignals()...)
	go func() { // a second Ctrl-C ends the program at once
		<-ctx.Done()
		stop()
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// stopSignals are Ctrl-C, a service manager's stop, and a closed terminal unless nohup asked for more.
func stopSignals() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	}
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}
}

// run executes one command line and returns the exit code: 0, 1 for a failure, 2 for a mistake in the
// command line or the settings.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	switch args[0] {
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return 0
	case "version", "--version":
		fmt.Fprintln(stdout, "hexamart", fullVersion())
		return 0
	}
	command, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(stderr, "hexamart: there is no command %q\n\n%s", args[0], usage)
		return 2
	}
	cfg, err := config.Load()
	if err != nil {
		fmt.Fprintf(stderr, "hexamart: the settings are not right:\n%v\n", err)
		return 2
	}
	err = command(ctx, &program{cfg, stdin, stdout, stderr}, args[1:])
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "hexamart: stopped")
		if args[0] == "serve" { // asked to end while it was starting
			return 0
		}
		return 1
	default:
		fmt.Fprintf(stderr, "hexamart: %v\n", err)
		return 1
	}
}

var commands = map[string]func(context.Context, *program, []string) error{
	"serve":       serve,
	"migrate":     migrate,
	"seed":        seed,
	"admin":       admin,
	"verify":      verify,
	"healthcheck": healthcheck,
}

// parseFlags reads the flags of a subcommand, which may stand before or behind its arguments, of
// which it wants exactly as many as named.
func (p *program) parseFlags(set *flag.FlagSet, args []string, names ...string) ([]string, error) {
	set.SetOutput(p.stderr)
	set.Usage = func() { fmt.Fprint(p.stderr, usage) }
	var rest []string
	for {
		if err := set.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, errUsage
		}
		if set.NArg() == 0 {
			break
		}
		rest, args = append(rest, set.Arg(0)), set.Args()[1:]
	}
	if len(rest) != len(names) {
		fmt.Fprintf(p.stderr, "hexamart %s takes %d arguments %v, not %d\n\n%s", set.Name(), len(names), names, len(rest), usage)
		return nil, errUsage
	}
	return rest, nil
}
