package handler_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

var cuts = map[string]testkit.Cut{"Before": testkit.CutBefore, "Within": testkit.CutWithin, "Behind": testkit.CutBehind, "Answer": testkit.CutAnswer}

// cutShop returns a shop whose connections go through a proxy.
func cutShop(t *testing.T) (*testkit.Shop, *testkit.Proxy) {
	t.Helper()
	proxy, cfg := testkit.NewProxy(t, testkit.EmptyDatabase(t))
	db := testkit.Open(t, cfg, nil)
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return testkit.NewShopOn(t, db), proxy
}

// retry sends an order under its key until it is answered with anything but "try again".
func retry(t *testing.T, s *testkit.Shop, u *testkit.Person, key string) (last testkit.Answer, tries int) {
	t.Helper()
	for tries = 1; tries < 200; tries++ {
		last = placeUnder(s, u, key, anOrder)
		again := last.Status == http.StatusServiceUnavailable || (last.Status == http.StatusConflict && last.Field("code") == "request_in_progress")
		if !again {
			return last, tries
		}
		if last.Header.Get("Retry-After") == "" {
			t.Errorf("no Retry-After: %+v", last)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never answered, last with %+v", last)
	return last, tries
}

// TestCommitLost loses the connection around COMMIT. The client can't know whether its order was placed,
// asks again under its key, and ends with exactly one order and its answer.
func TestCommitLost(t *testing.T) {
	t.Parallel()
	for name, cut := range cuts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy := cutShop(t)
			u, lamp := s.User(), s.Product("Lamp", "19.99", 50)
			for n := range 5 {
				s.Fill(u, lamp, 2)
				var lost atomic.Int64
				proxy.Decide(func(sql string) testkit.Cut {
					if sql == "COMMIT" && lost.Add(1) == 1 {
						return cut
					}
					return testkit.NoCut
				})
				key := fmt.Sprint("key-", n)
				got, tries := retry(t, s, u, key)
				proxy.Decide(nil)
				if got.Status != http.StatusCreated || tries < 2 || lost.Load() == 0 {
					t.Fatalf("after %d tries, %d commits: %+v", tries, lost.Load(), got)
				}
				replayed := got.Header.Get("Idempotent-Replayed") == "true"
				if (cut == testkit.CutAnswer && !replayed) || (cut <= testkit.CutWithin && replayed) {
					t.Errorf("replayed: %v", replayed)
				}
				if again := placeUnder(s, u, key, anOrder); !isReplayOf(again, got) && again.Body != got.Body {
					t.Errorf("again: %+v, was %+v", again, got)
				}
				if orders := s.Count("SELECT COUNT(*) FROM orders"); orders != int64(n+1) || s.Stock(lamp) != 50-2*orders || s.Count("SELECT COUNT(*) FROM carts") != 0 {
					t.Fatalf("%d orders, stock %d", orders, s.Stock(lamp))
				}
			}
			mustHold(t, s)
		})
	}
}

// TestConnectionLost loses the connection around each command of an order in turn.
func TestConnectionLost(t *testing.T) {
	t.Parallel()
	for name, cut := range cuts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy := cutShop(t)
			u, lamp := s.User(), s.Product("Lamp", "19.99", 500)
			for at := int64(1); ; at++ {
				s.Fill(u, lamp, 2)
				var seen atomic.Int64
				proxy.Decide(func(string) testkit.Cut {
					if seen.Add(1) == at {
						return cut
					}
					return testkit.NoCut
				})
				got, _ := retry(t, s, u, fmt.Sprint("key-", at))
				proxy.Decide(nil)
				if got.Status != http.StatusCreated {
					t.Fatalf("cut at %d: %+v", at, got)
				}
				if orders := s.Count("SELECT COUNT(*) FROM orders"); orders != at || s.Stock(lamp) != 500-2*orders {
					t.Fatalf("cut at %d: %d orders, stock %d", at, orders, s.Stock(lamp))
				}
				if seen.Load() < at {
					if at < 10 {
						t.Errorf("only %d commands were seen", at)
					}
					break
				}
			}
			mustHold(t, s)
		})
	}
}

// TestBatchLost loses the connection around an order without a key, which is one batch. The client can't know
// either, but asking again can't order twice: there is nothing in the cart any more.
func TestBatchLost(t *testing.T) {
	t.Parallel()
	for name, cut := range cuts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy := cutShop(t)
			u, lamp := s.User(), s.Product("Lamp", "19.99", 50)
			for n := range int64(5) {
				s.Fill(u, lamp, 2)
				var lost atomic.Int64
				proxy.Decide(func(sql string) testkit.Cut {
					if strings.HasPrefix(sql, "START TRANSACTION;") && lost.Add(1) == 1 {
						return cut
					}
					return testkit.NoCut
				})
				first := s.Do(u, "POST", "/orders", anOrder)
				proxy.Decide(nil)
				if first.Status != http.StatusServiceUnavailable || first.Header.Get("Retry-After") == "" || lost.Load() != 1 {
					t.Errorf("after %d batches: %+v", lost.Load(), first)
				}
				var again testkit.Answer
				for range 100 { // a batch that nobody hears of may still be running
					if again = s.Do(u, "POST", "/orders", anOrder); again.Status != http.StatusServiceUnavailable {
						break
					}
				}
				done := again.Status == http.StatusConflict && again.Field("code") == "empty_cart"
				if again.Status != http.StatusCreated && !done || (cut <= testkit.CutWithin && done) {
					t.Errorf("again: %+v", again)
				}
				if orders := s.Count("SELECT COUNT(*) FROM orders"); orders != n+1 || s.Stock(lamp) != 50-2*orders || s.Count("SELECT COUNT(*) FROM carts") != 0 {
					t.Fatalf("%d orders, stock %d", orders, s.Stock(lamp))
				}
			}
			mustHold(t, s)
		})
	}
}
