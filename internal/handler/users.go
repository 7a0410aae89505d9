package handler

import (
	"net/http"

	"hexamart/internal/model"
)

func (a *API) getProfile(w http.ResponseWriter, r *http.Request) error {
	user, err := a.Services.Users.Get(r.Context(), caller(r).UserID)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, user)
}

func (a *API) updateProfile(w http.ResponseWriter, r *http.Request) error {
	var in model.ProfileInput
	if err := a.decode(r, &in); err != nil {
		return err
	}
	if err := a.Services.Users.UpdateProfile(r.Context(), actor(r), in); err != nil {
		return err
	}
	return respond(w, http.StatusOK, message{"Your profile is updated."})
}

func (a *API) changePassword(w http.ResponseWriter, r *http.Request) error {
	var in model.PasswordInput
	if err := a.decodePassword(r, &in); err != nil {
		return err
	}
	login, err := a.Services.Users.ChangePassword(r.Context(), actor(r), in)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, struct {
		message
		model.Token
	}{message{"Your password is changed. Please log in with it from now on."}, login})
}

func (a *API) getAddress(w http.ResponseWriter, r *http.Request) error {
	user, err := a.Services.Users.Get(r.Context(), caller(r).UserID)
	if err != nil {
		return err
	}
	var address string // without one "", as before: the field of a form takes no null
	if user.Address != nil {
		address = *user.Address
	}
	return respond(w, http.StatusOK, struct {
		Address string `json:"address"`
	}{address})
}

func (a *API) updateAddress(w http.ResponseWriter, r *http.Request) error {
	var in model.AddressInput
	if err := a.decode(r, &in); err != nil {
		return err
	}
	if err := a.Services.Users.UpdateAddress(r.Context(), actor(r), in); err != nil {
		return err
	}
	return respond(w, http.StatusOK, message{"Your address is updated."})
}
