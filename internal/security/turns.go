package security

import (
	"context"
	"sync"
)

// Turns lets some things at a time happen for a key, and others wait in the order in which they came. What happens for
// one key keeps nobody waiting for another.
type Turns struct {
	atOnce, room int

	mu   sync.Mutex
	keys map[string]*turn
}

// turn is the right to go on for a key, of which there are as many as free holds.
type turn struct {
	free chan struct{}
	here int // those who wait, and those who have one
}

// NewTurns allows so many things at a time for a key, and so many to be there for it, those who wait included.
func NewTurns(atOnce, room int) *Turns {
	return &Turns{atOnce: atOnce, room: room, keys: map[string]*turn{}}
}

// Enter waits for a turn of this key; leave gives it back. It fails when ctx ends first, and with ErrBusy when too many wait.
func (t *Turns) Enter(ctx context.Context, key string) (leave func(), err error) {
	own, err := t.join(key)
	if err != nil {
		return nil, err
	}
	select {
	case <-own.free:
		return func() {
			own.free <- struct{}{}
			t.part(key, own)
		}, nil
	case <-ctx.Done():
		t.part(key, own)
		return nil, ctx.Err()
	}
}

func (t *Turns) join(key string) (*turn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.keys[key]
	if own == nil {
		own = &turn{free: make(chan struct{}, t.atOnce)}
		for range t.atOnce {
			own.free <- struct{}{}
		}
		t.keys[key] = own
	}
	if own.here == t.room {
		return nil, ErrBusy
	}
	own.here++
	return own, nil
}

// part forgets a key that nobody is there for.
func (t *Turns) part(key string, own *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own.here--; own.here == 0 {
		delete(t.keys, key)
	}
}
