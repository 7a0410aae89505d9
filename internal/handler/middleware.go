package handler

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/cors"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/service"
)

const requestTimeout = 20 * time.Second // for all of a request's work; beyond it the answer is 503

// request is what the context carries: the request's id and origin and, once known, who is asking.
type request struct {
	id        string
	origin    string         // scheme and host by which the client reaches the shop, "" if that can't be told
	bearer    service.Bearer // of the token, where one is asked for
	principal model.Principal
	forAdmins bool
	turn      *turn // that it has, if it takes one
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	if req, ok := ctx.Value(requestKey{}).(*request); ok {
		return req
	}
	return &request{}
}

// RequestID returns the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) string { return requestOf(ctx).id }

// caller returns who is asking, on routes behind authenticate.
func caller(r *http.Request) model.Principal { return requestOf(r.Context()).principal }

// actor returns the same as the audit log remembers it; on other routes it is nobody at some address.
func actor(r *http.Request) model.Actor {
	return model.Actor{ID: caller(r).UserID, Session: caller(r).Session, Address: clientAddr(r), Agent: r.UserAgent(), RequestID: RequestID(r.Context())}
}

// identify gives each request its id: the client's own if it is well-formed, else a new one.
func (a *API) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !wellFormedID(id) {
			id = rand.Text()
		}
		w.Header().Set("X-Request-Id", id)
		a.protect(w.Header(), r)
		if a.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, &request{id: id, origin: a.originOf(r)})))
	})
}

func wellFormedID(id string) bool {
	odd := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.:", c)
	}
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, odd)
}

// logRequests writes one line a request, after it.
func (a *API) logRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(ww, r)
		route := chi.RouteContext(r.Context()).RoutePattern()
		if route == "" {
			route = "none"
		}
		took := time.Since(start)
		if a.Observe.Request != nil {
			a.Observe.Request(r.Method, route, ww.Status(), took)
		}
		level := slog.LevelInfo
		if route == "/healthz" || route == "/readyz" {
			level = slog.LevelDebug
		}
		// By itself: nobody asks where in the source this line is, which a Logger looks up each time.
		if log := a.Log.Handler(); log.Enabled(r.Context(), level) {
			line := slog.NewRecord(start.Add(took), level, "request", 0)
			line.AddAttrs(slog.String("method", methodOf(r)), slog.String("route", route), slog.Int("status", ww.Status()),
				slog.Duration("duration", took.Round(time.Microsecond)), slog.Int64("user", caller(r).UserID))
			_ = log.Handle(r.Context(), line) // there is nobody to tell
		}
	})
}

// methodOf is the method of a request, as it is to be logged: what a client makes up may be long.
func methodOf(r *http.Request) string {
	if len(r.Method) > 16 {
		return "other"
	}
	return r.Method
}

// recoverPanics answers a panic as any internal error. http.ErrAbortHandler is the standard way to
// drop a connection and passes.
func (a *API) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				panic(v)
			default:
				a.fail(w, r, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func (a *API) cors() func(http.Handler) http.Handler {
	return cors.Handler(cors.Options{
		AllowOriginFunc:  func(_ *http.Request, origin string) bool { return slices.Contains(a.CORSOrigins, origin) },
		AllowedMethods:   []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		AllowedHeaders:   []string{"Accept", "Accept-Language", "Authorization", "Content-Type", "Cache-Control", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-Id", "X-Requested-With"},
		ExposedHeaders:   []string{"Link", "ETag", "Location", "X-Total-Count", "X-Request-Id", "Retry-After", "Idempotent-Replayed"},
		AllowCredentials: true,
		MaxAge:           600, // seconds
	})
}

// cleanPath routes a path as if it had neither doubled slashes nor one at its end. Nothing is
// redirected: browsers drop a preflighted request that is.
func cleanPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chi.RouteContext(r.Context()).RoutePath = routePath(r)
		next.ServeHTTP(w, r)
	})
}

// maxPath is more bytes than any path has that leads somewhere.
const (
	maxPath = 1 << 10
	noPath  = "/-"
)

func routePath(r *http.Request) string {
	if len(r.URL.Path) > maxPath {
		return noPath
	}
	if path := r.URL.Path; r.URL.RawPath == "" && len(path) > 1 && path[0] == '/' && path[len(path)-1] != '/' && !strings.Contains(path, "//") {
		return path
	}
	segments := strings.FieldsFunc(r.URL.EscapedPath(), func(c rune) bool { return c == '/' })
	for i, s := range segments {
		if plain, err := url.PathUnescape(s); err == nil && !strings.Contains(plain, "/") {
			segments[i] = plain
		}
	}
	return "/" + strings.Join(segments, "/")
}

func limitTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func notFound(http.ResponseWriter, *http.Request) error {
	return apperr.New(apperr.NotFound, "There is nothing at this address.")
}

func methodNotAllowed(w http.ResponseWriter, r *http.Request) error {
	routes, path := chi.RouteContext(r.Context()).Routes, routePath(r)
	var allowed []string
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if !routes.Match(chi.NewRouteContext(), method, path) {
			continue
		}
		if allowed = append(allowed, method); method == "GET" {
			allowed = append(allowed, "HEAD")
		}
	}
	if allowed == nil { // the router takes a method that it does not know for the trouble
		return notFound(w, r)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return apperr.Newf(apperr.MethodNotAllowed, "This address answers %s only.", strings.Join(allowed, ", "))
}
