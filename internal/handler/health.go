package handler

import (
	"errors"
	"net/http"

	"hexamart/internal/apperr"
)

type health struct {
	Status string `json:"status"`
}

// alive says that the process answers, whatever the database does.
func (a *API) alive(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	return respond(w, http.StatusOK, health{"ok"})
}

// ready says whether requests can be served now.
func (a *API) ready(w http.ResponseWriter, r *http.Request) error {
	if a.draining.Load() {
		return apperr.Retry(apperr.Unavailable, "The shop is shutting down.", retrySoon, errors.New("draining"))
	}
	if err := a.Ready(r.Context()); err != nil {
		return apperr.Retry(apperr.Unavailable, "The shop is not ready.", retrySoon, err)
	}
	w.Header().Set("Cache-Control", "no-store")
	return respond(w, http.StatusOK, health{"ready"})
}
