package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// MaxConns is the size of the pool: enough to keep a database of a few cores busy, few enough to
// leave a server with the usual 151 connections room for several instances.
const MaxConns = 32

// sqlMode is the same on every server: MariaDB's default lacks ONLY_FULL_GROUP_BY, and hosts differ.
const sqlMode = "'STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_DATE,NO_ZERO_IN_DATE," +
	"ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"

// Open returns a pool of connections, each set up the way the shop's SQL expects, after one of them
// has answered. observe, if not nil, is called after every statement. The caller closes the pool.
func Open(ctx context.Context, cfg *mysql.Config, observe Observer) (*sqlx.DB, error) {
	cfg = cfg.Clone()
	cfg.ParseTime = true
	cfg.Loc = time.UTC
	cfg.ClientFoundRows = true // else an UPDATE to the same values looks like a missing row
	cfg.InterpolateParams = true
	cfg.RejectReadOnly = true
	cfg.Collation = "utf8mb4_unicode_ci"
	cfg.Timeout = 5 * time.Second
	cfg.Logger = &mysql.NopLogger{} // what it says comes back as an error, too
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	cfg.Params["sql_mode"] = sqlMode
	cfg.Params["time_zone"] = "'+00:00'"
	cfg.Params["innodb_lock_wait_timeout"] = "5"
	base, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("database address: %w", err)
	}
	pool := sql.OpenDB(connector{base, observe})
	pool.SetMaxOpenConns(MaxConns)
	pool.SetMaxIdleConns(MaxConns)
	pool.SetConnMaxLifetime(30 * time.Minute)
	db := sqlx.NewDb(pool, "mysql")
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("connect to the database at %s: %w", cfg.Addr, err)
	}
	return db, nil
}

// connector gives each new connection its isolation level, which no variable names alike on MySQL
// and MariaDB. READ COMMITTED takes no gap locks: shoppers with neighbouring ids don't wait for each
// other, and every guarded UPDATE reads what is there now.
type connector struct {
	driver.Connector
	observe Observer
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := conn.(fullConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("driver connection %T lacks an interface", conn), conn.Close())
	}
	if _, err := full.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if c.observe == nil {
		return conn, nil
	}
	return observedConn{full, c.observe}, nil
}

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

// CreateDatabase makes a database on a server if it is not there yet, and returns cfg with its name.
func CreateDatabase(ctx context.Context, cfg *mysql.Config, name string) (*mysql.Config, error) {
	db, err := Open(ctx, cfg, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS `"+name+"` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
	if err != nil {
		return nil, fmt.Errorf("create database %s: %w", name, err)
	}
	cfg = cfg.Clone()
	cfg.DBName = name
	return cfg, nil
}
