// Command bench measures HexaMart against the least code that does the same, on one machine, in one run and in
// turns. It is no part of the program. See the Makefile for how to run it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what a run is asked for.
type options struct {
	program string // the hexamart
	dir     string // for the results, and for all else while it runs
	rows    []string
	quick   bool
	profile string // cpu, heap, mutex or none
	turns   int
	length  time.Duration // of a turn

	fewTurns   int // where turns have to be longer
	slowLength time.Duration
}

// row is a line of the goals: one or more results.
type row struct {
	name string
	long bool // takes minutes: not in a quick run, unless it is named
	run  func(context.Context, *stand) ([]result, error)
}

var rows = []row{
	{"same", false, sameProducts},
	{"different", false, differentProducts},
	{"cart", false, own("/cart")},
	{"orders-list", false, own("/orders")},
	{"orders", false, placeOrders},
	{"search", false, search},
	{"search-million", true, searchMillion},
	{"connections", false, manyConnections},
	{"growth", true, growth},
	{"login-flood", false, loginFlood},
	{"footprint", false, footprint}, // last: it looks at what all the others did to memory
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "floor" {
		fmt.Fprintln(os.Stderr, serveFloor())
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	opt, chosen, err := parseOptions()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(opt.dir, 0o755); err != nil {
		return err
	}
	if err := moreFiles(); err != nil {
		return err
	}
	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Printf("%4.0fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	s, err := newStand(ctx, opt, say)
	if err != nil {
		return errors.Join(err, s.close())
	}
	all, err := s.measure(ctx, chosen)
	if ctx.Err() == nil {
		for _, problem := range s.verify(ctx) {
			err = errors.Join(err, errors.New(problem))
		}
	}
	return errors.Join(err, save(s, all, time.Since(began)), s.close())
}

// measure runs rows one after the other; a row that fails does not keep the others from being measured.
func (s *stand) measure(ctx context.Context, chosen []row) (all []result, err error) {
	for _, r := range chosen {
		s.row = r.name
		s.settle(ctx)
		results, failed := r.run(ctx, s)
		all = append(all, results...)
		if failed != nil {
			failed = fmt.Errorf("row %s: %w", r.name, failed)
			s.say("%v", failed)
			err = errors.Join(err, failed)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return all, err
}

func parseOptions() (opt options, chosen []row, err error) {
	var names string
	flag.StringVar(&opt.program, "program", "bin/hexamart", "the hexamart to measure")
	flag.StringVar(&opt.dir, "dir", ".bench", "where the results go")
	flag.StringVar(&names, "rows", "", "only these, with commas between them")
	flag.BoolVar(&opt.quick, "quick", false, "shorter turns, and no rows that take minutes")
	flag.StringVar(&opt.profile, "profile", "", "cpu, heap or mutex: profile the hexamart, too")
	flag.Parse()
	opt.turns, opt.length, opt.fewTurns, opt.slowLength = 5, 2*time.Second, 3, 3*time.Second
	if opt.quick {
		opt.turns, opt.length, opt.fewTurns, opt.slowLength = 3, time.Second, 1, 2*time.Second
	}
	if opt.profile != "" { // one turn, long enough for a profile
		opt.turns, opt.length, opt.fewTurns, opt.slowLength = 1, 6*time.Second, 1, 6*time.Second
	}
	if opt.profile != "" && !slices.Contains(profiles, opt.profile) {
		return opt, nil, fmt.Errorf("there is no profile %q; there are %s", opt.profile, strings.Join(profiles, ", "))
	}
	if opt.rows = strings.FieldsFunc(names, func(c rune) bool { return c == ',' || c == ' ' }); len(opt.rows) == 0 {
		for _, r := range rows {
			if !r.long || !opt.quick {
				chosen = append(chosen, r)
			}
		}
	}
	for _, name := range opt.rows {
		i := slices.IndexFunc(rows, func(r row) bool { return r.name == name })
		if i < 0 {
			return opt, nil, fmt.Errorf("there is no row %q; there are %s", name, rowNames())
		}
		chosen = append(chosen, rows[i])
	}
	if opt.program, err = absolute(opt.program); err != nil {
		return opt, nil, err
	}
	return opt, chosen, nil
}

// brief reports whether parts of rows are left out: in a quick run of all of them.
func (s *stand) brief() bool { return s.opt.quick && len(s.opt.rows) == 0 }

// moreFiles lets this program's children have as many connections as rows ask for: the usual limit is 1,024 files.
func moreFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = min(limit.Max, 8*crowd)
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}

func rowNames() string {
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.name
	}
	return strings.Join(names, ", ")
}
