package security

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns lets too many come for one key: some go at a time, in the order in which they came, and the rest is told at once.
// Another key knows nothing of it.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(2, 5)
		went := make(chan int, 5)
		end := make(chan struct{})
		for i := range 5 {
			go func() {
				leave, err := turns.Enter(t.Context(), "key")
				if err != nil {
					t.Error(err)
					return
				}
				went <- i
				<-end
				leave()
			}()
			synctest.Wait()
		}
		if len(went) != 2 {
			t.Errorf("%d go at a time", len(went))
		}
		if _, err := turns.Enter(t.Context(), "key"); !errors.Is(err, ErrBusy) {
			t.Errorf("beyond all that may wait: %v", err)
		}
		leave, err := turns.Enter(t.Context(), "other")
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

// TestTurnsGiveUp lets somebody go who waits: the turn is for the next.
func TestTurnsGiveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1, 5)
		leave, err := turns.Enter(t.Context(), "key")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.Enter(ctx, "key"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who waited for a second: %v", err)
		}
		leave()
		if leave, err = turns.Enter(t.Context(), "key"); err != nil {
			t.Fatal(err)
		}
		leave()
		if len(turns.keys) != 0 {
			t.Errorf("%d keys are kept", len(turns.keys))
		}
	})
}
