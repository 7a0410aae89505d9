package security

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns lets too many come for one key: some go at a time, in the order in which they came, and the rest is told at once.
// Another key knows nothing of it, nor does the next who comes when all have gone.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(2, 3)
		went, end := make(chan int, 5), make(chan struct{})
		for i := range 5 {
			enters(t, turns, "198.51.100.1", func() { went <- i }, end)
		}
		if len(went) != 2 {
			t.Errorf("%d go at a time", len(went))
		}
		if _, err := turns.Enter(t.Context(), "key", "198.51.100.1"); !errors.Is(err, ErrBusy) {
			t.Errorf("beyond all that may wait: %v", err)
		}
		leave, err := turns.Enter(t.Context(), "other", "198.51.100.1")
		if err != nil {
			t.Fatal(err)
		}
		leave()
		for range 5 {
			end <- struct{}{}
			synctest.Wait()
		}
		for i := range 5 {
			if got := <-went; got != i {
				t.Errorf("%d went as number %d", got, i)
			}
		}
		if len(turns.keys) != 0 {
			t.Errorf("%d keys are kept", len(turns.keys))
		}
	})
}

// enters lets somebody wait for a turn, do something in it, and stay until told to end.
func enters(t *testing.T, turns *Turns, address string, do func(), end <-chan struct{}) {
	go func() {
		leave, err := turns.Enter(t.Context(), "key", address)
		if err != nil {
			t.Error(err)
			return
		}
		do()
		<-end
		leave()
	}()
	synctest.Wait()
}

// TestTurnsAreFair has one address come for a key as often as may wait: who comes from another has the next turn.
func TestTurnsAreFair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1, 100)
		end := make(chan struct{})
		var went []string
		for range 20 {
			enters(t, turns, "198.51.100.1", func() { went = append(went, "many") }, end)
		}
		enters(t, turns, "203.0.113.1", func() { went = append(went, "other") }, end)
		for range 21 {
			end <- struct{}{}
			synctest.Wait()
		}
		if at := slices.Index(went, "other"); at > 2 || at < 0 {
			t.Errorf("the other went as number %d", at)
		}
	})
}

// TestTurnsGiveUp lets somebody go who waits: the turn is for the next.
func TestTurnsGiveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1, 5)
		leave, err := turns.Enter(t.Context(), "key", "198.51.100.1")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.Enter(ctx, "key", "198.51.100.1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who waited for a second: %v", err)
		}
		leave()
		if leave, err = turns.Enter(t.Context(), "key", "198.51.100.1"); err != nil {
			t.Fatal(err)
		}
		leave()
		if len(turns.keys) != 0 {
			t.Errorf("%d keys are kept", len(turns.keys))
		}
	})
}
