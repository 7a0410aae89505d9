package database

import (
	"context"
	"errors"
	"time"
)

// afterHangUp is for how long a statement goes on whose client has gone: longer than it may wait for a row. The driver can stop
// one only by closing its connection, and who hangs up again and again would have the shop connect all the time. Where a
// server hears of a hundred connections that were given up before they were made, it takes none from that machine any more.
const afterHangUp = 6 * time.Second

type clientsKey struct{}

// ForClients marks the context of requests, whose clients may hang up at any time: what is done for them outlives that for a while.
func ForClients(ctx context.Context) context.Context {
	return context.WithValue(ctx, clientsKey{}, true)
}

// outliving is a context that is done when ctx has reached its deadline, but if ctx is cancelled only a while later.
type outliving struct {
	context.Context // the caller's
	done            chan struct{}
}

// outlive returns such a context for what is done on a connection, until end is called. If ctx is not ForClients it is that itself.
func outlive(ctx context.Context) (longer context.Context, end func() bool) {
	if ctx.Done() == nil || ctx.Value(clientsKey{}) == nil {
		return ctx, func() bool { return true }
	}
	o := outliving{ctx, make(chan struct{})}
	return o, context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			close(o.done)
			return
		}
		time.AfterFunc(afterHangUp, func() { close(o.done) })
	})
}

// Done implements context.Context.
func (o outliving) Done() <-chan struct{} { return o.done }

// Err implements context.Context.
func (o outliving) Err() error {
	select {
	case <-o.done:
		return o.Context.Err()
	default:
		return nil
	}
}
