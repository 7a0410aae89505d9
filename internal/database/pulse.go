package database

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"
)

// How often the pulse is felt: while all is well, and while the database is away; and how long a sign
// of life may take.
const (
	beatEvery    = 500 * time.Millisecond
	awayEvery    = 200 * time.Millisecond
	beatPatience = 1500 * time.Millisecond
)

// pulse asks a database for signs of life, on a connection of its own: a busy pool is not an absent
// database.
type pulse struct {
	*connector
	log  *slog.Logger
	conn *conn     // nil if there is none
	left *host     // that gave signs of life when it was left, and need not do so now; nil if there is none
	gone time.Time // since when the database is away
}

// Watch feels the pulse of a pool's database until ctx ends. When the host in use gives no sign of life,
// neither on a connection that is there nor on a new one, all connections to it are ended, whatever they
// wait for, and new ones go to the next host. While no host does, the database is away: everything that
// needs it fails at once with an error that IsUnavailable knows. It is back with the first answer.
func Watch(ctx context.Context, db *sqlx.DB, log *slog.Logger) {
	c, ok := db.Driver().(*connector)
	if !ok {
		panic("database: the pool is not one of Open's")
	}
	p := &pulse{connector: c, log: log}
	defer p.end()
	for ctx.Err() == nil {
		p.beat(ctx)
		pause := beatEvery
		if c.away.Load() {
			pause = awayEvery
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// end leaves nobody waiting for a pulse that is not felt any more.
func (p *pulse) end() {
	p.drop()
	p.away.Store(false)
}

func (p *pulse) drop() {
	if p.conn != nil {
		_ = p.conn.Close()
		p.conn = nil
	}
}

func (p *pulse) beat(ctx context.Context) {
	watched := p.hosts[p.current.Load()]
	if p.left != nil && (p.left == watched || !p.left.answers()) {
		if p.left != watched {
			p.cut(p.left)
		}
		p.left = nil
	}
	if p.conn != nil && p.conn.host != watched { // the pool has moved on
		p.drop()
	}
	if p.conn != nil {
		if p.feel(ctx) == nil {
			return
		}
		p.drop()
	}
	conn, err := p.reach(ctx, hostPatience)
	switch {
	case ctx.Err() != nil && err != nil:
	case err == nil:
		p.conn = conn
		p.found(ctx, watched)
	case hasNumber(err, erTooManyConns, erUserConns): // it is there, and says so
		p.back("a full one")
	case watched.answers():
	default:
		p.lost(err)
	}
}

// feel fails where there is no sign of life in time.
func (p *pulse) feel(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, beatPatience)
	defer cancel()
	err := p.conn.takesWrites(ctx)
	if len(p.hosts) == 1 && errors.Is(err, errReadOnly) {
		return nil // there is no better one
	}
	return err
}

// found makes use of a new connection: the host that was watched before has failed if it is to another.
func (p *pulse) found(ctx context.Context, watched *host) {
	// A cluster that is sorting itself out keeps those waiting who want to see all writes.
	if _, err := p.conn.fullConn.ExecContext(ctx, "SET SESSION wsrep_sync_wait = 0", nil); err != nil && !hasNumber(err, erNoVariable) {
		p.drop()
		return
	}
	p.back(p.conn.host.addr)
	if p.conn.host != watched {
		p.log.Warn("moved to another database host", "from", watched.addr, "to", p.conn.host.addr)
		if p.left = watched; !watched.answers() {
			p.cut(watched)
		}
	}
}

// answers reports whether somebody was answered lately, on whichever connection.
func (h *host) answers() bool { return time.Since(time.Unix(0, h.sign.Load())) < beatPatience }

func (p *pulse) back(addr string) {
	if p.away.CompareAndSwap(true, false) {
		p.log.Info("the database is back", "host", addr, "after", time.Since(p.gone).Round(time.Millisecond))
	}
}

// lost ends everything that waits for the database.
func (p *pulse) lost(err error) {
	if p.away.Swap(true) {
		return
	}
	p.gone = time.Now()
	p.log.Warn("the database is away", "error", err)
	for _, h := range p.hosts {
		p.leave(h, h.era.Load())
		p.cut(h)
	}
}
