package security

import (
	"context"
	"sync"
)

// Turns lets some things at a time happen for a key, and others wait, as in a Queue of the key's own. What happens for one key keeps
// nobody waiting for another.
type Turns struct {
	places, room int

	mu   sync.Mutex
	keys map[string]*keyTurns
}

type keyTurns struct {
	*Queue
	here int // those who wait, and those who have a place
}

// NewTurns has so many places for each key, and room for so many to wait.
func NewTurns(places, room int) *Turns {
	return &Turns{places: places, room: room, keys: map[string]*keyTurns{}}
}

// Enter is Queue.Enter for a key.
func (t *Turns) Enter(ctx context.Context, key, address string) (leave func(), err error) {
	own := t.join(key)
	back, err := own.Enter(ctx, address)
	if err != nil {
		t.part(key, own)
		return nil, err
	}
	return func() {
		back()
		t.part(key, own)
	}, nil
}

func (t *Turns) join(key string) *keyTurns {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.keys[key]
	if own == nil {
		own = &keyTurns{Queue: NewQueue(t.places, t.room)}
		t.keys[key] = own
	}
	own.here++
	return own
}

// part forgets a key that nobody is there for.
func (t *Turns) part(key string, own *keyTurns) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own.here--; own.here == 0 {
		delete(t.keys, key)
	}
}
