package handler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hexamart/internal/apperr"
)

func newFlights() (*flights, *written) {
	return &flights{under: map[string]*flight{}}, &written{}
}

// written are products that are written, as a test has it.
type written struct {
	atomic.Uint64
	edition uint64
}

func (w *written) Version() uint64 { return w.Load() }
func (w *written) Edition() uint64 { return w.edition }

// TestFlightsUnderWrites asks again and again while the version rises again and again: the work is done once at a time, and
// nobody is told of a version before their own.
func TestFlightsUnderWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fs, version := newFlights()
		var under, fills atomic.Int64
		fill := func(version uint64, begin func() error) (*page, error) {
			if err := begin(); err != nil {
				return nil, err
			}
			if under.Add(1) > 1 {
				t.Error("it is done twice at a time")
			}
			defer under.Add(-1)
			fills.Add(1)
			time.Sleep(50 * time.Millisecond)
			return &page{version: version}, nil
		}
		var asking sync.WaitGroup
		for i := range 100 {
			asking.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				version.Add(1)
				asked := version.Load()
				if p, err := fs.do(t.Context(), "key", "a", version, fill); err != nil || p.version < asked {
					t.Errorf("%+v, %v, want version %d", p, err, asked)
				}
			})
		}
		asking.Wait()
		if n := fills.Load(); n > 4 || n < 3 || len(fs.under) != 0 {
			t.Errorf("%d times for 100 who ask within 100 ms, %d are under way", n, len(fs.under))
		}
	})
}

// TestFlightsOfOthers lets others wait for one who gets nowhere: they do the work themselves, none waits for long.
func TestFlightsOfOthers(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		first func(t *testing.T) error // what the first one's work comes to
		takes time.Duration            // at most, for the others
		fills int64
		want  error
	}{
		"Slow":     {func(*testing.T) error { time.Sleep(time.Minute); return nil }, sharePatience + 100*time.Millisecond, 2, nil},
		"HangsUp":  {func(*testing.T) error { return gone.Err() }, 300 * time.Millisecond, 2, nil},
		"NoTurn":   {func(*testing.T) error { return apperr.New(apperr.Unavailable, "") }, 300 * time.Millisecond, 2, nil},
		"Internal": {func(*testing.T) error { return errors.New("wrong") }, 300 * time.Millisecond, 2, nil},
		"Panics":   {func(*testing.T) error { panic("wrong") }, 300 * time.Millisecond, 2, nil},
		"NotFound": {func(*testing.T) error { return errNotThere }, 300 * time.Millisecond, 1, errNotThere},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fs, version := newFlights()
				var fills atomic.Int64
				ask := func(asker string, work func(t *testing.T) error) error {
					_, err := fs.do(t.Context(), "key", asker, version, func(_ uint64, begin func() error) (*page, error) {
						if err := begin(); err != nil {
							return nil, err
						}
						fills.Add(1)
						time.Sleep(100 * time.Millisecond)
						return &page{}, work(t)
					})
					return err
				}
				var asking sync.WaitGroup
				asking.Go(func() {
					defer func() { _ = recover() }()
					_ = ask("first", c.first)
				})
				synctest.Wait()
				for i := range 10 {
					asking.Go(func() {
						start := time.Now()
						if err := ask(fmt.Sprint(i), func(*testing.T) error { return nil }); !errors.Is(err, c.want) {
							t.Error(err)
						}
						if took := time.Since(start); took > c.takes {
							t.Errorf("after %v", took)
						}
					})
				}
				asking.Wait()
				// Of those who hear at one moment that it has come to nothing, two may begin before either has its turn.
				if n := fills.Load(); n < c.fills || n > c.fills+1 || c.fills == 1 && n > 1 || len(fs.under) != 0 {
					t.Errorf("%d times, want %d; %d are under way", n, c.fills, len(fs.under))
				}
			})
		})
	}
}

// TestFlightsBeforeTheirTurn has those lead who wait long for a turn, as who asks for much does: nobody elsewhere waits for them, and
// what they would do is done by then.
func TestFlightsBeforeTheirTurn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		late int
		from string // each
		most time.Duration
	}{
		{1, "late %d", turnPatience}, {3, "late %d", turnPatience}, {2 * mostTurns, "late %d", sharePatience},
		{2 * mostTurns, "2001:db8:7:%x::/64", turnPatience}, // of one customer's
	} {
		late, most := c.late, c.most
		t.Run(fmt.Sprint(late, c.from), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fs, version := newFlights()
				var done, turns atomic.Int64
				ask := func(asker string, turn, most time.Duration) {
					start := time.Now()
					if p, err := fs.do(t.Context(), "key", asker, version, func(version uint64, begin func() error) (*page, error) {
						turns.Add(1)
						time.Sleep(turn)
						if err := begin(); err != nil {
							return nil, err
						}
						done.Add(1)
						time.Sleep(20 * time.Millisecond)
						return &page{version: version}, nil
					}); err != nil || p == nil {
						t.Errorf("%s: %v", asker, err)
					}
					if took := time.Since(start); took > most {
						t.Errorf("%s: after %v", asker, took)
					}
				}
				var asking sync.WaitGroup
				for i := range late {
					asking.Go(func() {
						time.Sleep(time.Duration(i) * turnPatience * 2)
						ask(fmt.Sprintf(c.from, i), time.Minute, time.Minute+2*sharePatience)
					})
				}
				time.Sleep(time.Duration(late) * turnPatience * 2)
				for i := range 100 {
					asking.Go(func() { ask(fmt.Sprint(i), 0, most+50*time.Millisecond) })
				}
				asking.Wait()
				if n, m := done.Load(), turns.Load(); n > 2 || m > int64(late)+100 || len(fs.under) != 0 {
					t.Errorf("done %d times, in %d turns; %d are under way", n, m, len(fs.under))
				}
			})
		})
	}
}

// TestFlightsThatTakeLong asks for what takes about as long as anybody is patient, or longer, again and again and from everywhere.
func TestFlightsThatTakeLong(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{sharePatience * 9 / 10, sharePatience * 11 / 10, 3 * sharePatience} {
		for name, writes := range map[string]uint64{"": 0, "UnderWrites": 1} {
			t.Run(takes.String()+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					fs, version := newFlights()
					var fills, under atomic.Int64
					var asking sync.WaitGroup
					for i := range 500 {
						asking.Go(func() {
							time.Sleep(time.Duration(i) * 10 * time.Millisecond)
							version.Add(writes)
							start := time.Now()
							if _, err := fs.do(t.Context(), "key", fmt.Sprint(i), version, func(version uint64, begin func() error) (*page, error) {
								if err := begin(); err != nil {
									return nil, err
								}
								fills.Add(1)
								if under.Add(1) > 2 {
									t.Error("it is done more than twice at a time")
								}
								defer under.Add(-1)
								time.Sleep(takes)
								return &page{version: version}, nil
							}); err != nil {
								t.Error(err)
							}
							if took := time.Since(start); took > 2*takes+sharePatience {
								t.Errorf("after %v", took)
							}
						})
					}
					asking.Wait()
					// Two after another in the five seconds in which all come, and once more for who came last.
					if n, most := fills.Load(), 2*int64(5*time.Second/takes+2); n > most {
						t.Errorf("%d times, of %d at most", n, most)
					}
				})
			})
		}
	}
}

// TestFlightsOfOneAddress asks from where the one is who gets nowhere: they wait for the same turn, and do no more.
func TestFlightsOfOneAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fs, version := newFlights()
		var fills atomic.Int64
		var asking sync.WaitGroup
		for range 10 {
			asking.Go(func() {
				if _, err := fs.do(t.Context(), "key", "a", version, func(uint64, func() error) (*page, error) {
					fills.Add(1)
					time.Sleep(time.Minute)
					return &page{}, nil
				}); err != nil {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		if n := fills.Load(); n != 1 {
			t.Errorf("%d times", n)
		}
	})
}

var errNotThere = apperr.New(apperr.NotFound, "")

// TestFlightsAnswerIsOld asks after a write for what is not there for one who asked before it.
func TestFlightsAnswerIsOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fs, version := newFlights()
		fill := func(version uint64, _ func() error) (*page, error) {
			time.Sleep(time.Millisecond)
			if version == 0 {
				return nil, errNotThere
			}
			return &page{version: version}, nil
		}
		go func() { _, _ = fs.do(t.Context(), "key", "a", version, fill) }()
		synctest.Wait()
		version.Add(1)
		if p, err := fs.do(t.Context(), "key", "a", version, fill); err != nil || p.version != 1 {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

// TestFlightsClientGone lets one hang up who waits for another.
func TestFlightsClientGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fs, version := newFlights()
		fill := func(_ uint64, begin func() error) (*page, error) {
			err := begin()
			time.Sleep(500 * time.Millisecond)
			return &page{}, err
		}
		go func() { _, _ = fs.do(t.Context(), "key", "a", version, fill) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		if p, err := fs.do(ctx, "key", "b", version, fill); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 100*time.Millisecond {
			t.Errorf("%+v, %v after %v", p, err, time.Since(start))
		}
		time.Sleep(time.Second)
	})
}
