// Package metrics counts what the shop does, for Prometheus. All its labels come from small, fixed sets: no
// client can make more of them.
package metrics

import (
	"net/http"
	"net/http/pprof"
	"slices"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"hexamart/internal/database"
	"hexamart/internal/model"
)

// Metrics is what one instance has counted since it began. Its methods may be called from many goroutines.
type Metrics struct {
	registry *prometheus.Registry

	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	problems   *prometheus.CounterVec
	reads      prometheus.Counter
	orders     prometheus.Counter
	revenue    prometheus.Counter
	statements *prometheus.HistogramVec
	sqlErrors  *prometheus.CounterVec

	// The vectors' own look-up costs as much as the rest of a small request; these know their children.
	routes known[requestKey, requestChild]
	sqls   known[string, prometheus.Observer]
}

type requestKey struct {
	method, route string
	status        int
}

type requestChild struct {
	count    prometheus.Counter
	duration prometheus.Observer
}

// New returns metrics of a program of this version, with those of the Go runtime and of the process.
func New(version string) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	seconds := func(name, help string, from float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help,
			Buckets: prometheus.ExponentialBucketsRange(from, 10, 14)}, labels)
	}
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		requests:   counter("hexamart_requests_total", "HTTP requests by route and status.", "method", "route", "status"),
		durations:  seconds("hexamart_request_duration_seconds", "Time that requests took, by route.", 0.0001, "method", "route"),
		problems:   counter("hexamart_problems_total", "Requests answered with a problem, by its code: invalid_credentials and rate_limited are failed logins.", "code"),
		reads:      prometheus.NewCounter(prometheus.CounterOpts{Name: "hexamart_page_reads_total", Help: "Pages of products that were not in memory, of all that hexamart_requests_total has."}),
		statements: seconds("hexamart_sql_duration_seconds", "Time that SQL statements took, by verb and table.", 0.0001, "statement"),
		sqlErrors:  counter("hexamart_sql_errors_total", "SQL statements that failed, by the server's error number, or lost for a connection.", "error"),
		orders:     prometheus.NewCounter(prometheus.CounterOpts{Name: "hexamart_orders_total", Help: "Orders placed."}),
		revenue:    prometheus.NewCounter(prometheus.CounterOpts{Name: "hexamart_revenue_total", Help: "What the orders placed cost, in the shop's currency. For a picture, not for the books."}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "hexamart_info", Help: "The version that runs.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.registry.MustRegister(m.requests, m.durations, m.problems, m.reads, m.statements, m.sqlErrors, m.orders, m.revenue, info,
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "hexamart_sql_retries_total", Help: "Transactions that ran again, after a deadlock or a lost connection."},
			func() float64 { return float64(database.Retries()) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, code := range []string{"invalid_credentials", "rate_limited", "out_of_stock", "temporarily_unavailable", "internal"} {
		m.problems.WithLabelValues(code) // an alert knows nothing of what has not happened yet, unless it is 0
	}
	return m
}

// WatchPool adds the state of a pool of connections.
func (m *Metrics) WatchPool(db *sqlx.DB) {
	m.registry.MustRegister(collectors.NewDBStatsCollector(db.DB, "hexamart"))
}

// Request counts an answer.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	key := requestKey{method, route, status}
	child, ok := m.routes.get(key)
	if !ok {
		child = m.newRoute(key)
	}
	child.count.Inc()
	child.duration.Observe(took.Seconds())
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

func (m *Metrics) newRoute(key requestKey) requestChild {
	if !slices.Contains(methods, key.method) {
		key.method = "other" // whatever a client made up
	}
	child := requestChild{m.requests.WithLabelValues(key.method, key.route, strconv.Itoa(key.status)), m.durations.WithLabelValues(key.method, key.route)}
	m.routes.put(key, child)
	return child
}

// Problem counts a request that was answered with a problem.
func (m *Metrics) Problem(code string) { m.problems.WithLabelValues(code).Inc() }

// Read counts a page of products that was not in memory.
func (m *Metrics) Read() { m.reads.Inc() }

// Order counts an order that was placed.
func (m *Metrics) Order(total model.Money) {
	m.orders.Inc()
	m.revenue.Add(float64(total) / 100)
}

// Handler serves the metrics at /metrics, and Go's profiles at /debug/pprof/.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
