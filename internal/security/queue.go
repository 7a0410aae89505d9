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
// addresses in turns, so that whoever comes many times at once waits for themselves and nobody else for them. The networks of
// an IPv6 network of 48 bits, which can be one customer's, have their turns together, one after the other. Every other
// turn is one of the addresses that are known, so that who comes from many new ones at once does not keep those waiting.
type Queue struct {
	room int // for those who wait
	most int // that one person does at a time, wherever they come from; 0 for no limit

	mu      sync.Mutex
	free    int
	waiting int
	lines   map[place]*line
	known   *list.List // of *line, in the order of their turns
	strange *list.List // the same, of addresses that are not known
	turns   int        // that there were
	passed  bool       // over those who stand before a known one, the last time
	people  map[string]*person
	homes   homes
}

// place is where a line stands: for those of a customer's addresses that are known, or for the others.
type place struct {
	customer string
	known    bool
}

func (q *Queue) placeOf(address string) place {
	return place{Customer(address), q.homes.has(address)}
}

// line is who waits for a turn in one place.
type line struct {
	place
	at      *list.Element // of known or strange
	since   int           // turns that there were when it was last in the back
	waiters []*waiter     // in the order of their rounds
	round   int           // of the last who had a turn
	of      map[string]neighbour
}

// neighbour are those of one address in a line: how many wait, and the round in which the last of them has a turn.
type neighbour struct{ waiting, last int }

type waiter struct {
	told    chan error
	address string
	person  *person
	line    *line
	round   int
}

// NewQueue has so many places to work, and room for so many to wait.
func NewQueue(places, room int) *Queue {
	return &Queue{room: room, free: places, lines: map[place]*line{}, known: list.New(), strange: list.New(), people: map[string]*person{}}
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
	now := q.placeOf(address)
	if l := q.lines[place{now.customer, false}]; l != nil && now.known {
		for _, w := range slices.Clone(l.waiters) {
			if w.address == address {
				q.remove(w)
				q.stand(w)
			}
		}
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
			err = q.giveUp(w, ctx.Err())
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
	w := &waiter{told: make(chan error, 1), address: address, person: p}
	q.stand(w)
	return p, w, nil
}

// stand lets somebody wait in the line of their place: behind those of the same address, and before what others have more.
func (q *Queue) stand(w *waiter) {
	at := q.placeOf(w.address)
	l := q.lines[at]
	if l == nil {
		l = &line{place: at, of: map[string]neighbour{}}
		q.lines[at] = l
		q.putBack(l)
	}
	w.line, w.round = l, l.next(w.address)
	l.of[w.address] = neighbour{l.of[w.address].waiting + 1, w.round}
	i, _ := slices.BinarySearchFunc(l.waiters, w.round+1, func(w *waiter, round int) int { return w.round - round })
	l.waiters = slices.Insert(l.waiters, i, w)
	q.waiting++
	if p := w.person; p != nil {
		if p.waiting == nil {
			p.waiting = map[string]int{}
		}
		p.waiting[w.address]++
	}
}

// next is the round in which one more of an address has a turn.
func (l *line) next(address string) int { return max(l.round, l.of[address].last) + 1 }

// putBack lets a line be the last to have a turn.
func (q *Queue) putBack(l *line) {
	q.turns++
	l.since = q.turns
	l.at = q.listOf(l).PushBack(l)
}

func (q *Queue) listOf(l *line) *list.List {
	if l.known {
		return q.known
	}
	return q.strange
}

// makeRoom sends away the last of the longest line, or, where that is the newcomer's, the last of it if another address has more in
// it. For the first of a known address any stranger goes.
func (q *Queue) makeRoom(address string) bool {
	var longest *line
	for l := range q.inTurn {
		if longest == nil || len(l.waiters) > len(longest.waiters) {
			longest = l
		}
	}
	if longest == nil {
		return false
	}
	at, round := q.placeOf(address), 1
	own := q.lines[at]
	if own != nil {
		round = own.next(address)
	}
	switch stranger := q.strange.Back(); {
	case own == nil && len(longest.waiters) > 1 || own != nil && len(longest.waiters) > len(own.waiters)+1:
		q.sendAway(longest.waiters[len(longest.waiters)-1])
	case own != nil && own.waiters[len(own.waiters)-1].round > round:
		q.sendAway(own.waiters[len(own.waiters)-1])
	case own == nil && at.known && stranger != nil:
		l := stranger.Value.(*line)
		q.sendAway(l.waiters[len(l.waiters)-1])
	default:
		return false
	}
	return true
}

func (q *Queue) sendAway(w *waiter) {
	q.remove(w)
	w.told <- ErrBusy
	q.goes(w.person)
}

// giveUp takes a waiter out of its line, or passes the place on that it was given just now.
func (q *Queue) giveUp(w *waiter, err error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if slices.Contains(w.line.waiters, w) {
		q.remove(w)
		q.goes(w.person)
		return err
	}
	if told := <-w.told; told != nil {
		return told
	}
	q.leave(w.person)
	return err
}

// inTurn goes through all lines, whoever is next first.
func (q *Queue) inTurn(yield func(*line) bool) {
	a, b := q.known.Front(), q.strange.Front()
	for a != nil || b != nil {
		e := a
		if a == nil || b != nil && b.Value.(*line).since < a.Value.(*line).since {
			e, b = b, b.Next()
		} else {
			a = a.Next()
		}
		if !yield(e.Value.(*line)) {
			return
		}
	}
}

// next is who works next; nil if nobody may.
func (q *Queue) next() *waiter {
	first := func(l *line) *waiter {
		if i := slices.IndexFunc(l.waiters, func(w *waiter) bool { return q.may(w.person) }); i >= 0 {
			return l.waiters[i]
		}
		return nil
	}
	if q.passed = !q.passed; q.passed {
		for e := q.known.Front(); e != nil; e = e.Next() {
			if w := first(e.Value.(*line)); w != nil {
				return w
			}
		}
	}
	for l := range q.inTurn {
		if w := first(l); w != nil {
			return w
		}
	}
	return nil
}

// pass gives a free place to whoever is next, whose line is then last.
func (q *Queue) pass() {
	w := q.next()
	if w == nil {
		return
	}
	l := w.line
	l.round = max(l.round, w.round)
	if q.remove(w); len(l.waiters) > 0 {
		q.listOf(l).Remove(l.at)
		q.putBack(l)
	}
	q.begin(w.person)
	w.told <- nil
}

// remove takes a waiter out of its line, and the line away where that was the last.
func (q *Queue) remove(w *waiter) {
	l := w.line
	i := slices.Index(l.waiters, w)
	l.waiters = slices.Delete(l.waiters, i, i+1)
	others := l.of[w.address]
	if others.last == w.round {
		others.last--
	}
	if others.waiting--; others.waiting > 0 {
		l.of[w.address] = others
	} else {
		delete(l.of, w.address)
	}
	if p := w.person; p != nil {
		if p.waiting[w.address]--; p.waiting[w.address] == 0 {
			delete(p.waiting, w.address)
		}
	}
	if q.waiting--; len(l.waiters) == 0 {
		q.listOf(l).Remove(l.at)
		delete(q.lines, l.place)
	}
}
