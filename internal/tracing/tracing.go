// Package tracing sends traces of requests and of their SQL to an OpenTelemetry collector.
package tracing

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"hexamart/internal/database"
)

// Tracing makes spans and sends them. Its methods may be called from many goroutines.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Wanted reports whether the environment names a collector, by OTEL_EXPORTER_OTLP_ENDPOINT. What else there is to
// set has OpenTelemetry's own names: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS, ...
func Wanted() bool { return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" }

// New returns what sends traces to the collector that the environment names, in the background: one that is
// away costs spans, and no request anything.
func New(ctx context.Context, version string, log *slog.Logger) (*Tracing, error) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("sending traces", "error", err) }))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "hexamart"), attribute.String("service.version", version)),
		resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return &Tracing{provider, provider.Tracer("hexamart")}, nil
}

// Close sends what has not been sent yet, until ctx ends.
func (t *Tracing) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Requests is a middleware of a chi router: each request is a span, the child of the one that its traceparent
// header names.
func (t *Tracing) Requests(next http.Handler) http.Handler {
	var w3c propagation.TraceContext
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := w3c.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, methodOf(r), trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(ww, r.WithContext(ctx))
		if !span.IsRecording() {
			return
		}
		span.SetAttributes(attribute.String("http.request.method", methodOf(r)), attribute.Int("http.response.status_code", ww.Status()),
			attribute.String("http.request.header.x-request-id", w.Header().Get("X-Request-Id")))
		if route := chi.RouteContext(r.Context()).RoutePattern(); route != "" {
			span.SetName(methodOf(r) + " " + route)
			span.SetAttributes(attribute.String("http.route", route))
		}
		if ww.Status() >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	})
}

// Statement makes a span of a statement that belongs to a request; it is a database.Observer.
func (t *Tracing) Statement(ctx context.Context, s database.Statement) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return
	}
	end := time.Now()
	_, span := t.tracer.Start(ctx, "sql", trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(end.Add(-s.Duration)),
		trace.WithAttributes(attribute.String("db.system.name", "mysql"), attribute.String("db.query.text", s.SQL),
			attribute.Int64("db.response.returned_rows", s.Rows)))
	if s.Err != nil {
		span.SetStatus(codes.Error, s.Err.Error())
	}
	span.End(trace.WithTimestamp(end))
}

// ID returns the id of the trace that ctx belongs to, or "".
func ID(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		return span.TraceID().String()
	}
	return ""
}

// methodOf is a request's method as OpenTelemetry wants it: what a client makes up may be long.
func methodOf(r *http.Request) string {
	if len(r.Method) > 16 {
		return "_OTHER"
	}
	return r.Method
}
