package main

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// traces is a collector.
type traces struct {
	mu  sync.Mutex
	all []*spans.Span
	bad []string
}

func (c *traces) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	b, err := io.ReadAll(body)
	var sent collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(b, &sent)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		c.bad = append(c.bad, r.URL.Path)
	}
	for _, resource := range sent.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.all = append(c.all, scope.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// TestTraces sends a request as part of a trace: it and its statements come to the collector under that trace,
// and its line in the log names it. A request of no trace begins one of its own.
func TestTraces(t *testing.T) {
	t.Parallel()
	c := &traces{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	p := newPlace(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL)
	proc := p.serve("--demo")
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	req, err := http.NewRequest("GET", p.url("/products/3?secret=hunter2"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Traceparent", "00-"+trace+"-"+parent+"-01")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	ann := p.shopper("ann")
	ann.want(404, "GET", "/nothing", "", nil)
	ann.want(409, "POST", "/auth/register", `{"name":"Ann","email":"ann@example.com","password":"long enough"}`, nil)
	ann.order()
	if code := p.stop(proc, syscall.SIGTERM); code != 0 { // which sends what there is
		t.Errorf("exit %d: %s", code, proc.out)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found, statements, others := "", 0, 0
	for _, s := range c.all {
		switch {
		case hex.EncodeToString(s.TraceId) != trace:
			others++
		case s.Name == "GET /products/{id}" && hex.EncodeToString(s.ParentSpanId) == parent:
			found = string(s.SpanId)
		}
	}
	for _, s := range c.all {
		if s.Name == "sql" && string(s.ParentSpanId) == found && strings.Contains(s.String(), "FROM products") {
			statements++
		}
		for _, secret := range []string{"hunter2", "ann@example", "long enough", "MG Road"} {
			if strings.Contains(s.String(), secret) {
				t.Errorf("a span tells too much: %s", s)
			}
		}
	}
	if found == "" || statements == 0 || others == 0 || c.bad != nil {
		t.Errorf("the request is there: %v, with %d statements; %d other spans, %v; all: %v", found != "", statements, others, c.bad, c.all)
	}
	requests := regexp.MustCompile(`(?m)^.* msg=request .*route=/products/{id} .*$`).FindAllString(proc.out.String(), -1)
	if len(requests) != 1 || !strings.Contains(requests[0], "trace_id="+trace) {
		t.Errorf("the log has %q", requests)
	}
}

// TestTracesNobodyTakes runs a shop whose collector is away: it serves, and says so.
func TestTracesNobodyTakes(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+newPlace(t).addr)
	proc := p.serve("--demo")
	p.shopper("ann").order()
	if code := p.stop(proc, syscall.SIGTERM); code != 0 || !strings.Contains(proc.out.String(), "traces") {
		t.Errorf("exit %d: %s", code, proc.out)
	}
}
