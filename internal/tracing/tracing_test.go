package tracing

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestLongMethod makes up a method that is as long as a head may be: spans have a short one.
func TestLongMethod(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))
	tracing := &Tracing{provider, provider.Tracer("test")}
	router := chi.NewRouter()
	router.Use(tracing.Requests)
	router.Get("/products", func(http.ResponseWriter, *http.Request) {})
	for method, want := range map[string]string{"GET": "GET", "PROPFIND": "PROPFIND", strings.Repeat("M", 30_000): "_OTHER"} {
		spans.Reset()
		router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/products", nil))
		span := spans.Ended()[0]
		name, _, _ := strings.Cut(span.Name(), " ")
		if name != want || len(span.Attributes()) == 0 || span.Attributes()[0].Value.AsString() != want {
			t.Errorf("%.20s: the span is %.40s, %.100v", method, span.Name(), span.Attributes())
		}
	}
}
