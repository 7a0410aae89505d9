package security

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestQueueOfNetworks floods a queue from many networks of one customer's, known or not: whoever comes from elsewhere is next, and
// the networks have their turns one after the other, however many wait for one of them.
func TestQueueOfNetworks(t *testing.T) {
	t.Parallel()
	of := func(wide, n int) string { return fmt.Sprintf("2001:db8:%x:%x::/64", wide, n) }
	for name, known := range map[string]bool{"Strange": false, "Known": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, 100)
			know := func(address string) {
				if known {
					s.Know(address, address)
				}
			}
			for i := range 20 {
				know(of(1, i))
				s.come(t.Context(), fmt.Sprint("f", i), of(1, i))
			}
			for i := range 10 {
				s.come(t.Context(), fmt.Sprint("g", i), of(1, 0))
			}
			for _, who := range []struct{ name, address string }{{"ann", of(2, 1)}, {"ben", "192.0.2.1"}, {"neighbour", of(1, 100)}} {
				know(who.address)
				s.come(t.Context(), who.name, who.address)
			}
			s.leave()
			order := strings.Fields(s.rest())
			if len(order) != 33 || slices.Index(order, "ann") > 2 || slices.Index(order, "ben") > 2 || slices.Index(order, "neighbour") > 22 {
				t.Errorf("the order is %v", order)
			}
			checkEmpty(t, s.Queue, 1)
		})
	}
	t.Run("Full", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, 4)
		for i, address := range []string{of(1, 1), of(1, 2), of(1, 1), of(1, 3)} {
			s.come(t.Context(), fmt.Sprint("f", i), address)
		}
		s.come(t.Context(), "neighbour", of(1, 4)) // for whom f2 goes, the second of its network
		if _, err := s.Enter(t.Context(), of(1, 5)); !errors.Is(err, ErrBusy) {
			t.Errorf("one more neighbour got %v", err)
		}
		s.leave()
		if order := s.rest(); order != "-f2 f0 f1 f3 neighbour" {
			t.Errorf("the order is %s", order)
		}
		checkEmpty(t, s.Queue, 1)
	})
	t.Run("FullForOthers", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, 3)
		for i := range 3 {
			s.come(t.Context(), fmt.Sprint("f", i), of(1, i))
		}
		s.come(t.Context(), "ann", of(2, 1)) // for whom the last of the other customer goes
		s.leave()
		if order := s.rest(); order != "-f2 f0 ann f1" {
			t.Errorf("the order is %s", order)
		}
		checkEmpty(t, s.Queue, 1)
	})
	t.Run("KnownMeanwhile", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, 100)
		for i := range 20 {
			s.come(t.Context(), fmt.Sprint("f", i), of(1, i))
			s.come(t.Context(), fmt.Sprint("g", i), fmt.Sprint("192.0.2.", i))
		}
		s.Know(of(1, 19), "ann")
		s.leave()
		if order := strings.Fields(s.rest()); len(order) != 40 || slices.Index(order, "f19") > 1 {
			t.Errorf("the order is %v", order)
		}
		checkEmpty(t, s.Queue, 1)
	})
}
