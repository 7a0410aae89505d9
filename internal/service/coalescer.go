package service

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"hexamart/internal/database"
)

// coalescer does calls of one kind together that come at one time, as a database commits in groups: while as
// many groups as allowed are under way, those who come wait, and the next group is all of them, up to a size.
// Whoever comes while there is room does not wait at all, so nothing is slower for a shop with few visitors.
// The work of a group begins after each of its calls has come: what it reads is as new as if each had asked alone.
type coalescer[Q, A any] struct {
	atOnce   int           // groups under way
	most     int           // calls of a group
	patience time.Duration // for which a group keeps others waiting: a slow one, or a lost connection, is no reason to

	// work sets the answer or the error of every call. It is run by the goroutine of the one that came first; its
	// context has the last of their deadlines, and does not end when a client hangs up.
	work func(ctx context.Context, calls []*call[Q, A])

	mu       sync.Mutex
	underWay int
	waiting  []*call[Q, A]
}

// call is one that waits for its answer.
type call[Q, A any] struct {
	ctx    context.Context // its caller's own
	ask    Q
	answer A
	err    error

	turn chan []*call[Q, A] // the group to work for, or nil when there is the answer
}

// errUnanswered is what the others get when a group's work panics.
var errUnanswered = errors.New("the work that was shared came to nothing")

// do returns what work answers. A caller that gives up while it waits is not worked for.
func (c *coalescer[Q, A]) do(ctx context.Context, ask Q) (A, error) {
	own := &call[Q, A]{ctx: ctx, ask: ask, turn: make(chan []*call[Q, A], 1)}
	if ctx.Err() != nil {
		return own.answer, ctx.Err()
	}
	c.mu.Lock()
	if c.underWay < c.atOnce {
		c.underWay++
		c.mu.Unlock()
		c.lead(ctx, []*call[Q, A]{own})
		return own.answer, own.err
	}
	c.waiting = append(c.waiting, own)
	c.mu.Unlock()
	var group []*call[Q, A]
	select {
	case group = <-own.turn:
	case <-ctx.Done():
		if c.leave(own) {
			return own.answer, ctx.Err()
		}
		group = <-own.turn // others count on it, or it is being done
	}
	if group != nil {
		c.lead(ctx, group)
	}
	return own.answer, own.err
}

// leave takes back a call that is in no group yet.
func (c *coalescer[Q, A]) leave(own *call[Q, A]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.waiting, own)
	if i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
	return i >= 0
}

// lead works for a group, whose first call is the leader's, and lets the next group begin.
func (c *coalescer[Q, A]) lead(ctx context.Context, group []*call[Q, A]) {
	for _, other := range group {
		other.err = errUnanswered
	}
	var once sync.Once
	slow := time.AfterFunc(c.patience, func() { once.Do(c.next) })
	defer func() {
		slow.Stop()
		once.Do(c.next)
		for _, other := range group[1:] {
			other.turn <- nil
		}
	}()
	shared := context.WithoutCancel(ctx)
	if deadline, ok := latest(group); ok {
		var cancel context.CancelFunc
		shared, cancel = context.WithDeadline(shared, deadline)
		defer cancel()
	}
	c.work(shared, group)
}

// latest returns the last of a group's deadlines, unless one has none.
func latest[Q, A any](group []*call[Q, A]) (last time.Time, ok bool) {
	for _, c := range group {
		deadline, ok := c.ctx.Deadline()
		if !ok {
			return last, false
		}
		if deadline.After(last) {
			last = deadline
		}
	}
	return last, true
}

// next lets those who wait begin, up to a group's size; without any there is room again.

func (c *coalescer[Q, A]) next() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		c.underWay--
		return
	}
	n := min(len(c.waiting), c.most)
	group := slices.Clone(c.waiting[:n])
	c.waiting = slices.Delete(c.waiting, 0, n)
	group[0].turn <- group
}

// apart is what the calls of a group get that was written in one transaction and failed: where one of several may
// be to blame, and nothing happened, ErrUnexpected, so that each is tried on its own.
func apart(err error, calls int) error {
	if calls > 1 && (database.IsUndone(err) || errors.Is(err, database.ErrUnexpected)) {
		return database.ErrUnexpected
	}
	return err
}
