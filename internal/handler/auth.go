package handler

import (
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
)

func (a *API) register(w http.ResponseWriter, r *http.Request) error {
	var in model.RegisterInput
	if err := a.decodePassword(r, &in); err != nil {
		return err
	}
	id, err := a.Services.Auth.Register(r.Context(), in, actor(r))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return created(w, "/users/profile", struct {
		message
		UserID int64 `json:"user_id"`
	}{message{"Your account is ready. You can log in now."}, id})
}

func (a *API) login(w http.ResponseWriter, r *http.Request) error {
	var in model.LoginInput
	err := a.read(r, shortBody, func() (err error) {
		in, err = decodeLogin(r)
		return err
	})
	if err != nil {
		return err
	}
	login, err := a.Services.Auth.Login(r.Context(), in, actor(r))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return respond(w, http.StatusOK, login)
}

func (a *API) refresh(w http.ResponseWriter, r *http.Request) error {
	var in model.RefreshInput
	if err := a.decode(r, &in); err != nil {
		return err
	}
	leave, err := a.takeHoldersTurn(r, in.RefreshToken)
	if err != nil {
		return err
	}
	defer leave()
	token, err := a.Services.Sessions.Refresh(r.Context(), in, actor(r))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return respond(w, http.StatusOK, token)
}

// logout takes a refresh token, which is enough when the access token has expired, or an access token
// from those who know no other. Without a body it is the latter's session that ends.
func (a *API) logout(w http.ResponseWriter, r *http.Request) error {
	var in model.LogoutInput
	err := a.decode(r, &in)
	if err != nil && !errors.Is(err, errNoBody) {
		return err
	}
	leave, err := a.takeHoldersTurn(r, in.RefreshToken)
	if err != nil {
		return err
	}
	defer leave()
	if in.RefreshToken != "" {
		// Whose access token comes along wants that to end as well, though the other is of no use any more.
		known := r.Header.Get("Authorization") != "" && a.identifyHolder(w, r) == nil
		if known {
			err = a.Services.Sessions.EndOf(r.Context(), caller(r), in.Everywhere, actor(r))
		}
		if err == nil {
			err = a.Services.Sessions.End(r.Context(), in, actor(r))
		}
		if known && apperr.Is(err, apperr.Unauthenticated) { // by now, for all sessions have ended
			err = nil
		}
	} else if err = a.identifyHolder(w, r); err == nil {
		err = a.Services.Sessions.EndOf(r.Context(), caller(r), in.Everywhere, actor(r))
	}
	if err != nil {
		return err
	}
	text := "You are logged out."
	if in.Everywhere {
		text = "You are logged out everywhere."
	}
	return respond(w, http.StatusOK, message{text})
}

// identifyHolder is readToken and authenticate where a token may be missing.
func (a *API) identifyHolder(w http.ResponseWriter, r *http.Request) error {
	b, err := a.bearer(r)
	if err != nil {
		return err
	}
	return a.identifyCaller(w, r, b)
}

func (a *API) listSessions(w http.ResponseWriter, r *http.Request) error {
	list, err := a.Services.Sessions.List(r.Context(), caller(r))
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, list)
}

func (a *API) endSession(w http.ResponseWriter, r *http.Request) error {
	if err := a.Services.Sessions.EndOne(r.Context(), chi.URLParam(r, "id"), actor(r)); err != nil {
		return err
	}
	return respond(w, http.StatusOK, message{"The session has ended."})
}
