package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// fullConn is what the MySQL driver's connection can do.
type fullConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

// conn is a connection of a pool. It tells an observer what it does, and leaves the pool when its
// server says that it can do no more. Only wire is used by more than one goroutine at a time.
type conn struct {
	fullConn
	owner   *connector
	host    *host
	era     int64    // of the host, in which this connection was made
	wire    net.Conn // closing it ends whatever the connection waits for
	observe Observer // or nil
	useless bool     // the server said so

	clustered bool // the server is a node of a Galera cluster
	inTx      bool
	undone    error // why the server has rolled back the transaction, though it is still to be ended
}

// setUp prepares the session, and checks that the server takes writes if another one might.
func (c *conn) setUp(ctx context.Context, several bool) error {
	if _, err := c.fullConn.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil); err != nil {
		return err
	}
	// On a cluster what was written on another node is seen only by those who wait for it, in reads
	// (1), updates and deletes (2), and inserts (4). Not every server has such a variable.
	_, err := c.fullConn.ExecContext(ctx, "SET SESSION wsrep_sync_wait = 7", nil)
	if err == nil {
		c.clustered, err = c.isOn(ctx, "@@SESSION.wsrep_on")
	}
	if err != nil && !hasNumber(err, erNoVariable) {
		return err
	}
	if several {
		return c.takesWrites(ctx)
	}
	return nil
}

// takesWrites fails on a replica, and on a node that its cluster has left behind.
func (c *conn) takesWrites(ctx context.Context) error {
	readOnly, err := c.isOn(ctx, "@@GLOBAL.read_only")
	if readOnly {
		err = errors.Join(errReadOnly, err)
	}
	return err
}

// isOn reports whether a variable of the server's is.
func (c *conn) isOn(ctx context.Context, variable string) (on bool, err error) {
	rows, err := c.fullConn.QueryContext(ctx, "SELECT "+variable, nil)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	value := make([]driver.Value, 1)
	if err := rows.Next(value); err != nil {
		return false, err
	}
	var is sql.NullBool
	err = is.Scan(value[0])
	return is.Bool, err
}

var errReadOnly = errors.New("takes no writes")

// retired reports whether the host has been left since the connection was made.
func (c *conn) retired() bool { return c.era != c.host.era.Load() }

// IsValid implements driver.Validator: the pool asks when it gets the connection back.
func (c *conn) IsValid() bool { return !c.useless && !c.retired() && c.fullConn.IsValid() }

// ResetSession implements driver.SessionResetter: the pool asks before it lends the connection again.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.retired() {
		return driver.ErrBadConn
	}
	return c.fullConn.ResetSession(ctx)
}

// Ping implements driver.Pinger.
func (c *conn) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	longer, end := outlive(ctx)
	defer end()
	return c.fullConn.Ping(longer)
}

// Close implements driver.Conn.
func (c *conn) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.open, c)
	c.owner.mu.Unlock()
	return c.fullConn.Close()
}

// heed draws conclusions from how a statement went, and tells the observer.
func (c *conn) heed(ctx context.Context, query string, start time.Time, rows int64, err error) {
	if errors.Is(err, driver.ErrSkip) { // comes again as a prepared statement
		return
	}
	var told *mysql.MySQLError
	if errors.As(err, &told); err == nil || told != nil && !isRefusal(err) {
		c.host.sign.Store(time.Now().UnixNano())
	}
	if isRolledBack(err) && c.undone == nil {
		c.undone = err
	}
	if isRefusal(err) {
		c.useless = true
		if len(c.owner.hosts) > 1 && isHostsRefusal(err) {
			c.owner.leave(c.host, c.era)
		}
	}
	if c.observe == nil {
		return
	}
	if told != nil { // its text holds values
		err = &mysql.MySQLError{Number: told.Number, SQLState: told.SQLState, Message: "(not shown)"}
	}
	c.observe(ctx, Statement{strings.Join(strings.Fields(query), " "), time.Since(start), rows, err})
}

// errSecondStatement stops what was meant to be one statement and is more. The server itself would take
// several, for the sake of Batch.
var errSecondStatement = errors.New("a statement holds a semicolon, as if a second one followed")

// aside are the parts of a statement in which a backtick begins no name, and the names. A semicolon in a name ends nothing; one
// in a text or a comment is as good as the end of the statement here, where values come apart from it.
var aside = regexp.MustCompile("(?s)'(?:[^'\\\\]|\\\\.)*'|\"(?:[^\"\\\\]|\\\\.)*\"|--[^\n]*|#[^\n]*|/\\*.*?\\*/|`[^`]*`")

func isSeveral(query string) bool {
	if strings.IndexByte(query, ';') < 0 {
		return false
	}
	query = aside.ReplaceAllStringFunc(query, func(part string) string {
		if part[0] == '`' {
			return "``"
		}
		return part
	})
	end := strings.IndexByte(query, ';')
	return end >= 0 && strings.TrimSpace(query[end+1:]) != ""
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if isSeveral(query) {
		return nil, errSecondStatement
	}
	return c.exec(ctx, query, args)
}

func (c *conn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	longer, end := outlive(ctx)
	defer end()
	start := time.Now()
	res, err := c.fullConn.ExecContext(longer, query, args)
	var rows int64
	if err == nil {
		rows, _ = res.RowsAffected()
	}
	c.heed(ctx, query, start, rows, err)
	return res, err
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if isSeveral(query) {
		return nil, errSecondStatement
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	longer, end := outlive(ctx)
	start := time.Now()
	rows, err := c.fullConn.QueryContext(longer, query, args)
	for try := 1; c.waits(ctx, err) && try < maxTries; try++ {
		rows, err = c.fullConn.QueryContext(longer, query, args)
	}
	if err != nil {
		end()
		c.heed(ctx, query, start, 0, err)
		return nil, c.elsewhere(ctx, err)
	}
	return &connRows{Rows: rows, done: func(n int64, err error) {
		end()
		c.heed(ctx, query, start, n, err)
	}}, nil
}

// waits reports whether a read that holds nothing others wait for has met a table whose shape is being changed. A
// transaction that has does not wait for long: the change may wait for it in turn, which no server notices.
func (c *conn) waits(ctx context.Context, err error) bool {
	return !c.inTx && hasNumber(err, erLockWait) && ctx.Err() == nil
}

// elsewhere lets the pool ask on another connection where this one was lost under a read of its own: nothing came of that.
func (c *conn) elsewhere(ctx context.Context, err error) error {
	if c.inTx || ctx.Err() != nil || !isLost(err) {
		return err
	}
	return fmt.Errorf("%w: %w", driver.ErrBadConn, err)
}

// connRows counts the rows that are read, until it is closed.
type connRows struct {
	driver.Rows
	n    int64
	err  error
	done func(n int64, err error)
}

func (r *connRows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	switch {
	case err == nil:
		r.n++
	case !errors.Is(err, io.EOF):
		r.err = err
	}
	return err
}

func (r *connRows) Close() error {
	err := r.Rows.Close()
	if r.done != nil {
		r.done(r.n, errors.Join(r.err, err))
		r.done = nil
	}
	return err
}
