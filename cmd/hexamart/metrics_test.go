package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// TestMetrics lets somebody shop and looks at what is counted, on an address of its own only.
func TestMetrics(t *testing.T) {
	t.Parallel()
	private := newPlace(t)
	p := newPlace(t, "METRICS_ADDR="+private.addr)
	proc := p.serve("--demo")
	ann := p.shopper("ann")
	ann.order()
	ann.want(401, "POST", "/auth/login", `{"email":"ann@example.com","password":"wrong"}`, nil)
	ann.want(200, "GET", "/products?search=private-search", "", nil)
	ann.want(404, "GET", "/private-path", "", nil)
	metrics := &client{t: t, base: private.url("")}
	status, text := metrics.send("GET", "/metrics", "")
	if strings.Contains(text, "private-") {
		t.Errorf("what somebody asked for is in the metrics: %s", text)
	}
	for _, want := range []string{
		`hexamart_requests_total{method="POST",route="/orders",status="201"} 1`,
		`hexamart_requests_total{method="POST",route="/auth/login",status="401"} 1`,
		`hexamart_problems_total{code="invalid_credentials"} 1`,
		"hexamart_orders_total 1",
		`hexamart_sql_duration_seconds_count{statement="insert users"} `,
		`go_sql_open_connections{db_name="hexamart"} `,
		`hexamart_info{version="dev"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%d, no %s", status, want)
		}
	}
	if strings.Contains(text, "hexamart_revenue_total 0") {
		t.Error("no revenue")
	}
	for _, file := range []string{"grafana.json", "alerts.yml"} {
		b, err := os.ReadFile(filepath.Join("..", "..", ".deploy", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, unknown := range unknownTo(t, text, string(b)) {
			t.Errorf("%s knows %s, the shop does not", file, unknown)
		}
	}
	metrics.want(200, "GET", "/debug/pprof/heap", "", nil)
	if status, err := answer(private, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"); status != http.StatusMisdirectedRequest || err != nil {
		t.Errorf("by another name: status %d, %v", status, err)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap"} {
		ann.want(404, "GET", path, "", nil)
	}
	if code := p.stop(proc, syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d: %s", code, proc.out)
	}
}

var (
	selector = regexp.MustCompile(`\b((?:hexamart|go|process)_[a-z_]+)(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`(\w+)(?:=~|!~|!=|=)\\?"`)
	grouping = regexp.MustCompile(`by \(([^)]*)\)`)
)

// unknownTo returns what queries ask for, of metrics and of their labels, that a shop's metrics don't have. The labels
// instance and job are Prometheus' own.
func unknownTo(t *testing.T, metrics, queries string) (unknown []string) {
	t.Helper()
	asked := selector.FindAllStringSubmatch(queries, -1)
	if len(asked) < 10 {
		t.Fatalf("%d metrics in the queries", len(asked))
	}
	for _, s := range asked {
		series := regexp.MustCompile(`(?m)^` + s[1] + `(\{.*\})? `).FindString(metrics)
		if series == "" {
			unknown = append(unknown, s[1])
		}
		for _, label := range matcher.FindAllStringSubmatch(s[2], -1) {
			if label[1] != "instance" && label[1] != "job" && !strings.Contains(series, label[1]+`="`) {
				unknown = append(unknown, s[0])
			}
		}
	}
	for _, by := range grouping.FindAllStringSubmatch(queries, -1) {
		for label := range strings.SplitSeq(by[1], ", ") {
			if label != "instance" && !strings.Contains(metrics, label+`="`) {
				unknown = append(unknown, by[0])
			}
		}
	}
	return unknown
}

// TestMetricsAddressTaken wants a clear word, and nothing left running.
func TestMetricsAddressTaken(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	p := newPlace(t, "METRICS_ADDR="+listener.Addr().String())
	if code, out := p.run("", "serve"); code != 1 || !strings.Contains(out, "METRICS_ADDR") {
		t.Errorf("exit %d, %s", code, out)
	}
	p.awaitNoServer()
}

// TestNewerSchema runs a shop on a database that a later version has migrated.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db := testkit.Open(t, cfg, nil)
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)",
		"ALTER TABLE products ADD COLUMN colour VARCHAR(20)",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	p := newPlace(t, "DATABASE_URL="+databaseURL(cfg), "SECRET_KEY="+testkit.SecretKey)
	proc := p.serve("--demo")
	if out := proc.out.String(); !strings.Contains(out, "newer than this program") || !strings.Contains(out, "schema=99999") {
		t.Errorf("it says %s", out)
	}
	if code := p.status("/readyz"); code != 200 {
		t.Errorf("/readyz is %d", code)
	}
	p.shopper("ann").order()
	if code, out := p.run("", "doctor"); code != 0 || !strings.Contains(out, "warn  schema") || !strings.Contains(out, "update this program") {
		t.Errorf("doctor: exit %d, %s", code, out)
	}
	if code := p.stop(proc, os.Interrupt); code != 0 {
		t.Errorf("exit %d: %s", code, proc.out)
	}
	older := newPlace(t)
	if out := older.serve().out.String(); strings.Contains(out, "newer") {
		t.Errorf("on its own schema it says %s", out)
	}
}

// TestMetricsByAddress asks for metrics by names: a page that has given its own name this machine's address gets nothing.
func TestMetricsByAddress(t *testing.T) {
	t.Parallel()
	handler := onlyByAddress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("counts")) }))
	for host, status := range map[string]int{
		"127.0.0.1:9100": 200, "127.0.0.1": 200, "[::1]:9100": 200, "[::1]": 200, "localhost": 200, "localhost:9100": 200,
		"evil.example": 421, "evil.example:9100": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example:9100": 421, "": 421,
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Host = host
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != status || (status == 200) != (w.Body.String() == "counts") {
			t.Errorf("%q: %d %s", host, w.Code, w.Body)
		}
	}
}
