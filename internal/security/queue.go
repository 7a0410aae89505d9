package security

import (
	"container/list"
	"context"
	"errors"
	"slices"
	"sync"
)

// ErrBusy says that so many wait already that a turn would hardly come in time.
var ErrBusy = errors.New("too many are waiting")

// Queue lets some work at a time, and others wait: those of one address in the order in which they came, and the
// addresses in turns, so that whoever comes many times at once waits for themselves and nobody else for them. Every other
// turn is one of the addresses that are known, so that who comes from many new ones at once does not keep those waiting.
type Queue struct {
	room int // for those who wait
	most int // that one person does at a time, wherever they come from; 0 for no limit

	mu      sync.Mutex
	free    int
	waiting int
	lines   map[string]*list.Element // of one of the next two, by address
	known   *list.List               // of *line, in the order of their turns
	strange *list.List               // the same, of addresses that are not known
	turns   int                      // that there were
	passed  bool                     // over those who stand before a known one, the last time
	people  map[string]*person
	homes   homes
}

// line is who waits for a turn from one address.
type line struct {
	address string
	in      *list.List
	since   int // turns that there were when it was last in the back
	waiters []*waiter
}

type waiter struct {
	told   chan error
	person *person
}

// NewQueue has so many places to work, and room for so many to wait.
func NewQueue(places, room int) *Queue {
	return &Queue{room: room, free: places, lines: map[string]*list.Element{}, known: list.New(), strange: list.New(), people: map[string]*person{}}
}

// AtMost bounds how many places one person has, and how many of theirs wait, and returns the queue, which nobody uses yet. Whoever
// waits for their own does not keep others waiting.
func (q *Queue) AtMost(most int) *Queue {
	q.most = most
	return q
}

// Know remembers an address from which somebody came who has proved to be no stranger, and forgets those where they were long
// ago, unless somebody else is there.
func (q *Queue) Know(address, who string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.homes.add(address, who)
	if at, ok := q.lines[address]; ok && at.Value.(*line).in != q.known {
		l := q.strange.Remove(at).(*line)
		q.putBack(l, q.known)
	}
}

// Knows reports whether an address is known.
func (q *Queue) Knows(address string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.homes.has(address)
}

// Enter waits for a place to work; leave gives it back. It fails when ctx ends first, and with ErrBusy where
// there is no room. When the room is full, the last of the longest line goes for the first of others.
func (q *Queue) Enter(ctx context.Context, address string) (leave func(), err error) {
	return q.EnterAs(ctx, address, "")
}

// EnterAs is Enter for somebody of whom one is to do no more than AtMost; nobody in particular if that is "".
func (q *Queue) EnterAs(ctx context.Context, address, who string) (leave func(), err error) {
	p, w, err := q.join(address, who)
	if err != nil {
		return nil, err
	}
	if w != nil {
		select {
		case err = <-w.told:
		case <-ctx.Done():
			err = q.giveUp(address, w, ctx.Err())
		}
	}
	if err != nil {
		return nil, err
	}
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.leave(p)
	}, nil
}

// Waiting is how many wait.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// join takes a free place, or else stands in line and returns how.
func (q *Queue) join(address, who string) (*person, *waiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.comes(who)
	if q.free > 0 && q.may(p) {
		q.begin(p)
		return p, nil, nil
	}
	if !q.mayWait(p, address) || q.waiting >= q.room && !q.makeRoom(address) {
		q.goes(p)
		return nil, nil, ErrBusy
	}
	at, ok := q.lines[address]
	if !ok {
		in := q.strange
		if q.homes.has(address) {
			in = q.known
		}
		at = q.putBack(&line{address: address}, in)
	}
	w := &waiter{make(chan error, 1), p}
	at.Value.(*line).waiters = append(at.Value.(*line).waiters, w)
	q.waiting++
	if p != nil {
		p.waiting[address]++
	}
	return p, w, nil
}

// putBack lets a line be the last to have a turn.
func (q *Queue) putBack(l *line, in *list.List) *list.Element {
	q.turns++
	l.in, l.since = in, q.turns
	at := in.PushBack(l)
	q.lines[l.address] = at
	return at
}

// makeRoom sends away the last of the longest line, unless the address would then have the longest. For the first of a
// known address any stranger goes.
func (q *Queue) makeRoom(address string) bool {
	own, longest := 0, 0
	var at *list.Element
	for e := range q.inTurn {
		l := e.Value.(*line)
		if l.address == address {
			own = len(l.waiters)
		}
		if len(l.waiters) > longest {
			longest, at = len(l.waiters), e
		}
	}
	if longest <= own+1 {
		if at = q.strange.Back(); own > 0 || at == nil || !q.homes.has(address) {
			return false
		}
		longest = len(at.Value.(*line).waiters)
	}
	q.sendAway(at, longest-1)
	return true
}

func (q *Queue) sendAway(at *list.Element, i int) {
	w := q.remove(at, i)
	w.told <- ErrBusy
	q.goes(w.person)
}

// giveUp takes a waiter out of its line, or passes the place on that it was given just now.
func (q *Queue) giveUp(address string, w *waiter, err error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at, ok := q.lines[address]; ok {
		if i := slices.Index(at.Value.(*line).waiters, w); i >= 0 {
			q.remove(at, i)
			q.goes(w.person)
			return err
		}
	}
	if told := <-w.told; told != nil {
		return told
	}
	q.leave(w.person)
	return err
}

// inTurn goes through all lines, whoever is next first.
func (q *Queue) inTurn(yield func(*list.Element) bool) {
	a, b := q.known.Front(), q.strange.Front()
	for a != nil || b != nil {
		e := a
		if a == nil || b != nil && b.Value.(*line).since < a.Value.(*line).since {
			e, b = b, b.Next()
		} else {
			a = a.Next()
		}
		if !yield(e) {
			return
		}
	}
}

// next is the line whose turn it is, and which of it may work; nil if nobody may.
func (q *Queue) next() (*list.Element, int) {
	mayWork := func(w *waiter) bool { return q.may(w.person) }
	if q.passed = !q.passed; q.passed {
		for e := q.known.Front(); e != nil; e = e.Next() {
			if i := slices.IndexFunc(e.Value.(*line).waiters, mayWork); i >= 0 {
				return e, i
			}
		}
	}
	for e := range q.inTurn {
		if i := slices.IndexFunc(e.Value.(*line).waiters, mayWork); i >= 0 {
			return e, i
		}
	}
	return nil, 0
}

// pass gives a free place to whoever is next, whose address is then last.
func (q *Queue) pass() {
	at, i := q.next()
	if at == nil {
		return
	}
	l := at.Value.(*line)
	next := q.remove(at, i)
	if len(l.waiters) > 0 {
		l.in.Remove(at)
		q.putBack(l, l.in)
	}
	q.begin(next.person)
	next.told <- nil
}

func (q *Queue) remove(at *list.Element, i int) *waiter {
	l := at.Value.(*line)
	w := l.waiters[i]
	l.waiters = slices.Delete(l.waiters, i, i+1)
	if p := w.person; p != nil {
		if p.waiting[l.address]--; p.waiting[l.address] == 0 {
			delete(p.waiting, l.address)
		}
	}
	if q.waiting--; len(l.waiters) == 0 {
		l.in.Remove(at)
		delete(q.lines, l.address)
	}
	return w
}
