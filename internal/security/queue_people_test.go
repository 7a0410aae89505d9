package security

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

// TestQueueWaitingOfOne has somebody with another's token wait as often as they may, from few addresses and from many: no more than
// that wait, and the person gets in at an address of their own, in the end only where it is known.
func TestQueueWaitingOfOne(t *testing.T) {
	t.Parallel()
	const most = 2
	for addresses, wants := range map[int][2]error{4: {nil, nil}, 1000: {ErrBusy, nil}} { // at a strange address, and at a known one
		t.Run(fmt.Sprint(addresses), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				q := NewQueue(most, 1000).AtMost(most)
				answers, leaves := make(chan error, 1000), make(chan func(), 1000)
				come := func(address string) {
					go func() {
						leave, err := q.EnterAs(ctx, address, "ann")
						if err == nil {
							leaves <- leave
						}
						answers <- err
					}()
					synctest.Wait()
				}
				for i := range 3 * most * waitingOfOne {
					come(fmt.Sprint("elsewhere ", i%addresses))
				}
				if q.Waiting() != most*waitingOfOne || len(answers) != 2*q.Waiting() {
					t.Errorf("%d wait, and %d have an answer", q.Waiting(), len(answers))
				}
				q.Know("home", "ann")
				for i, address := range []string{"café", "home"} {
					for len(answers) > 0 {
						<-answers
					}
					come(address)
					q.mu.Lock()
					_, waits := q.lines[q.placeOf(address)]
					q.mu.Unlock()
					if waits != (wants[i] == nil) || q.Waiting() != most*waitingOfOne {
						t.Errorf("at %s: waits: %t, of %d", address, waits, q.Waiting())
					}
					if err := <-answers; !errors.Is(err, ErrBusy) { // of whoever had to go
						t.Error(err)
					}
				}
				cancel()
				synctest.Wait()
				for len(leaves) > 0 {
					(<-leaves)()
				}
				checkEmpty(t, q, most)
			})
		})
	}
}
