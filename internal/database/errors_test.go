package database_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// errno returns the server's number of an error, 0 for an error of another origin.
func errno(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

type verdict struct{ duplicate, missing, unavailable bool }

func judge(err error) verdict {
	return verdict{database.IsDuplicate(err), database.IsMissingReference(err), database.IsUnavailable(err)}
}

// TestErrorsOfStatements makes the server refuse real statements.
func TestErrorsOfStatements(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	run(t, db, "INSERT INTO users (id, name, email, password_hash) VALUES (1, 'Asha', 'asha@example.com', '')")
	run(t, db, "INSERT INTO products (id, name, price, category, stock) VALUES (1, 'Lamp', 19.99, 'Home', 5)")
	run(t, db, "INSERT INTO carts (user_id, product_id, quantity) VALUES (1, 1, 1)")
	for name, c := range map[string]struct {
		statement string
		want      verdict
	}{
		"Duplicate":        {"INSERT INTO users (name, email, password_hash) VALUES ('Asha', 'ASHA@example.com', '')", verdict{duplicate: true}},
		"DuplicateByMove":  {"INSERT INTO users (id, name, email, password_hash) VALUES (1, 'Ben', 'ben@example.com', '')", verdict{duplicate: true}},
		"MissingReference": {"INSERT INTO carts (user_id, product_id, quantity) VALUES (1, 99, 1)", verdict{missing: true}},
		"StillReferenced":  {"DELETE FROM products WHERE id = 1", verdict{}},
		"Check":            {"UPDATE products SET stock = -1 WHERE id = 1", verdict{}},
		"Null":             {"UPDATE products SET name = NULL WHERE id = 1", verdict{}},
		"TooLong":          {"UPDATE products SET name = REPEAT('x', 101) WHERE id = 1", verdict{}},
		"OutOfRange":       {"UPDATE products SET price = 10000000000.00 WHERE id = 1", verdict{}},
		"NoSuchTable":      {"SELECT id FROM payments", verdict{}},
		"Syntax":           {"SELEKT 1", verdict{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := db.ExecContext(t.Context(), c.statement)
			if errno(err) == 0 {
				t.Fatalf("no refusal by the server: %v", err)
			}
			if got := judge(fmt.Errorf("doing it: %w", err)); got != c.want {
				t.Errorf("%v is %+v, want %+v", err, got, c.want)
			}
		})
	}
}

func TestErrorsOfLocks(t *testing.T) {
	t.Parallel()
	db := counters(t)
	holder, err := db.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback() }()
	run(t, holder, raiseN, 1)
	conn := session(t, db)
	run(t, conn, "SET SESSION innodb_lock_wait_timeout = 1")
	_, err = conn.ExecContext(t.Context(), raiseN, 1)
	if errno(err) != 1205 || judge(err) != (verdict{unavailable: true}) {
		t.Errorf("%v is %+v", err, judge(err))
	}
}

func session(t *testing.T, db *sqlx.DB) *sqlx.Conn {
	t.Helper()
	conn, err := db.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestErrorsByNumber lets the server send the errors that can't be had on demand.
func TestErrorsByNumber(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t, testkit.EmptyDatabase(t), nil)
	for number, want := range map[int]verdict{
		1062: {duplicate: true}, 1452: {missing: true},
		1213: {unavailable: true}, 1205: {unavailable: true}, 3572: {unavailable: true}, 3101: {unavailable: true}, 1180: {unavailable: true},
		1040: {unavailable: true}, 1129: {unavailable: true}, 1053: {unavailable: true}, 1203: {unavailable: true}, 1047: {unavailable: true},
		1290: {unavailable: true}, 3100: {unavailable: true}, 1317: {unavailable: true}, 1927: {unavailable: true},
		1021: {unavailable: true}, 1114: {unavailable: true}, 1836: {unavailable: true}, 1792: {unavailable: true}, 4031: {unavailable: true},
		1044: {}, 1045: {}, 1048: {}, 1054: {}, 1146: {}, 1169: {}, 1216: {}, 1264: {}, 1406: {}, 1451: {}, 3819: {}, 4025: {},
	} {
		_, err := db.ExecContext(t.Context(), fmt.Sprintf(failure, number))
		if got := judge(err); err == nil || got != want {
			t.Errorf("%v is %+v, want %+v", err, got, want)
		}
	}
}

func TestErrorsOfConnections(t *testing.T) {
	t.Parallel()
	t.Run("Killed", func(t *testing.T) {
		t.Parallel()
		db := testkit.Open(t, testkit.EmptyDatabase(t), nil)
		conn := session(t, db)
		kill(t, db, number(t, conn, "SELECT CONNECTION_ID()"))
		err := untilRefused(t, conn)
		if judge(err) != (verdict{unavailable: true}) {
			t.Errorf("%v is %+v", err, judge(err))
		}
	})
	t.Run("PoolGoesOn", func(t *testing.T) {
		t.Parallel()
		cfg := testkit.EmptyDatabase(t)
		db, other := testkit.Open(t, cfg, nil), testkit.Open(t, cfg, nil)
		db.SetMaxOpenConns(1)
		id := number(t, db, "SELECT CONNECTION_ID()")
		kill(t, other, id)
		for number(t, other, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = ?", id) > 0 {
		}
		if again := number(t, db, "SELECT CONNECTION_ID()"); again == id {
			t.Errorf("connection %d is still there", id)
		}
	})
	t.Run("NobodyListens", func(t *testing.T) {
		t.Parallel()
		_, err := database.Open(t.Context(), deaf(t), nil)
		if judge(err) != (verdict{unavailable: true}) {
			t.Errorf("%v is %+v", err, judge(err))
		}
	})
	t.Run("NotLetIn", func(t *testing.T) {
		t.Parallel()
		cfg := testkit.EmptyDatabase(t).Clone()
		cfg.User, cfg.Passwd = "nobody-here", "T0tally-random"
		_, err := database.Open(t.Context(), cfg, nil)
		if errno(err) == 0 || judge(err) != (verdict{unavailable: true}) {
			t.Errorf("%v is %+v", err, judge(err))
		}
	})
	t.Run("Deadline", func(t *testing.T) {
		t.Parallel()
		db := testkit.Open(t, testkit.EmptyDatabase(t), nil)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := db.ExecContext(ctx, "DO SLEEP(300)")
		if judge(err) != (verdict{unavailable: true}) {
			t.Errorf("%v is %+v", err, judge(err))
		}
	})
}

func kill(t *testing.T, db *sqlx.DB, connection int64) {
	t.Helper()
	run(t, db, fmt.Sprintf("KILL %d", connection))
}

// untilRefused uses a connection that was killed until it notices.
func untilRefused(t *testing.T, conn *sqlx.Conn) error {
	t.Helper()
	for {
		if _, err := conn.ExecContext(t.Context(), "DO 1"); err != nil {
			return err
		}
	}
}

// deaf is an address at which nobody listens.
func deaf(t *testing.T) *mysql.Config {
	t.Helper()
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.User, cfg.Passwd = "unix", filepath.Join(t.TempDir(), "none.sock"), "shop", "hush-hush"
	return cfg
}

func TestErrorsOfOthers(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, io.EOF, sql.ErrNoRows, errors.New("wrong"), &mysql.MySQLError{}} {
		if got := judge(err); got != (verdict{}) {
			t.Errorf("%v is %+v", err, got)
		}
	}
	for _, err := range []error{
		driver.ErrBadConn, mysql.ErrInvalidConn, mysql.ErrPktSync, sql.ErrConnDone, context.DeadlineExceeded, context.Canceled,
		&net.OpError{Op: "dial", Err: errors.New("refused")}, errors.Join(io.EOF, context.Canceled),
	} {
		if got := judge(fmt.Errorf("list orders: %w", err)); got != (verdict{unavailable: true}) {
			t.Errorf("%v is %+v", err, got)
		}
	}
}
