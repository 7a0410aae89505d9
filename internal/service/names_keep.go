package service

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
)

const maxID = math.MaxInt64

// NamesAge is how long what others change of names may be unknown to a search here.
const NamesAge = 50 * time.Millisecond

// A change is found by its time as the database server wrote it, which may be long before its COMMIT, or by the clock
// of another server of a cluster. So each look goes back by more than that: by longOverlap, unless that are too
// many names to read each time, as after an import; then by shortOverlap, and all names are read again meanwhile.
const (
	longOverlap  = 10 * time.Minute
	shortOverlap = 10 * time.Second
	manyChanges  = 2_000
	namesAtOnce  = 10_000
)

// How often all names are read again, in case something was missed: usually, and while looks go back for a short time.
const (
	rereadEvery = time.Hour
	rereadSoon  = time.Minute
)

// names keeps an index of all products' names, archived ones included. It only says which products may have a text in
// their names, and the database has the last word: what the index holds too much of costs time, what it lacks would be
// missing in an answer. Without an index, which is there some time after the first search, the database looks at all.
type names struct {
	db      *sqlx.DB
	letters *letters
	edits   atomic.Uint64 // of names by this instance: what is committed is counted
	wanted  chan struct{} // the index is to be made

	turn chan struct{} // to read names and replace at: what was read later is never replaced by what was read before
	at   atomic.Pointer[namesAt]
}

// namesAt is the index as of some time.
type namesAt struct {
	*nameIndex
	whole   bool
	read    time.Time // by the clock here, before it was read
	edits   uint64    // before it was read
	server  time.Time // by the clock of the database server, before it was read
	overlap time.Duration
	begun   time.Time // when all names were last read
	dropped int       // how often too much had changed
}

func newNames(db *sqlx.DB) *names {
	n := &names{db: db, letters: newLetters(db), wanted: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
	n.at.Store(&namesAt{nameIndex: &nameIndex{}})
	return n
}

// current returns an index that holds all that is to be found now, or nil if there is none.
func (n *names) current(ctx context.Context) (*nameIndex, error) {
	edits, asked := n.edits.Load(), time.Now()
	for {
		at := n.at.Load()
		if !at.whole {
			n.want()
			return nil, nil
		}
		if at.edits >= edits && asked.Sub(at.read) < NamesAge {
			return at.nameIndex, nil
		}
		if err := n.exclusively(ctx, func(at namesAt) (*namesAt, error) {
			if !at.whole || at.edits >= edits && asked.Sub(at.read) < NamesAge {
				return &at, nil
			}
			return n.refresh(ctx, at)
		}); err != nil {
			return nil, err
		}
	}
}

func (n *names) want() {
	select {
	case n.wanted <- struct{}{}:
	default:
	}
}

// exclusively lets change make the next state of the present one.
func (n *names) exclusively(ctx context.Context, change func(namesAt) (*namesAt, error)) error {
	select {
	case n.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-n.turn }()
	next, err := change(*n.at.Load())
	if err == nil {
		n.at.Store(next)
	}
	return err
}

// nameRow is a product's name; or the database server's time.
type nameRow struct {
	At   sql.NullTime `db:"at"`
	ID   int64        `db:"id"`
	Name string       `db:"name"`
}

// refresh reads what was changed lately. Products with ids beyond all known ones are read whatever their time: a backup
// that is loaded brings times of its own. After too many changes there is no index until all is read again.
func (n *names) refresh(ctx context.Context, at namesAt) (*namesAt, error) {
	edits, read := n.edits.Load(), time.Now()
	var list []nameRow
	if err := n.db.SelectContext(ctx, &list, `
		SELECT CURRENT_TIMESTAMP(6) AS at, 0 AS id, '' AS name
		UNION ALL
		(SELECT NULL, id, name
		FROM products FORCE INDEX (ix_products_changed)
		WHERE changed_at >= LEAST(CAST(? AS DATETIME(6)), CURRENT_TIMESTAMP(6)) - INTERVAL ? SECOND
		LIMIT ?)
		UNION ALL
		(SELECT NULL, id, name
		FROM products FORCE INDEX (PRIMARY)
		WHERE id > ?
		LIMIT ?)`, at.server, int(at.overlap.Seconds()), manyChanges+1, at.lastID(), manyChanges+1); err != nil {
		return nil, err
	}
	if len(list) > 1+manyChanges {
		n.want()
		return &namesAt{nameIndex: &nameIndex{}, dropped: at.dropped + 1}, nil
	}
	now := slices.IndexFunc(list, func(r nameRow) bool { return r.At.Valid })
	changed, err := n.read(ctx, slices.Delete(slices.Clone(list), now, now+1))
	if err != nil {
		return nil, err
	}
	for _, c := range changed {
		if !bytes.Equal(at.get(c.id), c.text) {
			at.nameIndex = at.replace(c.id, c.id, []name{c})
		}
	}
	at.read, at.edits, at.server = read, edits, list[now].At.Time
	return &at, nil
}

func (n *names) read(ctx context.Context, list []nameRow) ([]name, error) {
	texts := make([]string, len(list))
	for i, row := range list {
		texts[i] = row.Name
	}
	all, err := n.letters.of(ctx, texts...)
	if err != nil {
		return nil, err
	}
	read := make([]name, len(list))
	for i, row := range list {
		read[i] = name{row.ID, all[i]}
	}
	return read, nil
}

// AwaitNames returns when BuildNames is to be called, or false when ctx ends.
func (s *Products) AwaitNames(ctx context.Context) bool {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-s.names.wanted:
			return true
		case <-tick.C:
			if at := s.names.at.Load(); at.whole && time.Since(at.begun) > at.rereadAfter() {
				return true
			}
		}
	}
}

func (at *namesAt) rereadAfter() time.Duration {
	if at.overlap == shortOverlap {
		return rereadSoon
	}
	return rereadEvery
}

// BuildNames reads all products' names into the index that makes searches fast, and returns its size in bytes. It is for
// one caller at a time, beside any searches.
func (s *Products) BuildNames(ctx context.Context) (size int, err error) {
	begun := time.Now()
	server, overlap, err := s.names.start(ctx)
	if err != nil {
		return 0, fail("look for changed names", err)
	}
	dropped := s.names.at.Load().dropped
	for from := int64(0); from < maxID && err == nil; {
		err = s.names.exclusively(ctx, func(at namesAt) (*namesAt, error) {
			if at.dropped != dropped {
				return nil, errDropped
			}
			if at.nameIndex, from, err = s.names.part(ctx, at.nameIndex, from); err != nil {
				return nil, err
			}
			if from == maxID {
				at.begun, at.overlap, size = begun, overlap, at.bytes
			}
			if from == maxID && !at.whole {
				at.whole, at.server = true, server
			}
			return &at, nil
		})
	}
	if errors.Is(err, errDropped) { // the index is wanted again
		return 0, nil
	}
	return size, fail("read names", err)
}

var errDropped = errors.New("too much has changed meanwhile")

// start returns the database server's time, and how far back the changes after it are to be looked for.
func (n *names) start(ctx context.Context) (server time.Time, overlap time.Duration, err error) {
	var lately int
	row := n.db.QueryRowxContext(ctx, `
		SELECT CURRENT_TIMESTAMP(6), COUNT(*)
		FROM (
			SELECT id
			FROM products FORCE INDEX (ix_products_changed)
			WHERE changed_at >= CURRENT_TIMESTAMP(6) - INTERVAL ? SECOND
			LIMIT ?
		) changed`, int(longOverlap.Seconds()), manyChanges/2)
	if err := row.Scan(&server, &lately); err != nil {
		return server, 0, err
	}
	if lately == manyChanges/2 {
		return server, shortOverlap, nil
	}
	return server, longOverlap, nil
}

// part reads names with ids above one into an index, and returns up to which: the end if these are all.
func (n *names) part(ctx context.Context, x *nameIndex, above int64) (next *nameIndex, last int64, err error) {
	var list []nameRow
	if err := n.db.SelectContext(ctx, &list, `
		SELECT id, name
		FROM products FORCE INDEX (PRIMARY)
		WHERE id > ?
		ORDER BY id
		LIMIT ?`, above, namesAtOnce); err != nil {
		return nil, 0, err
	}
	read, err := n.read(ctx, list)
	if err != nil {
		return nil, 0, err
	}
	last = maxID
	if len(list) == namesAtOnce {
		last = list[len(list)-1].ID
	}
	return x.replace(above+1, last, read), last, nil
}
