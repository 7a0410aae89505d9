package database

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// Facts is what a server says of itself, by one of the pool's connections.
type Facts struct {
	Version   string // 8.4.3, 10.11.6-MariaDB-...
	MariaDB   bool
	Variables map[string]string // as this connection has them
	Status    map[string]string // of a cluster's node; empty where there is no cluster
	Lacking   []Grant           // that the shop's statements need
	NoChanges []string          // rights that only migrations need, and that are not there
	Rewriting []string          // rights that let this user change or remove entries of the audit log
	ByRole    bool              // rights come by roles, so that those which are not there can't be known
	Unseen    []string          // rights without which nobody sees triggers and events
	Encrypted bool
	Answer    time.Duration // one round trip
	Skew      time.Duration // by which the server's clock is ahead of this machine's
	Offset    time.Duration // of NOW() from UTC, 0 if all is well
}

// Inspect asks a server for its facts. It changes nothing.
func Inspect(ctx context.Context, db *sqlx.DB) (f Facts, err error) {
	lent, err := db.Connx(ctx)
	if err != nil {
		return f, err
	}
	defer func() { _ = lent.Close() }()
	if f.Variables, err = pairs(ctx, lent, `
		SHOW VARIABLES
		WHERE variable_name IN ('version', 'sql_mode', 'time_zone', 'transaction_isolation', 'tx_isolation', 'autocommit',
			'innodb_flush_log_at_trx_commit', 'innodb_doublewrite', 'log_bin', 'sync_binlog', 'binlog_format',
			'max_connections', 'max_allowed_packet', 'wsrep_on', 'wsrep_sync_wait', 'innodb_autoinc_lock_mode')`); err != nil {
		return f, fmt.Errorf("read the server's variables: %w", err)
	}
	f.Version = f.Variables["version"]
	f.MariaDB = strings.Contains(f.Version, "MariaDB")
	if f.Status, err = pairs(ctx, lent, `
		SHOW STATUS
		WHERE variable_name IN ('wsrep_cluster_size', 'wsrep_cluster_status', 'wsrep_local_state_comment')`); err != nil {
		return f, fmt.Errorf("read the server's status: %w", err)
	}
	cipher, err := pairs(ctx, lent, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
	if err != nil {
		return f, fmt.Errorf("read the connection's state: %w", err)
	}
	f.Encrypted = cipher["ssl_cipher"] != ""
	if err := f.readClock(ctx, lent); err != nil {
		return f, fmt.Errorf("read the server's clock: %w", err)
	}
	return f, f.readRights(ctx, lent)
}

// Skew is by how much the server's clock is ahead of this machine's.
func Skew(ctx context.Context, db *sqlx.DB) (time.Duration, error) {
	lent, err := db.Connx(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = lent.Close() }()
	var f Facts
	if err := f.readClock(ctx, lent); err != nil {
		return 0, fmt.Errorf("read the server's clock: %w", err)
	}
	return f.Skew, nil
}

func pairs(ctx context.Context, lent *sqlx.Conn, query string) (map[string]string, error) {
	var rows []struct {
		Name  string `db:"Variable_name"`
		Value string `db:"Value"`
	}
	if err := lent.SelectContext(ctx, &rows, query); err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, r := range rows {
		found[strings.ToLower(r.Name)] = r.Value
	}
	return found, nil
}

// readClock compares the clocks in the middle of the quickest of a few round trips.
func (f *Facts) readClock(ctx context.Context, lent *sqlx.Conn) error {
	for range 5 {
		var server float64
		var offset int64
		start := time.Now()
		err := lent.QueryRowxContext(ctx, "SELECT UNIX_TIMESTAMP(NOW(6)), TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW())").Scan(&server, &offset)
		took := time.Since(start)
		if err != nil {
			return err
		}
		if f.Answer == 0 || took < f.Answer {
			f.Answer = took
			f.Skew = time.UnixMicro(int64(server * 1e6)).Sub(start.Add(took / 2))
			f.Offset = time.Duration(offset) * time.Second
		}
	}
	return nil
}

// TooOld reports whether the server is of a version that nobody tests the shop with.
func (f Facts) TooOld() bool {
	var major, minor int
	_, _ = fmt.Sscanf(f.Version, "%d.%d", &major, &minor)
	if f.MariaDB {
		return serverBinary{flavour: flavourMariaDB, major: major, minor: minor}.tooOld()
	}
	return major < 8 || major == 8 && minor < 4
}
