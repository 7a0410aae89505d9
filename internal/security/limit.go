package security

import (
	"context"
	"sync"
	"time"
)

// Limiter bounds how often something may happen for a key: a burst at once, which grows back evenly
// over a period. It lives in memory and forgets keys that are back at their full burst.
type Limiter struct {
	burst  int
	period time.Duration
	now    func() time.Time

	mu    sync.Mutex
	full  map[string]time.Time // when a key is back at its full burst
	swept time.Time
	turns map[string]*turn

	waiting map[string]int // for turns, of each customer
}

// turn is the right to go on for a key, held while free is empty.
type turn struct {
	free chan struct{}
	here int // who holds it and who waits
}

// maxKeys bounds the memory of a Limiter; beyond it some keys are forgotten early.
const maxKeys = 100_000

// NewLimiter allows burst events per period and key; burst 0 allows all.
func NewLimiter(burst int, period time.Duration) *Limiter {
	return &Limiter{
		burst: burst, period: period, now: time.Now,
		full: map[string]time.Time{}, turns: map[string]*turn{}, waiting: map[string]int{},
	}
}

// Times returns a limiter that allows n times as many events in the same time.
func (l *Limiter) Times(n int) *Limiter { return NewLimiter(n*l.burst, l.period) }

// Off reports whether all is allowed.
func (l *Limiter) Off() bool { return l.burst == 0 }

// Step is how long it takes until one event has grown back.
func (l *Limiter) Step() time.Duration { return l.period / time.Duration(l.burst) }

// Longest is how long a key may take until it is back at its full burst where several Limiters each allowed events at once.
func (l *Limiter) Longest() time.Duration { return 2 * l.period }

// Believed is how long what is known elsewhere may say that it takes. Beyond Longest it comes from clocks that do not quite agree;
// beyond this, from one that was set back or from a longer period, and nobody knows how much was used up.
func (l *Limiter) Believed() time.Duration { return l.Longest() + l.period }

// Learn takes over from elsewhere how long it is until a key is back at its full burst, if that is longer than known here.
func (l *Limiter) Learn(key string, left time.Duration) {
	if l.burst == 0 || left > l.Believed() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if full := l.now().Add(min(left, l.period)); full.After(l.full[key]) {
		l.full[key] = full
	}
}

// Take counts an event. It returns 0 when the event is allowed, else how long to wait for the next.
func (l *Limiter) Take(key string) time.Duration {
	if l.burst == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.sweep(now)
	step := l.Step()
	full := l.full[key]
	if full.Before(now) {
		full = now
	}
	if wait := full.Add(step).Sub(now) - l.period; wait > 0 {
		return wait
	}
	l.full[key] = full.Add(step)
	return 0
}

// maxWaiting is how many of one customer may wait for turns, of whatever keys: names to log in with cost nothing.
const maxWaiting = 100

// Turn waits until nobody else has the turn of this key, so that what a try costs is known before the
// next one; done passes it on. It fails when ctx ends first, and with ErrBusy when too many of the customer's wait.
func (l *Limiter) Turn(ctx context.Context, key, customer string) (done func(), err error) {
	if l.burst == 0 {
		return func() {}, nil
	}
	l.mu.Lock()
	t := l.turns[key]
	if t == nil {
		t = &turn{free: make(chan struct{}, 1)}
		t.free <- struct{}{}
		l.turns[key] = t
	}
	done = func() {
		t.free <- struct{}{}
		l.leave(key, t)
	}
	select {
	case <-t.free:
		t.here++
		l.mu.Unlock()
		return done, nil
	default:
	}
	if l.waiting[customer] == maxWaiting {
		l.mu.Unlock()
		return nil, ErrBusy
	}
	t.here++
	l.waiting[customer]++
	l.mu.Unlock()
	defer l.noLongerWaits(customer)
	select {
	case <-t.free:
		return done, nil
	case <-ctx.Done():
		l.leave(key, t)
		return nil, ctx.Err()
	}
}

// leave forgets a turn that nobody has or waits for any more.
func (l *Limiter) leave(key string, t *turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.here--; t.here == 0 {
		delete(l.turns, key)
	}
}

func (l *Limiter) noLongerWaits(customer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting[customer]--; l.waiting[customer] == 0 {
		delete(l.waiting, customer)
	}
}

// GiveBack uncounts one event that Take allowed.
func (l *Limiter) GiveBack(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if full, ok := l.full[key]; ok {
		l.full[key] = full.Add(-l.period / time.Duration(l.burst))
	}
}

// sweep drops keys that are full again, once a period or when there are too many.
func (l *Limiter) sweep(now time.Time) {
	if len(l.full) < maxKeys && now.Sub(l.swept) < l.period {
		return
	}
	l.swept = now
	for key, full := range l.full {
		if full.Before(now) {
			delete(l.full, key)
		}
	}
	for key := range l.full {
		if len(l.full) < maxKeys/2 {
			break
		}
		delete(l.full, key)
	}
}
