package security

import (
	"context"
	"errors"
	"runtime"
	"testing"
)

// TestHashingIsBounded takes all slots there are: half of the processors stay free, some may wait, and
// no more than would get through in time.
func TestHashingIsBounded(t *testing.T) {
	t.Parallel()
	p := NewPasswords(4)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var releases []func()
	for {
		release, err := p.Slot(gone)
		if err != nil && len(p.slots) < cap(p.slots) {
			continue // of two that can go on, select takes either
		}
		if err != nil {
			break
		}
		releases = append(releases, release)
	}
	if n := len(releases); n != max(1, runtime.GOMAXPROCS(0)/2) {
		t.Errorf("%d passwords are hashed at once on %d processors", n, runtime.GOMAXPROCS(0))
	}
	if _, err := p.Slot(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting in vain ended with %v", err)
	}
	waited := make(chan error)
	waiting := queuePerSlot * len(releases)
	for range waiting {
		go func() {
			release, err := p.Slot(context.Background())
			if err == nil {
				release()
			}
			waited <- err
		}()
	}
	for len(p.queue) < cap(p.queue) {
		runtime.Gosched()
	}
	if _, err := p.Slot(t.Context()); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many got %v", err)
	}
	for _, release := range releases {
		release()
	}
	for range waiting {
		if err := <-waited; err != nil {
			t.Errorf("one that waited got %v", err)
		}
	}
	if len(p.slots) != 0 || len(p.queue) != 0 {
		t.Errorf("%d slots and %d places are still taken", len(p.slots), len(p.queue))
	}
}
