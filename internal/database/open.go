package database

import (
	"context"
	"database/sql"
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

// How long a connection may be idle: in the pool, and for the server, which rolls back and frees its
// locks after that. The server's own default of eight hours is how long the rows of a shop whose
// machine lost its power would stay locked.
const (
	maxIdleTime = 30 * time.Second
	waitTimeout = "60" // seconds
)

// Open returns a pool of connections, each set up the way the shop's SQL expects, after one of them
// has answered. A TCP address may list several hosts of one cluster, with commas between them: a
// connection is to the one that last worked, else to the next one that answers and takes writes.
// observe, if not nil, is called after every statement. The caller closes the pool.
func Open(ctx context.Context, cfg *mysql.Config, observe Observer) (*sqlx.DB, error) {
	connector, err := newConnector(cfg, observe)
	if err != nil {
		return nil, fmt.Errorf("database address: %w", err)
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(MaxConns)
	pool.SetMaxIdleConns(MaxConns)
	pool.SetConnMaxLifetime(30 * time.Minute)
	pool.SetConnMaxIdleTime(maxIdleTime)
	db := sqlx.NewDb(pool, "mysql")
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return db, nil
}

// For how many seconds a statement waits for a row; one of a batch that is many people's, whom one's row must not
// keep; and any statement for a table, which a migration is about to change (see upPatience).
const (
	rowPatience    = "5"
	sharedPatience = "1"
	tablePatience  = "1"
)

// setUp returns cfg with all that the shop's SQL expects of a connection.
func setUp(cfg *mysql.Config) *mysql.Config {
	cfg = cfg.Clone()
	cfg.ParseTime = true
	cfg.Loc = time.UTC
	cfg.ClientFoundRows = true // else an UPDATE to the same values looks like a missing row
	cfg.InterpolateParams = true
	cfg.MultiStatements = true // for Batch alone: see conn.ExecContext
	// By a SET NAMES, too, for servers that do not go by the handshake.
	_ = cfg.Apply(mysql.Charset("utf8mb4", "utf8mb4_unicode_ci")) // never fails
	cfg.Logger = &mysql.NopLogger{}                               // what it says comes back as an error, too
	cfg.DialFunc = holdWire(cfg.DialFunc)
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	cfg.Params["sql_mode"] = sqlMode
	cfg.Params["time_zone"] = "'+00:00'"
	// What all that the shop writes rests on, and a server may have set otherwise (init_connect).
	for name, value := range map[string]string{"autocommit": "1", "foreign_key_checks": "1", "unique_checks": "1", "sql_safe_updates": "0",
		"completion_type": "0", "sql_select_limit": "18446744073709551615"} {
		cfg.Params[name] = value
	}
	cfg.Params["innodb_lock_wait_timeout"] = rowPatience
	cfg.Params["wait_timeout"] = waitTimeout
	if cfg.Params["lock_wait_timeout"] == "" {
		cfg.Params["lock_wait_timeout"] = tablePatience
	}
	return cfg
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
