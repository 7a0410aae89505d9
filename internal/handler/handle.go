package handler

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"hexamart/internal/apperr"
	"hexamart/internal/docs"
)

// statuses is the one place where an error becomes a status; a code that is not here is a 500.
var statuses = map[apperr.Code]int{
	apperr.Malformed:          http.StatusBadRequest,
	apperr.InvalidInput:       http.StatusUnprocessableEntity,
	apperr.InvalidCredentials: http.StatusUnauthorized,
	apperr.Unauthenticated:    http.StatusUnauthorized,
	apperr.Forbidden:          http.StatusForbidden,
	apperr.ForeignPage:        http.StatusForbidden,
	apperr.NotFound:           http.StatusNotFound,
	apperr.MethodNotAllowed:   http.StatusMethodNotAllowed,
	apperr.EmailTaken:         http.StatusConflict,
	apperr.EmptyCart:          http.StatusConflict,
	apperr.CartFull:           http.StatusConflict,
	apperr.OutOfStock:         http.StatusConflict,
	apperr.TotalChanged:       http.StatusConflict,
	apperr.TotalTooLarge:      http.StatusConflict,
	apperr.StatusConflict:     http.StatusConflict,
	apperr.PreconditionFailed: http.StatusPreconditionFailed,
	apperr.KeyInUse:           http.StatusConflict,
	apperr.KeyReused:          http.StatusUnprocessableEntity,
	apperr.TooLarge:           http.StatusRequestEntityTooLarge,
	apperr.HeadersTooLarge:    http.StatusRequestHeaderFieldsTooLarge,
	apperr.UnsupportedMedia:   http.StatusUnsupportedMediaType,
	apperr.RateLimited:        http.StatusTooManyRequests,
	apperr.Unavailable:        http.StatusServiceUnavailable,
}

const problemType = "application/problem+json"

// problem is an error's answer by RFC 9457.
type problem struct {
	Type      string         `json:"type"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail"`
	Code      apperr.Code    `json:"code"`
	RequestID string         `json:"request_id"`
	Errors    []apperr.Field `json:"errors,omitempty"`
}

// handle adapts a handler that returns its error: here it is answered, and here alone it is logged.
func (a *API) handle(fn func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := fn(w, r); err != nil {
			a.fail(w, r, err)
		}
	}
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	var known *apperr.Error
	status, ok := 0, errors.As(err, &known)
	if ok {
		status, ok = statuses[known.Code]
	}
	if !ok {
		status = http.StatusInternalServerError
		known = &apperr.Error{Code: apperr.Internal, Message: "Something went wrong on our side. Please try again later."}
	}
	a.logFailure(r.Context(), status, err)
	if a.Observe.Problem != nil {
		a.Observe.Problem(string(known.Code))
	}
	h := w.Header()
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusRequestEntityTooLarge:
		h.Set("Connection", "close") // the rest of the body is not going to be read
	}
	if errors.Is(err, errCrowded) {
		lastOfConnection(w, r)
	}
	if known.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(known.RetryAfter.Seconds()))))
	}
	h.Set("Cache-Control", "no-store")
	write(w, status, problemType, encodeProblem(problem{
		Type: docs.ProblemPath(string(known.Code)), Title: http.StatusText(status), Status: status, Detail: known.Message,
		Code: known.Code, RequestID: RequestID(r.Context()), Errors: known.Fields,
	}, known.Details))
}

func (a *API) logFailure(ctx context.Context, status int, err error) {
	level := slog.LevelDebug
	switch {
	case errors.Is(err, context.Canceled): // the client has gone
		level = slog.LevelInfo
	case status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	}
	a.Log.Log(ctx, level, "request failed", "status", status, "error", err)
}

// encodeProblem writes the standard members in their order and the error's own ones after them.
func encodeProblem(p problem, details map[string]any) []byte {
	own := maps.Clone(details)
	for _, member := range []string{"type", "title", "status", "detail", "code", "request_id", "errors"} {
		delete(own, member)
	}
	body, err := json.Marshal(p)
	if err == nil && len(own) > 0 {
		var more []byte
		if more, err = json.Marshal(own); err == nil {
			body = append(append(body[:len(body)-1], ','), more[1:]...)
		}
	}
	if err != nil { // details are plain values of our own
		panic(err)
	}
	return append(body, '\n')
}

// retrySoon is how long a client is asked to wait for something that is being brought up.
const retrySoon = 2 * time.Second
