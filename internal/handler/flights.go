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
// often it has to be done again, and seldom more than once a second however long it takes.
type flights struct {
	mu    sync.Mutex
	under map[string]*flight // way, by what is asked for
}

// flight is the work, and what came of it once it is done.
type flight struct {
	asker   string // whose turn it waits for
	version uint64 // of the products when it began
	done    chan struct{}
	page    *page
	err     error
}

var errLost = errors.New("it was given up")

// do returns what fill returns, or what another's fill returns that began at the same version or a later one. Work that failed
// for one asker is done again for the next; when it takes long, somebody from elsewhere begins anew for all who still wait.
func (fs *flights) do(ctx context.Context, key, asker string, of versions, fill func(version uint64) (*page, error)) (*page, error) {
	asked := of.Version()
	var slow *flight
	for {
		f, leads := fs.join(key, asker, of, slow)
		if leads {
			fs.lead(key, f, fill)
			return f.page, f.err
		}
		done, err := f.wait(ctx, asker)
		switch {
		case err != nil:
			return nil, apperr.Retry(apperr.Unavailable, "The shop is very busy. Please try again in a moment.", retrySoon, err)
		case !done:
			slow = f
		case f.version >= asked && (f.err == nil || forAll(f.err)), f.err == nil && f.page.holds(of):
			return f.page, f.err
		}
	}
}

// join returns the flight for a key, and whether it is the caller's to lead. One that was too slow is no longer joined.
func (fs *flights) join(key, asker string, of versions, slow *flight) (f *flight, leads bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f = fs.under[key]; f != nil && f != slow {
		return f, false
	}
	f = &flight{asker: asker, version: of.Version(), done: make(chan struct{}), err: errLost} // unless fill returns
	fs.under[key] = f
	return f, true
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

// wait reports whether the work is done; those who share the leader's turns wait for that as long as they can.
func (f *flight) wait(ctx context.Context, asker string) (done bool, err error) {
	var patience <-chan time.Time
	if asker != f.asker {
		patience = time.After(sharePatience)
	}
	select {
	case <-f.done:
		return true, nil
	case <-patience:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// forAll tells an error that everybody gets who asks for the same.
func forAll(err error) bool {
	var told *apperr.Error
	return errors.As(err, &told) && told.Code != apperr.Unavailable
}
