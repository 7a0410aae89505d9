package handler

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hexamart/internal/apperr"
)

// TestPagesRoom asks for more than there is room for, again and again and at many versions.
func TestPagesRoom(t *testing.T) {
	t.Parallel()
	ps, nobody := newPages(), httptest.NewRequest("GET", "/", nil)
	for version := range uint64(3) {
		for range 2 {
			for i := range 2000 {
				want := strings.Repeat(fmt.Sprint(i), 3000)
				p, err := ps.get(t.Context(), fmt.Sprint("page ", i), nowhere, still(version), func(context.Context, func() error) (*page, error) { return newPage(nobody, content{v: want}) })
				if err != nil || len(p.body) < 3000 || !strings.Contains(string(p.body), fmt.Sprint(i)) {
					t.Fatalf("page %d is %.20s, %v", i, p.body, err)
				}
			}
		}
		sum := 0
		for _, p := range ps.kept {
			sum += pageCost + len(p.body)
		}
		if sum >= ps.bytes || ps.bytes > maxKept || sum < maxKept/2 {
			t.Errorf("version %d: %d bytes are kept, counted are %d", version, sum, ps.bytes)
		}
	}
}

// TestSmallPagesRoom asks for many different pages with nothing on them: these take room as well.
func TestSmallPagesRoom(t *testing.T) {
	t.Parallel()
	ps, nobody := newPages(), httptest.NewRequest("GET", "/", nil)
	for i := range 20_000 {
		for range 2 {
			if _, err := ps.get(t.Context(), fmt.Sprint("page ", i), nowhere, still(1), func(context.Context, func() error) (*page, error) { return newPage(nobody, content{v: []int{}}) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(ps.kept); n > maxKept/pageCost || n < 1000 {
		t.Errorf("%d pages are kept", n)
	}
}

// TestLongPagesRest writes stock after a page was read that takes long, or more than stock: only the former may be overlooked
// for a moment.
func TestLongPagesRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const took = 100 * time.Millisecond
		for name, c := range map[string]struct {
			long        bool
			took, after time.Duration
			edit, kept  bool
		}{
			"SoonAfter":    {true, took, 2 * took, false, true},
			"Later":        {true, took, restAfter * took, false, false},
			"WasShort":     {true, longPage / 2, 0, false, false},
			"NeverIsLong":  {false, took, 0, false, false},
			"Edited":       {true, took, 0, true, false},
			"LongerThanIs": {true, pageAge, pageAge, false, false},
		} {
			ps, nobody, products, fills := newPages(), httptest.NewRequest("GET", "/", nil), &written{}, 0
			get := func() {
				if _, err := ps.get(t.Context(), "key", nowhere, products, func(context.Context, func() error) (*page, error) {
					fills++
					time.Sleep(c.took)
					return newPage(nobody, content{v: 1, long: c.long})
				}); err != nil {
					t.Fatal(err)
				}
			}
			get()
			get() // which is kept
			products.Add(1)
			if c.edit {
				products.edition++
			}
			time.Sleep(c.after)
			if get(); (fills == 2) != c.kept {
				t.Errorf("%s: read %d times", name, fills)
			}
		}
	})
}

// TestPagesWaitNoLongerThanRequests asks at once for what can't be read: all are told so in the time of one.
func TestPagesWaitNoLongerThanRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ps, start := newPages(), time.Now()
		var asking sync.WaitGroup
		for range 8 {
			asking.Go(func() {
				if _, err := ps.get(t.Context(), "key", nowhere, still(1), func(ctx context.Context, _ func() error) (*page, error) {
					<-ctx.Done()
					return nil, apperr.Retry(apperr.Unavailable, "", time.Second, ctx.Err())
				}); !apperr.Is(err, apperr.Unavailable) {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		if took := time.Since(start); took > requestTimeout {
			t.Errorf("after %v", took)
		}
	})
}

func nowhere() string { return "" }

// still are products that nobody writes.
type still uint64

func (s still) Version() uint64 { return uint64(s) }
func (s still) Edition() uint64 { return uint64(s) }

// TestPageIsKeptFromItsReading waits long before it reads, and then reads long: what counts is since when it may be old.
func TestPageIsKeptFromItsReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ps, nobody, fills := newPages(), httptest.NewRequest("GET", "/", nil), 0
		get := func(key string, waits, reads time.Duration) {
			if _, err := ps.get(t.Context(), key, nowhere, still(1), func(context.Context, func() error) (*page, error) {
				fills++
				time.Sleep(waits)
				began := time.Now()
				time.Sleep(reads)
				return newPage(nobody, content{v: 1, read: began})
			}); err != nil {
				t.Fatal(err)
			}
		}
		for i, c := range []struct {
			waits, reads time.Duration
			fills        int
		}{{2 * pageAge, 0, 2}, {0, 2 * pageAge, 4}} {
			fills = 0
			for range 4 {
				get(fmt.Sprint(i), c.waits, c.reads)
			}
			if fills != c.fills {
				t.Errorf("%d: read %d times, want %d", i, fills, c.fills)
			}
		}
	})
}
