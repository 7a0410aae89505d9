package security

import (
	"container/list"
	"context"
	"errors"
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// ErrBusy says that so many wait already that a turn would hardly come in time.
var ErrBusy = errors.New("too many are waiting")

// Queue lets some work at a time, and others wait: those of one address in the order in which they came, and the
// addresses in turns, so that whoever comes many times at once waits for themselves and nobody else for them. Every other
// turn is one of the addresses that are known, so that who comes from many new ones at once does not keep those waiting.
type Queue struct {
	room  int                          // for those who wait
	known *lru.Cache[string, int]      // by address, of how many it is; nil where nobody is known yet
	homes *lru.Cache[string, []string] // the known addresses of somebody; nil as well

	mu      sync.Mutex
	free    int
	waiting int
	lines   map[string]*list.Element // of turns
	turns   *list.List               // of *line; whoever is next stands at the front
	passed  bool                     // over those who stand before a known one, the last time
}

// How many addresses are kept in mind, and of one person: who has one account is not known at a hundred at once.
const (
	knownAddresses = 10_000
	knownHomes     = 3
)

// line is who waits for a turn from one address.
type line struct {
	address string
	waiters []*waiter
}

type waiter struct{ told chan error }

// NewQueue has so many places to work, and room for so many to wait.
func NewQueue(places, room int) *Queue {
	return &Queue{room: room, free: places, lines: map[string]*list.Element{}, turns: list.New()}
}

// Know remembers an address from which somebody came who has proved to be no stranger, and forgets those where they were long
// ago, unless somebody else is there.
func (q *Queue) Know(address, who string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.known == nil {
		q.known, q.homes = newLRU[int](), newLRU[[]string]()
	}
	homes, _ := q.homes.Get(who)
	people, _ := q.known.Get(address)
	if at := slices.Index(homes, address); at >= 0 {
		homes = slices.Delete(slices.Clone(homes), at, at+1)
	} else {
		people++
	}
	q.known.Add(address, max(people, 1))
	if homes = append(homes, address); len(homes) > knownHomes {
		if others, ok := q.known.Peek(homes[0]); others > 1 {
			q.known.Add(homes[0], others-1)
		} else if ok {
			q.known.Remove(homes[0])
		}
		homes = homes[1:]
	}
	q.homes.Add(who, homes)
}

func newLRU[V any]() *lru.Cache[string, V] {
	cache, err := lru.New[string, V](knownAddresses)
	if err != nil {
		panic(err) // a wrong constant of our own
	}
	return cache
}

func (q *Queue) knows(address string) bool { return q.known != nil && q.known.Contains(address) }

// Enter waits for a place to work; leave gives it back. It fails when ctx ends first, and with ErrBusy where
// there is no room. When the room is full, the last of the longest line goes for the first of others.
func (q *Queue) Enter(ctx context.Context, address string) (leave func(), err error) {
	w, err := q.join(address)
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
	return q.leave, nil
}

// Waiting is how many wait.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// join takes a free place, or else stands in line and returns how.
func (q *Queue) join(address string) (*waiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.free > 0 {
		q.free--
		return nil, nil
	}
	if q.waiting >= q.room && !q.makeRoom(address) {
		return nil, ErrBusy
	}
	at, ok := q.lines[address]
	if !ok {
		at = q.turns.PushBack(&line{address: address})
		q.lines[address] = at
	}
	w := &waiter{make(chan error, 1)}
	at.Value.(*line).waiters = append(at.Value.(*line).waiters, w)
	q.waiting++
	return w, nil
}

// makeRoom sends away the last of the longest line, unless the address would then have the longest. For the first of a
// known address any stranger goes.
func (q *Queue) makeRoom(address string) bool {
	own, longest := 0, 0
	var at *list.Element
	for e := q.turns.Front(); e != nil; e = e.Next() {
		l := e.Value.(*line)
		if l.address == address {
			own = len(l.waiters)
		}
		if len(l.waiters) > longest {
			longest, at = len(l.waiters), e
		}
	}
	if longest <= own+1 {
		if at = q.lastStranger(); own > 0 || at == nil || !q.knows(address) {
			return false
		}
		longest = len(at.Value.(*line).waiters)
	}
	last := at.Value.(*line).waiters[longest-1]
	q.remove(at, longest-1)
	last.told <- ErrBusy
	return true
}

// giveUp takes a waiter out of its line, or passes the place on that it was given just now.
func (q *Queue) giveUp(address string, w *waiter, err error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at, ok := q.lines[address]; ok {
		if i := slices.Index(at.Value.(*line).waiters, w); i >= 0 {
			q.remove(at, i)
			return err
		}
	}
	if told := <-w.told; told != nil {
		return told
	}
	q.pass()
	return err
}

func (q *Queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pass()
}

func (q *Queue) lastStranger() *list.Element {
	for e := q.turns.Back(); e != nil; e = e.Prev() {
		if !q.knows(e.Value.(*line).address) {
			return e
		}
	}
	return nil
}

// next is the line whose turn it is, or nil.
func (q *Queue) next() *list.Element {
	if q.passed = !q.passed; q.passed && q.known != nil {
		for e := q.turns.Front(); e != nil; e = e.Next() {
			if q.knows(e.Value.(*line).address) {
				return e
			}
		}
	}
	return q.turns.Front()
}

// pass gives a place to whoever is next, whose address is then last.
func (q *Queue) pass() {
	at := q.next()
	if at == nil {
		q.free++
		return
	}
	next := at.Value.(*line).waiters[0]
	q.turns.MoveToBack(at)
	q.remove(at, 0)
	next.told <- nil
}

func (q *Queue) remove(at *list.Element, i int) {
	l := at.Value.(*line)
	l.waiters = slices.Delete(l.waiters, i, i+1)
	if q.waiting--; len(l.waiters) == 0 {
		q.turns.Remove(at)
		delete(q.lines, l.address)
	}
}
