package service_test

import (
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// TestSessionsAreBounded logs in more often than there is room for: the sessions end that were not used for longest, and
// nobody else's.
func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	somebody, u := s.User(), s.User()
	first := *u
	s.Login(u)
	second := *u
	s.Exec("UPDATE refresh_tokens SET created_at = created_at - INTERVAL generation + IF(user_id = ?, 60, 120) MINUTE", u.ID)
	if _, err := refresh(t.Context(), s, first.Refresh); err != nil { // which makes the second the oldest
		t.Fatal(err)
	}
	for range 98 {
		s.Login(u)
	}
	count := func() int64 {
		return s.Count("SELECT COUNT(DISTINCT family) FROM refresh_tokens WHERE user_id = ?", u.ID)
	}
	if n := count(); n != 100 {
		t.Fatalf("%d sessions", n)
	}
	authenticate := func(token string) error {
		_, err := service.Authenticate(t.Context(), s.Services, token)
		return err
	}
	if err := authenticate(second.Token); err != nil {
		t.Errorf("there was room: %v", err)
	}
	s.Login(u)
	if err := authenticate(second.Token); !apperr.Is(err, apperr.Unauthenticated) {
		t.Errorf("the oldest: %v", err)
	}
	for name, token := range map[string]string{"refreshed": first.Token, "newest": u.Token, "somebody else's": somebody.Token} {
		if err := authenticate(token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	errs := atOnce(8, func(int) error {
		_, err := s.Services.Auth.Login(t.Context(), model.LoginInput{Username: u.Email, Password: u.Password}, model.Actor{})
		return err
	})
	s.Login(u)
	if n := count(); errs[""] != 8 || n != 100 {
		t.Errorf("%d sessions, logins %v", n, errs)
	}
}
