package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"hexamart/internal/database"
)

func (m *Metrics) text() string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := New("1.2.3")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				m.Request("GET", "/products/{id}", 200, 3*time.Millisecond)
				m.Statement(t.Context(), database.Statement{SQL: "SELECT id FROM products WHERE id = ?", Duration: time.Millisecond})
			}
		})
	}
	all.Wait()
	for i := range 50 {
		m.Request(fmt.Sprintf("MADE-UP-%d", i), "none", 405, time.Millisecond)
	}
	m.Problem("invalid_credentials")
	m.Read()
	m.Order(1999)
	m.Order(1)
	for _, err := range []error{&mysql.MySQLError{Number: 1213}, mysql.ErrInvalidConn, context.Canceled, fmt.Errorf("%w", context.DeadlineExceeded), errors.New("?")} {
		m.Statement(t.Context(), database.Statement{SQL: "COMMIT", Err: err})
	}
	text := m.text()
	for _, want := range []string{
		`hexamart_info{version="1.2.3"} 1`,
		`hexamart_requests_total{method="GET",route="/products/{id}",status="200"} 800`,
		`hexamart_requests_total{method="other",route="none",status="405"} 50`,
		`hexamart_request_duration_seconds_count{method="GET",route="/products/{id}"} 800`,
		`hexamart_sql_duration_seconds_count{statement="select products"} 800`,
		`hexamart_sql_duration_seconds_count{statement="commit"} 5`,
		`hexamart_sql_errors_total{error="1213"} 1`,
		`hexamart_sql_errors_total{error="lost"} 2`,
		`hexamart_sql_errors_total{error="timeout"} 2`,
		`hexamart_problems_total{code="invalid_credentials"} 1`,
		`hexamart_problems_total{code="internal"} 0`,
		`hexamart_page_reads_total 1`,
		`hexamart_orders_total 2`,
		`hexamart_revenue_total 20`,
		`hexamart_sql_retries_total `,
		`go_goroutines `,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, "MADE-UP") {
		t.Error("a client made a label")
	}
}

// TestMetricsMakeNoGarbage is about what stands in the way of every request.
func TestMetricsMakeNoGarbage(t *testing.T) {
	m := New("test")
	if n := testing.AllocsPerRun(100, func() {
		m.Request("GET", "/products", 200, time.Millisecond)
		m.Read()
		m.Statement(t.Context(), database.Statement{SQL: "UPDATE products p SET p.stock = ?"})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestStatementName(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"SELECT id, name FROM products WHERE id IN (?, ?)":                                                               "select products",
		"SELECT COUNT(*) FROM (SELECT id FROM orders) o":                                                                 "select orders",
		"/*M! SET STATEMENT max_statement_time = 10 FOR */ SELECT /*+ MAX_EXECUTION_TIME(10000) */ p.id FROM products p": "select products",
		"/* not closed": "",
		"SELECT 1":      "select",
		"SELECT table_name FROM information_schema.tables":                      "select tables",
		"SELECT c.id FROM carts c FORCE INDEX (x) STRAIGHT_JOIN products p":     "select carts",
		"INSERT INTO order_items (order_id) VALUES (?), (?)":                    "insert order_items",
		"INSERT IGNORE INTO `idempotency_keys` (user_id) VALUES (?)":            "insert idempotency_keys",
		"UPDATE products SET stock = ?":                                         "update products",
		"DELETE c FROM carts c WHERE c.user_id = ?":                             "delete carts",
		"START TRANSACTION; DELETE c FROM carts c; INSERT INTO x (a) VALUES(?)": "batch delete carts",
		"BEGIN":    "begin",
		"COMMIT":   "commit",
		"ROLLBACK": "rollback",
		"":         "",
	} {
		if got := statementName(sql); got != want {
			t.Errorf("%s is %q, want %q", sql, got, want)
		}
	}
}

// TestMetricsKeepLittle is about statements of which there is no end.
func TestMetricsKeepLittle(t *testing.T) {
	t.Parallel()
	m := New("test")
	for i := range 2 * mostKept {
		m.Statement(t.Context(), database.Statement{SQL: "SELECT id FROM products WHERE id IN (?" + strings.Repeat(", ?", i)})
	}
	if n := len(*m.sqls.present.Load()); n > mostKept {
		t.Errorf("%d texts are kept", n)
	}
	if want := fmt.Sprintf(`hexamart_sql_duration_seconds_count{statement="select products"} %d`, 2*mostKept); !strings.Contains(m.text(), want) {
		t.Errorf("no %s", want)
	}
}

func BenchmarkRequest(b *testing.B) {
	m := New("test")
	b.ReportAllocs()
	for b.Loop() {
		m.Request("GET", "/products", 200, time.Millisecond)
	}
}
