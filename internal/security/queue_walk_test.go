package security

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// walk is a queue in which people come, work, leave and give up at random.
type walk struct {
	*Queue
	*rand.Rand
	places  int
	working []*person
	waiting []*waiter
}

func (w *walk) step() error {
	switch at := w.IntN(10); {
	case at < 5:
		p, waiter, err := w.join(w.address(), w.who())
		switch {
		case errors.Is(err, ErrBusy):
		case err != nil:
			return err
		case waiter != nil:
			w.waiting = append(w.waiting, waiter)
		default:
			w.working = append(w.working, p)
		}
	case at < 8 && len(w.working) > 0:
		i := w.IntN(len(w.working))
		p := w.working[i]
		w.working = slices.Delete(w.working, i, i+1)
		w.leave(p)
	case at < 9 && len(w.waiting) > 0:
		i := w.IntN(len(w.waiting))
		gone := w.waiting[i]
		w.waiting = slices.Delete(w.waiting, i, i+1)
		if err := w.giveUp(gone, context.Canceled); !errors.Is(err, context.Canceled) && !errors.Is(err, ErrBusy) {
			return fmt.Errorf("who gave up got %w", err)
		}
	default:
		w.Know(w.address(), w.who()+"!")
	}
	if w.IntN(3) > 0 { // else they hear of it later, or give up before
		w.hear()
	}
	return w.check()
}

// address is one of few: of IPv4, and in two networks of 48 bits.
func (w *walk) address() string {
	if n := w.IntN(8); n < 3 {
		return fmt.Sprint("192.0.2.", n)
	}
	return fmt.Sprintf("2001:db8:%d:%d::/64", w.IntN(2), w.IntN(4))
}

func (w *walk) who() string { return []string{"", "ann", "ben", "carl"}[w.IntN(4)] }

// hear lets those who wait hear what they were told.
func (w *walk) hear() {
	w.waiting = slices.DeleteFunc(w.waiting, func(waiter *waiter) bool {
		select {
		case err := <-waiter.told:
			if err == nil {
				w.working = append(w.working, waiter.person)
			}
			return true
		default:
			return false
		}
	})
}

// check finds what does not fit together.
func (w *walk) check() error {
	working, here := map[*person]int{}, map[*person]int{}
	places := w.places - w.free
	for _, waiter := range w.waiting { // told, and have not heard of it: a person of whom most is asked counts them
		if !slices.Contains(waiter.line.waiters, waiter) && len(waiter.told) == 1 {
			if err := <-waiter.told; err == nil {
				places--
				working[waiter.person]++
				here[waiter.person]++
				waiter.told <- nil
			} else {
				waiter.told <- err
			}
		}
	}
	for _, p := range w.working {
		places--
		working[p]++
		here[p]++
	}
	if places != 0 || w.free < 0 || w.Queue.waiting > w.room {
		return fmt.Errorf("%d places are free, %d are nobody's, %d wait", w.free, places, w.Queue.waiting)
	}
	waiting := 0
	waits := map[*person]map[string]int{}
	for at, l := range w.lines {
		if len(l.waiters) == 0 || l.place != at || l.at.Value.(*line) != l {
			return fmt.Errorf("the line of %v has %d who wait", at, len(l.waiters))
		}
		waiting += len(l.waiters)
		of, last := map[string]neighbour{}, 0
		for _, waiter := range l.waiters {
			if waiter.line != l || waiter.round < last {
				return fmt.Errorf("in the line of %v round %d comes after %d", at, waiter.round, last)
			}
			last = waiter.round
			of[waiter.address] = neighbour{of[waiter.address].waiting + 1, waiter.round}
			if p := waiter.person; p != nil {
				here[p]++
				if waits[p] == nil {
					waits[p] = map[string]int{}
				}
				waits[p][waiter.address]++
			}
			if w.free > 0 && w.may(waiter.person) {
				return fmt.Errorf("somebody at %s waits while %d places are free", waiter.address, w.free)
			}
		}
		for address, n := range of {
			if got := l.of[address]; got.waiting != n.waiting || got.last < n.last {
				return fmt.Errorf("of %s in the line of %v wait %v, and not %v", address, at, n, got)
			}
		}
		if len(of) != len(l.of) {
			return fmt.Errorf("the line of %v knows %d addresses of %d", at, len(l.of), len(of))
		}
	}
	if waiting != w.Queue.waiting || len(w.lines) != w.known.Len()+w.strange.Len() {
		return fmt.Errorf("%d wait, and %d are counted, in %d lines", waiting, w.Queue.waiting, len(w.lines))
	}
	for name, p := range w.people {
		if p.name != name || p.here != here[p] || p.working != working[p] || p.working > w.most || fmt.Sprint(p.waiting) != fmt.Sprint(waits[p]) {
			return fmt.Errorf("%s: %+v, and here are %d, %d work, %v wait", name, *p, here[p], working[p], waits[p])
		}
	}
	return nil
}

// TestQueueWalk checks after each of many steps that all that a queue remembers fits together, that nobody waits for a place that is
// free, and in the end that nothing is left.
func TestQueueWalk(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		w := walk{Queue: NewQueue(1+int(seed%4), 12), Rand: rand.New(rand.NewPCG(seed, 0))}
		w.places = w.free
		if seed%3 > 0 {
			w.AtMost(int(seed % 3))
		}
		for i := range 2000 {
			if err := w.step(); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, i, err)
			}
		}
		for w.hear(); len(w.working) > 0; w.hear() {
			w.leave(w.working[0])
			w.working = w.working[1:]
		}
		if len(w.waiting) > 0 {
			t.Errorf("seed %d: %d wait for ever", seed, len(w.waiting))
		}
		checkEmpty(t, w.Queue, w.places)
	}
}
