package main

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"

	"hexamart/internal/handler"
	"hexamart/internal/security"
)

// largeHeads has the places of large heads that are coming in. Those that have come in are counted by their clients, whom nobody knows
// before that.
type largeHeads struct {
	places *security.Queue                  // in which nobody waits
	of     func(conn net.Conn) netip.Prefix // whose connection it is; of nobody in particular if that is not valid
}

func newLargeHeads(of func(conn net.Conn) netip.Prefix) *largeHeads {
	return &largeHeads{security.NewQueue(handler.MaxLargeHeads, 0).AtMost(handler.LargeHeadsOfOne), of}
}

// largeHead is the place that a connection may have among them. The zero largeHead has none.
type largeHead struct{ leave atomic.Pointer[func()] }

// take reports whether there is a place, or was one already.
func (h *largeHead) take(all *largeHeads, conn net.Conn) bool {
	if all == nil || h.leave.Load() != nil {
		return true
	}
	who := ""
	if from := all.of(conn); from.IsValid() {
		who = from.String()
	}
	leave, err := all.places.EnterAs(context.Background(), "", who)
	if err == nil {
		h.leave.Store(&leave)
	}
	return err == nil
}

func (h *largeHead) giveBack() {
	if leave := h.leave.Swap(nil); leave != nil {
		(*leave)()
	}
}
