package security

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// clock is a time that stands still until a test moves it.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func (c *clock) move(d time.Duration) { c.at = c.at.Add(d) }

func limiter(burst int, period time.Duration) (*Limiter, *clock) {
	c := &clock{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	l := NewLimiter(burst, period)
	l.now = c.now
	return l, c
}

// takes checks the answers to several events in a row.
func takes(t *testing.T, l *Limiter, key string, want ...time.Duration) {
	t.Helper()
	for i, w := range want {
		if got := l.Take(key); got != w {
			t.Errorf("event %d of %s waits %v, want %v", i+1, key, got, w)
		}
	}
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	const step = 20 * time.Second // of 3 a minute
	t.Run("Burst", func(t *testing.T) {
		t.Parallel()
		l, _ := limiter(3, time.Minute)
		takes(t, l, "a", 0, 0, 0, step, step, step) // refused events do not count
	})
	t.Run("GrowsBack", func(t *testing.T) {
		t.Parallel()
		l, c := limiter(3, time.Minute)
		takes(t, l, "a", 0, 0, 0)
		c.move(step - time.Nanosecond)
		takes(t, l, "a", time.Nanosecond)
		c.move(time.Nanosecond)
		takes(t, l, "a", 0, step)
		c.move(2 * step)
		takes(t, l, "a", 0, 0, step)
		c.move(step + step/2)
		takes(t, l, "a", 0, step/2)
	})
	t.Run("NeverBeyondBurst", func(t *testing.T) {
		t.Parallel()
		l, c := limiter(3, time.Minute)
		takes(t, l, "a", 0)
		c.move(24 * time.Hour)
		takes(t, l, "a", 0, 0, 0, step)
	})
	t.Run("UnevenSteps", func(t *testing.T) {
		t.Parallel()
		l, _ := limiter(7, time.Minute)
		takes(t, l, "a", 0, 0, 0, 0, 0, 0, 0)
		if l.Take("a") <= 0 {
			t.Error("the eighth of seven is allowed")
		}
	})
	t.Run("KeysApart", func(t *testing.T) {
		t.Parallel()
		l, _ := limiter(1, time.Minute)
		takes(t, l, "a", 0, time.Minute)
		takes(t, l, "b", 0, time.Minute)
		takes(t, l, "", 0, time.Minute)
	})
	t.Run("Off", func(t *testing.T) {
		t.Parallel()
		l := NewLimiter(0, 0)
		for range 1000 {
			takes(t, l, "a", 0)
			l.GiveBack("a")
		}
		if len(l.full) != 0 {
			t.Errorf("%d keys are kept", len(l.full))
		}
	})
	t.Run("RealClock", func(t *testing.T) {
		t.Parallel()
		l := NewLimiter(1, time.Hour)
		takes(t, l, "a", 0)
		if wait := l.Take("a"); wait <= 0 || wait > time.Hour {
			t.Errorf("the second waits %v", wait)
		}
	})
}

func TestLimiterGiveBack(t *testing.T) {
	t.Parallel()
	t.Run("AllowsOneMore", func(t *testing.T) {
		t.Parallel()
		l, _ := limiter(3, time.Minute)
		takes(t, l, "a", 0, 0, 0, 20*time.Second)
		l.GiveBack("a")
		takes(t, l, "a", 0, 20*time.Second)
	})
	t.Run("OnlyToItsKey", func(t *testing.T) {
		t.Parallel()
		l, _ := limiter(1, time.Minute)
		takes(t, l, "a", 0)
		l.GiveBack("b")
		takes(t, l, "a", time.Minute)
		takes(t, l, "b", 0, time.Minute)
	})
	t.Run("NeverBeyondBurst", func(t *testing.T) {
		t.Parallel()
		l, _ := limiter(2, time.Minute)
		takes(t, l, "a", 0)
		for range 5 {
			l.GiveBack("a")
		}
		takes(t, l, "a", 0, 0, 30*time.Second)
	})
}

// TestLimiterLearn takes over what others know: the later of both counts, and nobody waits longer than a whole period. What no
// others can have counted, a clock that was set back or a longer period has made: it does not count.
func TestLimiterLearn(t *testing.T) {
	t.Parallel()
	l, c := limiter(3, time.Minute)
	l.Learn("a", 40*time.Second)
	l.Learn("a", 20*time.Second)
	l.Learn("a", -time.Hour)
	takes(t, l, "a", 0, 20*time.Second)
	l.Learn("b", 3*time.Minute)
	takes(t, l, "b", 20*time.Second)
	c.move(20 * time.Second)
	takes(t, l, "b", 0, 20*time.Second)
	l.Learn("c", -time.Hour)
	l.Learn("c", 3*time.Minute+time.Microsecond)
	takes(t, l, "c", 0, 0, 0, 20*time.Second)
}

func TestLimiterMemory(t *testing.T) {
	t.Parallel()
	t.Run("ForgetsFullKeys", func(t *testing.T) {
		t.Parallel()
		l, c := limiter(2, time.Minute)
		for i := range 1000 {
			l.Take(strconv.Itoa(i))
		}
		c.move(20 * time.Second)
		takes(t, l, "late", 0, 0)
		c.move(41 * time.Second) // the thousand are full again, the late one is not
		takes(t, l, "late", 0)
		if len(l.full) != 1 {
			t.Errorf("%d keys are kept", len(l.full))
		}
		takes(t, l, "late", 19*time.Second)
	})
	t.Run("IsBounded", func(t *testing.T) {
		t.Parallel()
		l, _ := limiter(2, time.Minute)
		for i := range 2*maxKeys + 10 { // all within one moment: none is full
			if l.Take(strconv.Itoa(i)) != 0 {
				t.Fatalf("new key %d has to wait", i)
			}
			if len(l.full) > maxKeys {
				t.Fatalf("%d keys are kept", len(l.full))
			}
		}
		if len(l.full) < maxKeys/2 {
			t.Errorf("only %d keys are left", len(l.full))
		}
	})
}

// TestLimiterAtOnce lets many take from one key and from their own at the same time.
func TestLimiterAtOnce(t *testing.T) {
	t.Parallel()
	l, _ := limiter(10, time.Minute)
	var shared, own atomic.Int64
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 4 {
				if l.Take("shared") == 0 {
					shared.Add(1)
				}
				if l.Take(strconv.Itoa(i)) == 0 {
					own.Add(1)
				}
				l.GiveBack(strconv.Itoa(i))
			}
		})
	}
	wg.Wait()
	if shared.Load() != 10 || own.Load() != 64*4 {
		t.Errorf("%d of 10 and %d of 256 events were allowed", shared.Load(), own.Load())
	}
}

// TestTurnsAreBounded lets too many of one customer wait for turns, each key's held by somebody: the rest is told at once, and it goes on
// when they have gone. Neither what nobody else is at nor others have to wait for that.
func TestTurnsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, _ := limiter(10, time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		take := func(key, customer string) {
			if done, err := l.Turn(ctx, key, customer); err == nil {
				<-ctx.Done()
				done()
			}
		}
		for i := range 10 + maxWaiting {
			go take(strconv.Itoa(i%10), "many")
		}
		synctest.Wait()
		if _, err := l.Turn(ctx, "3", "many"); !errors.Is(err, ErrBusy) {
			t.Errorf("beyond all that may wait: %v", err)
		}
		done, err := l.Turn(ctx, "nobody's", "many")
		if err != nil {
			t.Fatal(err)
		}
		done()
		go take("3", "other")
		synctest.Wait()
		if l.waiting["other"] != 1 {
			t.Error("another customer may not wait")
		}
		cancel()
		synctest.Wait()
		if done, err = l.Turn(t.Context(), "3", "many"); err != nil {
			t.Fatal(err)
		}
		done()
		if len(l.turns) != 0 || len(l.waiting) != 0 {
			t.Errorf("%d turns and %d customers are kept", len(l.turns), len(l.waiting))
		}
	})
}
