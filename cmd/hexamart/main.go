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
	"strings"
	"syscall"

	"hexamart/internal/config"
	"hexamart/internal/database"
	"hexamart/internal/metrics"
	"hexamart/internal/tracing"
)

// program is what a subcommand runs in.
type program struct {
	cfg    config.Config
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer

	metrics *metrics.Metrics // nil for none
	tracing *tracing.Tracing // nil for none
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
		fmt.Fprint(stderr, usage())
		return 2
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return help(args[1:], stdout, stderr)
	case "--version":
		args = []string{"version"}
	}
	command := commandNamed(args[0])
	if command == nil {
		return unknown(args[0], stderr)
	}
	if asksForHelp(args[1:]) { // which needs no settings
		return help(args[:1], stdout, stderr)
	}
	if command.run == nil {
		fmt.Fprintln(stdout, "hexamart", fullVersion())
		return 0
	}
	cfg, err := config.Load()
	if err != nil {
		fmt.Fprintf(stderr, "hexamart: the settings are not right:\n%v\n", err)
		return 2
	}
	for _, warning := range cfg.Warnings {
		fmt.Fprintf(stderr, "hexamart: %s\n", warning)
	}
	err = command.run(ctx, &program{cfg: cfg, stdin: stdin, stdout: stdout, stderr: stderr}, args[1:])
	switch {
	case err == nil:
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
		fmt.Fprintln(stderr, plain("hexamart: "+err.Error()))
		return 1
	}
}

// plain returns a text that gives a terminal no orders: it may quote what somebody else wrote, by way of the database.
func plain(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = database.Printable(line)
	}
	return strings.Join(lines, "\n")
}

// parseFlags reads the flags of a subcommand, which may stand before or behind its arguments, of
// which it wants exactly as many as named.
func (p *program) parseFlags(set *flag.FlagSet, args []string, names ...string) ([]string, error) {
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	var rest []string
	for {
		if err := set.Parse(args); err != nil {
			fmt.Fprintf(p.stderr, "hexamart %s: %v%s\nFor more: hexamart help %s\n", set.Name(), err, nearestFlag(set, err), set.Name())
			return nil, errUsage
		}
		if set.NArg() == 0 {
			break
		}
		rest, args = append(rest, set.Arg(0)), set.Args()[1:]
	}
	if len(rest) != len(names) {
		wants := "no arguments"
		if len(names) > 0 {
			wants = strings.Join(names, " ")
		}
		fmt.Fprintf(p.stderr, "hexamart %s takes %s; %d given\nFor more: hexamart help %s\n", set.Name(), wants, len(rest), set.Name())
		return nil, errUsage
	}
	return rest, nil
}
