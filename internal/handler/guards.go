package handler

import (
	"context"
	"net/http"
	"strings"
	"time"

	"hexamart/internal/apperr"
	"hexamart/internal/service"
)

// readToken lets only requests with a bearer token of the shop's pass, for as long as it lasts: whoever has none is told so
// before anything is read of the body or waited for.
func (a *API) readToken(next http.Handler) http.Handler {
	return a.handle(func(w http.ResponseWriter, r *http.Request) (err error) {
		if requestOf(r.Context()).bearer, err = a.bearer(r); err != nil {
			return err
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

func (a *API) bearer(r *http.Request) (service.Bearer, error) {
	sent := r.Header.Values("Authorization")
	scheme, token, _ := strings.Cut(strings.Join(sent, ", "), " ")
	if len(sent) != 1 || !strings.EqualFold(scheme, "Bearer") || token == "" { // of two the first is not better
		return service.Bearer{}, apperr.New(apperr.Unauthenticated, "Please log in first.")
	}
	return a.Services.Auth.Read(strings.TrimSpace(token))
}

// authenticate lets only requests pass whose token still holds. It stands behind readToken, and behind all that a client can draw
// out: what is done for it is begun at once.
func (a *API) authenticate(next http.Handler) http.Handler {
	return a.handle(func(w http.ResponseWriter, r *http.Request) error {
		if err := a.identifyCaller(w, r, requestOf(r.Context()).bearer); err != nil {
			return err
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// identifyCaller finds out who is asking. What follows is for one pair of eyes.
func (a *API) identifyCaller(w http.ResponseWriter, r *http.Request, b service.Bearer) error {
	principal, err := a.Services.Auth.Authenticate(r.Context(), b)
	if err != nil {
		return err
	}
	a.Services.Auth.Know(clientAddr(r), principal.UserID)
	requestOf(r.Context()).principal = principal
	w.Header().Set("Cache-Control", "no-store")
	return nil
}

// requireAdmin stands behind authenticate.
func (a *API) requireAdmin(next http.Handler) http.Handler {
	return a.handle(func(w http.ResponseWriter, r *http.Request) error {
		if !caller(r).IsAdmin {
			return service.ErrAdminsOnly
		}
		requestOf(r.Context()).forAdmins = true
		next.ServeHTTP(w, r)
		return nil
	})
}

// atOnce is how late what somebody may do is still what they may do now.
const atOnce = 50 * time.Millisecond

// stillMay is asked by what may have waited behind authenticate, and requireAdmin.
func (a *API) stillMay(r *http.Request) func() error {
	since, req := time.Now(), requestOf(r.Context())
	return func() error {
		if time.Since(since) < atOnce || req.principal.UserID == 0 {
			return nil
		}
		principal, err := a.Services.Auth.Authenticate(r.Context(), req.bearer)
		if err == nil && req.forAdmins && !principal.IsAdmin {
			err = service.ErrAdminsOnly
		}
		return err
	}
}

// whileMay reads what may take long, or wait for long, for whoever still may see it when it is there.
func whileMay[F, T any](a *API, r *http.Request, filter F, read func(ctx context.Context, filter F) (T, error)) (T, error) {
	still := a.stillMay(r)
	answer, err := read(r.Context(), filter)
	if err == nil {
		err = still()
	}
	return answer, err
}
