package metrics

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"hexamart/internal/database"
)

// Statement counts a statement; it is a database.Observer.
func (m *Metrics) Statement(_ context.Context, s database.Statement) {
	child, ok := m.sqls.get(s.SQL)
	if !ok {
		child = m.statements.WithLabelValues(statementName(s.SQL))
		if len(s.SQL) <= longestKept {
			m.sqls.put(s.SQL, child)
		}
	}
	child.Observe(s.Duration.Seconds())
	if s.Err == nil {
		return
	}
	var told *mysql.MySQLError
	switch {
	case errors.As(s.Err, &told):
		m.sqlErrors.WithLabelValues(strconv.Itoa(int(told.Number))).Inc()
	case errors.Is(s.Err, context.Canceled), errors.Is(s.Err, context.DeadlineExceeded):
		m.sqlErrors.WithLabelValues("timeout").Inc()
	default:
		m.sqlErrors.WithLabelValues("lost").Inc()
	}
}

// The texts of which the name is remembered: none longer than this, and so many of them. A text with a list of
// values is another one for each length of the list.
const (
	longestKept = 1000
	mostKept    = 500
)

// statementName is what a statement does and to which table, "select products", "batch delete carts" for a
// batch by what is first in it. The program has no more of them than its text.
func statementName(sql string) string {
	kind := ""
	if rest, ok := strings.CutPrefix(sql, "START TRANSACTION; "); ok {
		kind, sql = "batch ", rest
	}
	if strings.HasPrefix(sql, "/*") { // what a server is told beside the statement
		_, sql, _ = strings.Cut(sql, "*/")
		sql = strings.TrimLeft(sql, " ")
	}
	verb, rest, _ := strings.Cut(sql, " ")
	verb = strings.ToLower(strings.TrimRight(verb, ";"))
	switch verb {
	case "select", "delete":
		return kind + verb + tableAfter(rest, "FROM")
	case "insert":
		return kind + verb + tableAfter(rest, "INTO")
	case "update":
		return kind + verb + tableAfter("UPDATE "+rest, "UPDATE")
	}
	return kind + verb
}

// tableAfter returns the word that follows a keyword, unless that is a subquery.
func tableAfter(sql, keyword string) string {
	before := ""
	for word := range strings.SplitSeq(sql, " ") {
		if before == keyword && !strings.HasPrefix(word, "(") {
			word = strings.Trim(word, "`,;()")
			if i := strings.LastIndexByte(word, '.'); i >= 0 {
				word = word[i+1:]
			}
			return " " + word
		}
		before = word
	}
	return ""
}
