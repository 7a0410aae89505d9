package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Numbers of server errors, the same on MySQL and MariaDB unless noted.
const (
	erDuplicate        = 1062
	erNoTable          = 1146
	erNoReferenced     = 1452
	erNoVariable       = 1193
	erLockWait         = 1205
	erDeadlock         = 1213 // on a cluster also: another node was faster
	erCommitFailed     = 1180
	erGroupRolledBk    = 3101 // MySQL group replication's 1213
	erTooManyConns     = 1040
	erShutdown         = 1053
	erUserConns        = 1203
	erHostBlocked      = 1129
	erNotReady         = 1047 // a cluster node without quorum
	erReadOnly         = 1290
	erReadOnlyMode     = 1836
	erReadOnlyTx       = 1792
	erGroupNotOnline   = 3100
	erQueryKilled      = 1317
	erConnKilled       = 1927 // MariaDB
	erTookTooLong      = 1969 // MariaDB
	erTookTooLongMySQL = 3024
	erConnIdle         = 4031 // MySQL
	erDiskFull         = 1021
	erTableFull        = 1114
	erOutOfRange       = 1690
	erLockNowait       = 3572 // 1205 on MariaDB
)

func hasNumber(err error, numbers ...uint16) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && slices.Contains(numbers, e.Number)
}

// errno returns the number of a server's error, 0 of any other.
func errno(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

// IsDuplicate reports whether a UNIQUE key refused a row.
func IsDuplicate(err error) bool { return hasNumber(err, erDuplicate) }

// IsMissingReference reports whether a foreign key's target does not exist.
func IsMissingReference(err error) bool { return hasNumber(err, erNoReferenced) }

// IsLocked reports whether a read with NOWAIT found a row that another transaction has locked.
func IsLocked(err error) bool { return hasNumber(err, erLockNowait, erLockWait) }

// isRetryable reports whether the server rolled the transaction back for a reason that is gone when
// it runs again. A COMMIT that failed otherwise than by a deadlock (149) is not of this kind: a node that
// lost its cluster in the middle of it can't know whether the others have committed.
func isRetryable(err error) bool {
	var e *mysql.MySQLError
	return hasNumber(err, erDeadlock, erLockWait, erLockNowait, erGroupRolledBk) ||
		errors.As(err, &e) && e.Number == erCommitFailed && strings.Contains(e.Message, "error 149")
}

// IsUndone reports whether the server has refused a statement, or given up the transaction, for a reason that
// lies in this work or in what it met: nothing of it happened. It is not so where the server could do no work at all.
func IsUndone(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && (isRetryable(err) || !IsUnavailable(err))
}

// isRolledBack reports whether the server has thrown away all of the transaction so far.
func isRolledBack(err error) bool { return hasNumber(err, erDeadlock, erGroupRolledBk) }

// isRefusal reports whether the server did nothing because of a state that it, or its connection, is in.
func isRefusal(err error) bool {
	return isHostsRefusal(err) || hasNumber(err, erConnKilled, erConnIdle, erReadOnlyTx)
}

// isHostsRefusal is isRefusal for a state of the whole server.
func isHostsRefusal(err error) bool {
	return hasNumber(err, erNotReady, erShutdown, erReadOnly, erReadOnlyMode, erGroupNotOnline)
}

// isLost reports whether a connection was there and has gone, or is of no use any more.
func isLost(err error) bool {
	var none *connectError
	var netErr net.Error
	if errors.As(err, &none) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false
	}
	return isRefusal(err) || isBroken(err) || errors.As(err, &netErr)
}

// isBroken reports whether the driver has given up a connection.
func isBroken(err error) bool {
	for _, broken := range []error{driver.ErrBadConn, mysql.ErrInvalidConn, mysql.ErrPktSync, mysql.ErrPktSyncMul, mysql.ErrMalformPkt} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return false
}

// IsUnavailable reports whether the database could not do the work now, though nothing is wrong with
// the work: it can't be reached, does not let the shop in, is going down, has no connection or disk space to give, is too
// contended, or took longer than the caller could wait. Work that ended in a COMMIT may be done all
// the same.
func IsUnavailable(err error) bool {
	var netErr net.Error
	var none *connectError
	return isRetryable(err) || isRefusal(err) || isBroken(err) || errors.As(err, &none) ||
		hasNumber(err, erCommitFailed, erTooManyConns, erUserConns, erHostBlocked, erQueryKilled, erTookTooLong, erTookTooLongMySQL, erDiskFull, erTableFull) ||
		errors.Is(err, errAway) || errors.Is(err, errReadOnly) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.As(err, &netErr)
}
