package handler

import (
	"context"
	"errors"
	"sync"
	"time"

	"hexamart/internal/apperr"
)

// sharePatience is for how long one waits for what is read for another, who may have to wait for a turn of their own.
const sharePatience = time.Second

// flights lets those who ask for one thing at one time share the work, so that it is done once at a time however
// often it has to be done again.
type flights struct {
	mu    sync.Mutex
	under map[string]*flight // way, by what is asked for
}

// flight is the work, and what came of it once it is done.
type flight struct {
	version uint64 // of the products when it began
	done    chan struct{}
	page    *page
	err     error
}

var errLost = errors.New("it was given up")

// do returns what fill returns, or what another's fill returns that began at the same version or a later one. What
// became of another's work is an answer for them alone if it failed: then, or when it takes long, one does it oneself.
func (fs *flights) do(ctx context.Context, key string, version func() uint64, fill func(version uint64) (*page, error)) (*page, error) {
	asked := version()
	patience := time.NewTimer(sharePatience)
	defer patience.Stop()
	for {
		f, leads := fs.join(key, version)
		if leads {
			fs.lead(key, f, fill)
			return f.page, f.err
		}
		select {
		case <-f.done:
			if f.version >= asked && (f.err == nil || forAll(f.err)) {
				return f.page, f.err
			}
		case <-patience.C:
			return fill(version())
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// join returns the flight for a key, and whether it is the caller's to lead.
func (fs *flights) join(key string, version func() uint64) (f *flight, leads bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f = fs.under[key]; f != nil {
		return f, false
	}
	f = &flight{version: version(), done: make(chan struct{}), err: errLost} // unless fill returns
	fs.under[key] = f
	return f, true
}

func (fs *flights) lead(key string, f *flight, fill func(version uint64) (*page, error)) {
	defer func() {
		fs.mu.Lock()
		delete(fs.under, key)
		fs.mu.Unlock()
		close(f.done)
	}()
	f.page, f.err = fill(f.version)
}

// forAll tells an error that everybody gets who asks for the same.
func forAll(err error) bool {
	var told *apperr.Error
	return errors.As(err, &told) && told.Code != apperr.Unavailable
}
