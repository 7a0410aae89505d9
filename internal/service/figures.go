package service

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
)

// figures keeps what a dashboard would otherwise add up from every order: the summary of some moment before,
// to which each dashboard adds what has happened since. See summary for how.
type figures struct {
	db    *sqlx.DB
	kept  atomic.Pointer[summary]
	turn  chan struct{}          // whoever reads many orders holds it
	asked atomic.Int64           // when a dashboard last was asked for: nanoseconds since 1970
	owed  atomic.Pointer[string] // the day of a window for which somebody did not have the time to wait

	manyNews   int           // so many rows of history are worth being added up once and for all
	settleTime time.Duration // no transaction that writes history lasts for so long
	renewAfter time.Duration // a change of which history does not tell shows after twice this at the latest
}

// How long what nobody asks for is kept, and for how many different days products are summed up.
const (
	figuresIdle = 15 * time.Minute
	maxWindows  = 4
)

func newFigures(db *sqlx.DB) *figures {
	return &figures{db: db, turn: make(chan struct{}, 1), manyNews: 200, settleTime: time.Minute, renewAfter: 5 * time.Minute}
}

// since returns a summary that has a window from a day on, and is not too old.
func (f *figures) since(ctx context.Context, day string) (*summary, *window, error) {
	f.asked.Store(time.Now().UnixNano())
	if s, w := f.current(day); w != nil {
		return s, w, nil
	}
	leave, err := f.enter(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	s, w := f.current(day)
	if w != nil { // read by somebody else meanwhile
		return s, w, nil
	}
	if err = errBehind; s != nil {
		s, err = f.addWindow(ctx, s, day)
	}
	if errors.Is(err, errBehind) {
		s, err = f.readAll(ctx, day)
	}
	if err != nil && ctx.Err() != nil {
		f.owed.Store(&day)
	}
	if err != nil {
		return nil, nil, err
	}
	f.kept.Store(s)
	return s, s.window(day), nil
}

// current returns what is kept, unless it is too old, and its window, if it has that one.
func (f *figures) current(day string) (*summary, *window) {
	s := f.kept.Load()
	if s == nil || time.Since(s.readAt) > 2*f.renewAfter {
		return nil, nil
	}
	w := s.window(day)
	if w != nil {
		w.asked.Store(time.Now().UnixNano())
	}
	return s, w
}

func (f *figures) enter(ctx context.Context) (leave func(), err error) {
	select {
	case f.turn <- struct{}{}:
		return func() { <-f.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readAll reads a summary from all orders, with the windows that are in use and one from a further day on.
func (f *figures) readAll(ctx context.Context, further string) (*summary, error) {
	old := f.kept.Load()
	if old == nil {
		old = &summary{}
	}
	days := old.daysInUse()
	if further != "" {
		days = withDay(days, further)
	}
	var s *summary
	err := database.InSnapshot(ctx, f.db, func(tx *sqlx.Tx) (err error) {
		s = &summary{readAt: time.Now()}
		if s.history, err = readPosition(ctx, tx, old.history, f.settleTime); err != nil {
			return err
		}
		if s.sums, err = readSums(ctx, tx); err != nil {
			return err
		}
		for _, day := range days {
			w, err := readWindow(ctx, tx, day)
			if err != nil {
				return err
			}
			if known := old.window(day); known != nil {
				w.asked = known.asked
			}
			s.windows = append(s.windows, w)
		}
		return nil
	})
	return s, err
}

// addWindow reads one more window, and brings all else to the same moment.
func (f *figures) addWindow(ctx context.Context, old *summary, day string) (*summary, error) {
	var s *summary
	err := database.InSnapshot(ctx, f.db, func(tx *sqlx.Tx) error {
		news, err := readNews(ctx, tx, old.history)
		if err != nil {
			return err
		}
		w, err := readWindow(ctx, tx, day)
		if err != nil {
			return err
		}
		s = old.keeping(withDay(old.daysInUse(), day)).plus(news, f.settleTime)
		s.windows = append(s.windows, w)
		return nil
	})
	return s, err
}

// follow keeps the summary with the news that a dashboard has read, where that saves the next one some reading.
func (f *figures) follow(s *summary, n news) {
	worth := len(n.ids) >= f.manyNews && (len(n.changes) >= f.manyNews || time.Since(s.history.at()) > f.settleTime/10)
	if worth && f.kept.Load() == s {
		f.kept.CompareAndSwap(s, s.plus(n, f.settleTime))
	}
}

// forget lets go of all that is kept.
func (f *figures) forget() { f.kept.Store(nil) }

// renew reads what is owed, or everything again if it is time, and lets go of it when nobody asks any more.
func (f *figures) renew(ctx context.Context) error {
	if day := f.owed.Swap(nil); day != nil {
		_, _, err := f.since(ctx, *day)
		return err
	}
	s := f.kept.Load()
	switch {
	case s == nil || time.Since(s.readAt) < f.renewAfter:
		return nil
	case time.Since(time.Unix(0, f.asked.Load())) > figuresIdle:
		f.forget()
		return nil
	}
	leave, err := f.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if s, err = f.readAll(ctx, ""); err == nil {
		f.kept.Store(s)
	}
	return err
}
