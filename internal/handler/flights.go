package handler

import (
	"context"
	"errors"
	"sync"
	"time"

	"hexamart/internal/apperr"
)

// sharePatience is for how long one waits for what is read for somebody elsewhere, who may have to wait for a turn of their own.
const sharePatience = time.Second

// flights lets those who ask for one thing at one time share the work, so that it is done once at a time however
// often it has to be done again, and twice when it takes long.
type flights struct {
	mu    sync.Mutex
	under map[string]*flight // way, by what is asked for: the last one that was begun
}

// flight is the work, and what came of it once it is done.
type flight struct {
	asker   string  // whose turn it waits for
	version uint64  // of the products when it began
	before  *flight // that took so long that this one was begun beside it, nil if none
	done    chan struct{}
	page    *page
	err     error
}

var errLost = errors.New("it was given up")

// do returns what fill returns, or what another's fill returns that began at the same version or a later one. Work that failed
// for one asker is done again for the next; when it takes long, one from elsewhere begins anew, and all others have what comes first.
func (fs *flights) do(ctx context.Context, key, asker string, of versions, fill func(version uint64) (*page, error)) (*page, error) {
	asked := of.Version()
	var slow, useless *flight
	for {
		f, before, leads := fs.join(key, asker, of, slow)
		if leads {
			fs.lead(key, f, fill)
			return f.page, f.err
		}
		done, err := f.wait(ctx, asker, before, useless)
		switch {
		case err != nil:
			return nil, apperr.Retry(apperr.Unavailable, "The shop is very busy. Please try again in a moment.", retrySoon, err)
		case done == nil:
			slow = f
		case done.version >= asked && (done.err == nil || forAll(done.err)), done.err == nil && done.page.holds(of):
			return done.page, done.err
		default:
			useless = done
		}
	}
}

// join returns the flight for a key, the one before it, and whether it is the caller's to lead: one that begins anew where the last one
// is slow, but not beside two.
func (fs *flights) join(key, asker string, of versions, slow *flight) (f, before *flight, leads bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	last := fs.under[key]
	if last != nil && (last != slow || last.before.underWay()) {
		return last, last.before, false
	}
	if last != nil {
		last.before = nil // else each would keep all that were before it
	}
	f = &flight{asker: asker, version: of.Version(), before: last, done: make(chan struct{}), err: errLost} // unless fill returns
	fs.under[key] = f
	return f, last, true
}

func (f *flight) underWay() bool {
	if f == nil {
		return false
	}
	select {
	case <-f.done:
		return false
	default:
		return true
	}
}

func (fs *flights) lead(key string, f *flight, fill func(version uint64) (*page, error)) {
	defer func() {
		fs.mu.Lock()
		if fs.under[key] == f {
			delete(fs.under, key)
		}
		fs.mu.Unlock()
		close(f.done)
	}()
	f.page, f.err = fill(f.version)
}

// wait returns the flight that is done first, this one or the slow one beside it unless that is known to be useless, or nil when that
// takes long. Those who share the leader's turns wait for that as long as they can.
func (f *flight) wait(ctx context.Context, asker string, before, useless *flight) (done *flight, err error) {
	var patience <-chan time.Time
	if asker != f.asker {
		patience = time.After(sharePatience)
	}
	var slow <-chan struct{}
	if before != nil && before != useless {
		slow = before.done
	}
	select {
	case <-f.done:
		return f, nil
	case <-slow:
		return before, nil
	case <-patience:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// forAll tells an error that everybody gets who asks for the same.
func forAll(err error) bool {
	var told *apperr.Error
	return errors.As(err, &told) && told.Code != apperr.Unavailable
}
