package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"

	"hexamart/internal/database"
)

// groups is a coalescer that doubles numbers, takes a second for it, and remembers which it was asked for together.
func groups(took *[][]int) *coalescer[int, int] {
	c := &coalescer[int, int]{atOnce: 1, most: 4, patience: 10 * time.Second}
	c.work = func(ctx context.Context, calls []*call[int, int]) {
		var asked []int
		for _, call := range calls {
			asked = append(asked, call.ask)
		}
		*took = append(*took, asked)
		time.Sleep(time.Second)
		for _, call := range calls {
			call.answer, call.err = 2*call.ask, ctx.Err()
		}
	}
	return c
}

func TestCoalescer(t *testing.T) {
	t.Parallel()
	type step struct {
		asks []int
		want [][]int
		last time.Duration
	}
	for name, c := range map[string]step{
		"Alone":    {[]int{1}, [][]int{{1}}, time.Second},
		"Together": {[]int{1, 2, 3, 4}, [][]int{{1}, {2, 3, 4}}, 2 * time.Second},
		"Many":     {[]int{1, 2, 3, 4, 5, 6, 7, 8}, [][]int{{1}, {2, 3, 4, 5}, {6, 7, 8}}, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var took [][]int
				g, start := groups(&took), time.Now()
				var wg sync.WaitGroup
				for _, ask := range c.asks {
					wg.Go(func() {
						if got, err := g.do(t.Context(), ask); got != 2*ask || err != nil {
							t.Errorf("%d gets %d, %v", ask, got, err)
						}
					})
					synctest.Wait()
				}
				wg.Wait()
				if fmt.Sprint(took) != fmt.Sprint(c.want) || time.Since(start) != c.last {
					t.Errorf("the groups are %v, in %v", took, time.Since(start))
				}
				if got, err := g.do(t.Context(), 9); got != 18 || err != nil || len(g.waiting) > 0 || g.underWay != 0 {
					t.Errorf("afterwards 9 gets %d, %v; %d are under way", got, err, g.underWay)
				}
			})
		})
	}
}

// TestCoalescerHangUp lets callers go away at each stage: nobody else gets less for it.
func TestCoalescerHangUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		leaves int           // who goes away
		after  time.Duration // when
		err    error         // what that one gets
		want   [][]int
	}{
		"Leader":    {1, 500 * time.Millisecond, nil, [][]int{{1}, {2, 3}}}, // its work is done all the same
		"Waiting":   {2, 500 * time.Millisecond, context.Canceled, [][]int{{1}, {3}}},
		"AtWork":    {3, 1500 * time.Millisecond, nil, [][]int{{1}, {2, 3}}},
		"NewLeader": {2, 1500 * time.Millisecond, nil, [][]int{{1}, {2, 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var took [][]int
				g := groups(&took)
				var wg sync.WaitGroup
				for ask := 1; ask <= 3; ask++ {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					want := error(nil)
					if ask == c.leaves {
						time.AfterFunc(c.after, cancel)
						want = c.err
					}
					wg.Go(func() {
						if got, err := g.do(ctx, ask); !errors.Is(err, want) || (err == nil && got != 2*ask) {
							t.Errorf("%d gets %d, %v, not %v", ask, got, err, want)
						}
					})
					synctest.Wait()
				}
				wg.Wait()
				if fmt.Sprint(took) != fmt.Sprint(c.want) || g.underWay != 0 {
					t.Errorf("the groups are %v, %d are under way", took, g.underWay)
				}
			})
		})
	}
}

// TestCoalescerChosen cancels all who wait at the moment in which they are chosen: whoever has to work for the
// others does.
func TestCoalescerChosen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var took [][]int
		g := groups(&took)
		ctx, cancel := context.WithCancel(t.Context())
		g.underWay = 1 // by this test
		var wg sync.WaitGroup
		for ask := range 3 {
			wg.Go(func() {
				if got, err := g.do(ctx, ask); err != nil || got != 2*ask {
					t.Errorf("%d gets %d, %v", ask, got, err)
				}
			})
			synctest.Wait()
		}
		group := g.waiting
		g.waiting = nil // nobody can take his call back now
		cancel()
		synctest.Wait()
		group[0].turn <- group
		wg.Wait()
		if fmt.Sprint(took) != "[[0 1 2]]" || g.underWay != 0 {
			t.Errorf("the groups are %v, %d are under way", took, g.underWay)
		}
	})
}

// TestCoalescerSlow lets others begin when a group takes too long, and its deadline end it.
func TestCoalescerSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &coalescer[string, time.Duration]{atOnce: 1, most: 4, patience: 50 * time.Millisecond}
		g.work = func(ctx context.Context, calls []*call[string, time.Duration]) {
			start := time.Now()
			if calls[0].ask == "stuck" {
				<-ctx.Done()
			}
			for _, c := range calls {
				c.answer, c.err = time.Since(start), ctx.Err()
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if took, err := g.do(ctx, "stuck"); took != 5*time.Second || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("stuck for %v, %v", took, err)
			}
		})
		synctest.Wait()
		start := time.Now()
		for range 2 {
			if _, err := g.do(t.Context(), "quick"); err != nil || time.Since(start) != g.patience {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		}
		wg.Wait()
		if g.underWay != 0 {
			t.Errorf("%d are under way", g.underWay)
		}
	})
}

// TestCoalescerPanic lets work panic: the one who does it sees that, the others an error, and the next ones nothing.
func TestCoalescerPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var took [][]int
		g := groups(&took)
		work := g.work
		g.work = func(ctx context.Context, calls []*call[int, int]) {
			if calls[0].ask == 1 {
				panic("oh")
			}
			work(ctx, calls)
		}
		var wg sync.WaitGroup
		for ask, want := range []error{nil, nil, errUnanswered, errUnanswered} {
			wg.Go(func() {
				defer func() {
					if v := recover(); (v != nil) != (ask == 1) {
						t.Errorf("%d panics with %v", ask, v)
					}
				}()
				if _, err := g.do(t.Context(), ask); !errors.Is(err, want) {
					t.Errorf("%d gets %v", ask, err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if got, err := g.do(t.Context(), 9); got != 18 || err != nil || g.underWay != 0 {
			t.Errorf("afterwards 9 gets %d, %v; %d are under way", got, err, g.underWay)
		}
	})
}

// TestCoalescerDeadline gives a group the time that the most patient of its callers has.
func TestCoalescerDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var took [][]int
		g := groups(&took)
		var wg sync.WaitGroup
		for ask, patience := range []time.Duration{time.Hour, 1500 * time.Millisecond, time.Minute} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			wg.Go(func() {
				if got, err := g.do(ctx, ask); err != nil || got != 2*ask {
					t.Errorf("%d gets %d, %v", ask, got, err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if fmt.Sprint(took) != "[[0] [1 2]]" {
			t.Errorf("the groups are %v", took)
		}
	})
}

// TestApart tells what several are tried again for, each alone: nothing that may have happened.
func TestApart(t *testing.T) {
	t.Parallel()
	for number, want := range map[uint16]bool{1213: true, 1205: true, 1452: true, 1062: true, 1153: true, 3819: true, 1180: false, 1047: false, 1053: false, 1317: false} {
		err := error(&mysql.MySQLError{Number: number})
		if got := apart(err, 2); errors.Is(got, database.ErrUnexpected) != want || !want && !errors.Is(got, err) {
			t.Errorf("%d becomes %v", number, got)
		}
		if got := apart(err, 1); !errors.Is(got, err) {
			t.Errorf("%d of one becomes %v", number, got)
		}
	}
	for _, err := range []error{nil, mysql.ErrInvalidConn, context.DeadlineExceeded, errors.New("an odd number of results")} {
		if got := apart(err, 2); !errors.Is(got, err) || errors.Is(got, database.ErrUnexpected) {
			t.Errorf("%v becomes %v", err, got)
		}
	}
	if got := apart(database.ErrUnexpected, 2); !errors.Is(got, database.ErrUnexpected) {
		t.Errorf("ErrUnexpected becomes %v", got)
	}
}
