package database

import (
	"context"
	"errors"
	"time"
)

// afterHangUp is for how long a statement goes on whose caller has gone: longer than it may wait for a row. The driver can stop
// one only by closing its connection, and who hangs up again and again would have the shop connect all the time. Where a
// server hears of a hundred connections that were given up before they were made, it takes none from that machine any more.
const afterHangUp = 6 * time.Second

// outlive returns a context for what is done on a connection, until end is called. It has the deadline of ctx, but if ctx is
// cancelled it goes on for a while.
func outlive(ctx context.Context) (longer context.Context, end func()) {
	if ctx.Done() == nil {
		return ctx, func() {}
	}
	var cancel context.CancelFunc
	if deadline, ok := ctx.Deadline(); ok {
		longer, cancel = context.WithDeadline(context.WithoutCancel(ctx), deadline)
	} else {
		longer, cancel = context.WithCancel(context.WithoutCancel(ctx))
	}
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			time.AfterFunc(afterHangUp, cancel)
		}
	})
	return longer, func() {
		stop()
		cancel()
	}
}
