package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"slices"

	"github.com/go-sql-driver/mysql"
)

// Numbers of server errors, the same on MySQL and MariaDB unless noted.
const (
	erDuplicate          = 1062
	erNoTable            = 1146
	erNoReferenced       = 1452
	erLockWait           = 1205
	erDeadlock           = 1213 // on a cluster also: another node was faster
	erCommitFailed       = 1180
	erGroupRolledBk      = 3101 // MySQL group replication's 1213
	erTooManyConns       = 1040
	erShutdown           = 1053
	erUserConns          = 1203
	erNotReady           = 1047 // a cluster node without quorum
	erReadOnly           = 1290
	erGroupNotOnline     = 3100
	erQueryKilled        = 1317
	erConnKilled         = 1927 // MariaDB
	erForeignEngine      = 1824 // a foreign key to a table of an engine without them; 1005 on MariaDB
	erForeignEngineMaria = 1005
	erDiskFull           = 1021
	erTableFull          = 1114
	erLockNowait         = 3572 // 1205 on MariaDB
)

func hasNumber(err error, numbers ...uint16) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && slices.Contains(numbers, e.Number)
}

// IsDuplicate reports whether a UNIQUE key refused a row.
func IsDuplicate(err error) bool { return hasNumber(err, erDuplicate) }

// IsMissingReference reports whether a foreign key's target does not exist.
func IsMissingReference(err error) bool { return hasNumber(err, erNoReferenced) }

// IsLocked reports whether a read with NOWAIT found a row that another transaction has locked.
func IsLocked(err error) bool { return hasNumber(err, erLockNowait, erLockWait) }

// isRetryable reports whether the server rolled the transaction back for a reason that is gone when
// it runs again.
func isRetryable(err error) bool {
	return hasNumber(err, erDeadlock, erLockWait, erGroupRolledBk, erCommitFailed)
}

// IsUnavailable reports whether the database could not do the work now, though nothing is wrong with
// the work: it can't be reached, is going down, has no connection or disk space to give, is too
// contended, or took longer than the caller could wait.
func IsUnavailable(err error) bool {
	var netErr net.Error
	return isRetryable(err) ||
		hasNumber(err, erTooManyConns, erShutdown, erUserConns, erNotReady, erReadOnly, erGroupNotOnline,
			erQueryKilled, erConnKilled, erDiskFull, erTableFull) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) || errors.As(err, &netErr)
}
