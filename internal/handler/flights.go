package handler

import (
	"context"
	"errors"
	"sync"
	"time"

	"hexamart/internal/apperr"
	"hexamart/internal/security"
)

// How long one waits for what is done for somebody elsewhere before doing it as well: while that has no turn yet, for which
// whoever asks for much waits long, and in all.
const (
	turnPatience  = 50 * time.Millisecond
	sharePatience = time.Second
)

// How often one thing is done at a time, and how many wait for a turn to do it before that takes sharePatience.
const (
	mostDoing = 2
	mostTurns = 32

	mostOfCustomer = 4 // from as many networks of IPv6
)

// flights lets those who ask for one thing at one time share the work, so that it is done once at a time however
// often it has to be done again, and twice when it takes long.
type flights struct {
	mu    sync.Mutex
	under map[string]*flight // way, by what is asked for
}

// flight is the work on one thing, which several may lead, and what came of it last.
type flight struct {
	leaders map[string]int // by address, and by the customer whose it is: whose turns they wait for
	leading int            // how many do
	doing   int            // those of them that have their turn
	last    landing
	landed  int           // how often
	changed chan struct{} // closed with the next landing
}

// landing is what came of the work.
type landing struct {
	version uint64 // of the products when it began
	page    *page
	err     error
}

var (
	errLost     = errors.New("it was given up")
	errNoNeedTo = errors.New("it is done by others")
)

// serves reports whether it is for whoever asked at a version: of that or a later one, or still shown.
func (l landing) serves(asked uint64, of versions) bool {
	return l.version >= asked && (l.err == nil || forAll(l.err)) || l.err == nil && l.page.holds(of)
}

// fillPage does the work. It calls begin when its turn has come, and returns the error that it gives.
type fillPage func(version uint64, begin func() error) (*page, error)

// asking is one who asks.
type asking struct {
	*flights
	key, asker string
	of         versions
	version    uint64 // of the products when they came
	since      time.Time
	flight     *flight
	seen       int // landings of it
	began      bool
}

// do returns what fill returns, or what another's fill returns that began at the same version or a later one. Work that failed
// for one asker is done again for the next; when it takes long, one from elsewhere begins anew, and all others have what comes first.
func (fs *flights) do(ctx context.Context, key, asker string, of versions, fill fillPage) (*page, error) {
	a := &asking{flights: fs, key: key, asker: asker, of: of, version: of.Version(), since: time.Now()}
	for {
		landed, leads, changed, patience := a.look()
		switch {
		case landed != nil:
			return landed.page, landed.err
		case leads:
			if p, err := a.lead(fill); !errors.Is(err, errNoNeedTo) {
				return p, err
			}
		default:
			select {
			case <-changed:
			case <-patience:
			case <-ctx.Done():
				return nil, busy(ctx.Err())
			}
		}
	}
}

// busy is for who has waited too long for a turn.
func busy(err error) error {
	return apperr.Retry(apperr.Unavailable, "The shop is very busy. Please try again in a moment.", retrySoon, err)
}

// look returns what has landed for the asker, or whether it is theirs to lead, which is then so, or what to wait for.
func (a *asking) look() (landed *landing, leads bool, changed <-chan struct{}, patience <-chan time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.has() {
		return new(a.flight.last), false, nil, nil
	}
	if a.flight == nil || a.flight.leading == 0 {
		if a.flight = a.under[a.key]; a.flight == nil {
			a.flight = &flight{leaders: map[string]int{}, changed: make(chan struct{})}
			a.under[a.key] = a.flight
		}
	}
	f := a.flight
	a.seen = f.landed
	leads, wait := f.takes(a.asker, time.Since(a.since))
	if leads {
		f.leading++
		for _, name := range a.names() {
			f.leaders[name]++
		}
		a.began = false
	} else if wait > 0 {
		patience = time.After(wait)
	}
	return nil, leads, f.changed, patience
}

// names are those under which the asker leads.
func (a *asking) names() []string {
	if customer := security.Customer(a.asker); customer != a.asker {
		return []string{a.asker, customer}
	}
	return []string{a.asker}
}

// has reports whether something has landed that serves the asker.
func (a *asking) has() bool {
	return a.flight != nil && a.flight.landed > a.seen && a.flight.last.serves(a.version, a.of)
}

// takes reports whether another leader is wanted who has waited for so long, or else for how long they go on, 0 for ever. Those
// who share a leader's turns have nothing to win by it.
func (f *flight) takes(asker string, waited time.Duration) (another bool, wait time.Duration) {
	switch {
	case f.leading == 0:
		return true, 0
	case f.leaders[asker] > 0 || f.leaders[security.Customer(asker)] >= mostOfCustomer:
		return false, 0
	case waited < turnPatience:
		return false, turnPatience - waited
	case waited < sharePatience && (f.doing > 0 || f.leading >= mostTurns):
		return false, sharePatience - waited
	default: // as many as like to while none has a turn: they stand in lines of their own
		return f.doing < mostDoing && (f.doing == 0 || f.leading < mostTurns), 0
	}
}

// lead does the work, unless it turns out that there is no need to when its turn comes.
func (a *asking) lead(fill fillPage) (*page, error) {
	l := landing{version: a.of.Version(), err: errLost} // unless fill returns
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.land(l)
	}()
	l.page, l.err = fill(l.version, a.begin)
	return l.page, l.err
}

// begin is for fill.
func (a *asking) begin() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.began {
		return nil
	}
	if a.has() || a.flight.doing >= mostDoing {
		return errNoNeedTo
	}
	a.began = true
	a.flight.doing++
	return nil
}

func (a *asking) land(l landing) {
	f := a.flight
	f.leading--
	for _, name := range a.names() {
		if f.leaders[name]--; f.leaders[name] == 0 {
			delete(f.leaders, name)
		}
	}
	if a.began {
		f.doing--
	}
	if f.leading == 0 {
		delete(a.under, a.key)
	}
	if !errors.Is(l.err, errNoNeedTo) {
		f.last = l
		f.landed++
	} else if f.leading > 0 { // for whom others wait
		return
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

// forAll tells an error that everybody gets who asks for the same.
func forAll(err error) bool {
	var told *apperr.Error
	return errors.As(err, &told) && told.Code != apperr.Unavailable
}
