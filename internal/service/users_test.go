package service_test

import (
	"fmt"
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// TestChangePasswordRace changes one password many times at once: one change wins, and it is the one
// that was answered.
func TestChangePasswordRace(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	tokens := make([]model.Token, 8)
	errs := atOnce(len(tokens), func(i int) (err error) {
		tokens[i], err = s.Services.Users.ChangePassword(t.Context(), model.Actor{ID: u.ID},
			model.PasswordInput{OldPassword: u.Password, NewPassword: fmt.Sprintf("new-thimble-%d", i)})
		return err
	})
	if errs[""] != 1 || errs[apperr.Unauthenticated]+errs[apperr.InvalidInput] != len(tokens)-1 {
		t.Errorf("answers were %v", errs)
	}
	for i, token := range tokens {
		_, err := s.Services.Auth.Login(t.Context(), model.LoginInput{Email: u.Email, Password: fmt.Sprintf("new-thimble-%d", i)}, model.Actor{Address: fmt.Sprint(i)})
		if won := token.AccessToken != ""; (err == nil) != won {
			t.Errorf("change %d was answered %t, and a login with it %v", i, won, err)
		} else if won {
			if who, err := service.Authenticate(t.Context(), s.Services, token.AccessToken); err != nil || who.UserID != u.ID {
				t.Errorf("the fresh token is %+v's, %v", who, err)
			}
		}
	}
	if _, err := service.Authenticate(t.Context(), s.Services, u.Token); code(err) != apperr.Unauthenticated {
		t.Errorf("the old token: %v", err)
	}
	if n := s.Count("SELECT token_version FROM users WHERE id = ?", u.ID); n != 1 {
		t.Errorf("token version is %d", n)
	}
}

// TestUpdateProfileRace lets many people take one e-mail at once: one has it.
func TestUpdateProfileRace(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	people := make([]*testkit.Person, 8)
	for i := range people {
		people[i] = s.User()
	}
	errs := atOnce(len(people), func(i int) error {
		return s.Services.Users.UpdateProfile(t.Context(), model.Actor{ID: people[i].ID}, model.ProfileInput{Name: "N", Email: []string{"one@example.com", "ONE@example.com"}[i%2]})
	})
	if errs[""] != 1 || errs[apperr.EmailTaken] != len(people)-1 {
		t.Errorf("answers were %v", errs)
	}
}

// TestUserGone asks for what belongs to somebody who was deleted meanwhile.
func TestUserGone(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	s.Exec("DELETE FROM users WHERE id = ?", u.ID)
	_, get := s.Services.Users.Get(t.Context(), u.ID)
	_, change := s.Services.Users.ChangePassword(t.Context(), model.Actor{ID: u.ID}, model.PasswordInput{OldPassword: u.Password, NewPassword: "another one"})
	for name, err := range map[string]error{
		"Get": get, "ChangePassword": change,
		"UpdateProfile": s.Services.Users.UpdateProfile(t.Context(), model.Actor{ID: u.ID}, model.ProfileInput{Name: "N", Email: "n@example.com"}),
		"UpdateAddress": s.Services.Users.UpdateAddress(t.Context(), model.Actor{ID: u.ID}, model.AddressInput{Address: new("Here")}),
	} {
		if code(err) != apperr.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestChangePasswordInEndedSession changes a password in a session that ends while the change waits for its turn.
func TestChangePasswordInEndedSession(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	who, err := service.Authenticate(t.Context(), s.Services, u.Token)
	if err != nil {
		t.Fatal(err)
	}
	change := func(password string) error {
		_, err := s.Services.Users.ChangePassword(t.Context(), model.Actor{ID: u.ID, Session: who.Session}, model.PasswordInput{OldPassword: u.Password, NewPassword: password})
		return err
	}
	if err := s.Services.Sessions.EndOf(t.Context(), who, false, model.Actor{ID: u.ID}); err != nil {
		t.Fatal(err)
	}
	if err := change("thimble and lamp"); code(err) != apperr.Unauthenticated {
		t.Errorf("in a session that has ended: %v", err)
	}
	s.Login(u) // with the old password
	if who, err = service.Authenticate(t.Context(), s.Services, u.Token); err != nil {
		t.Fatal(err)
	}
	if err := change("thimble and lamp"); err != nil {
		t.Errorf("in one that has not: %v", err)
	}
}

// TestDeletedMeanwhile lets somebody do things who was there when the request came, and is not any more.
func TestDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp := s.Product("Lamp", "19.99", 5)
	order := s.Order(s.User(), lamp, 1)
	one, address := model.Int(1), "Main Street 1"
	for name, do := range map[string]func() error{
		"AddToCart": func() error {
			_, err := s.Services.Cart.Add(t.Context(), 999, model.CartInput{ProductID: (*model.Int)(&lamp.ID), Quantity: &one})
			return err
		},
		"UpdateStatus": func() error {
			_, err := s.Services.Orders.UpdateStatus(t.Context(), model.Actor{ID: 999}, order.ID, model.StatusInput{Status: model.Shipped})
			return err
		},
		"UpdateAddress": func() error {
			return s.Services.Users.UpdateAddress(t.Context(), model.Actor{ID: 999}, model.AddressInput{Address: &address})
		},
	} {
		if err := do(); code(err) != apperr.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := s.Count("SELECT COUNT(*) FROM carts"); n > 0 {
		t.Errorf("%d lines in carts", n)
	}
}
