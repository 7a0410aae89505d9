package service_test

import (
	"strings"
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// TestRegisterRace registers one e-mail in many spellings at once: one account.
func TestRegisterRace(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	spellings := []string{"ann@example.com", "ANN@example.com", "Ann@Example.Com", "ann@EXAMPLE.COM", " ann@example.com "}
	errs := atOnce(20, func(i int) error {
		_, err := s.Services.Auth.Register(t.Context(), model.RegisterInput{Name: "Ann", Email: spellings[i%len(spellings)], Password: "thimble-1"}, model.Actor{})
		return err
	})
	if errs[""] != 1 || errs[apperr.EmailTaken] != 19 {
		t.Errorf("answers were %v", errs)
	}
	if n := s.Count("SELECT COUNT(*) FROM users"); n != 1 {
		t.Errorf("%d accounts", n)
	}
}

// TestLoginRace guesses many passwords at once: no more are looked at than one after the other.
func TestLoginRace(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	errs := atOnce(40, func(i int) error {
		_, err := s.Services.Auth.Login(t.Context(), model.LoginInput{Username: u.Email, Password: "guess"}, model.Actor{Address: "198.51.100.1"})
		return err
	})
	if errs[apperr.InvalidCredentials] != 10 || errs[apperr.RateLimited] != 30 {
		t.Errorf("answers were %v", errs)
	}
	if _, err := s.Services.Auth.Login(t.Context(), model.LoginInput{Username: u.Email, Password: u.Password}, model.Actor{Address: "198.51.100.2"}); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
}

// TestLoginPaysOnce checks that logins at once that succeed do not use up the failures.
func TestLoginPaysOnce(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	for range 4 {
		if errs := atOnce(24, func(int) error { // more at once than may fail
			_, err := s.Services.Auth.Login(t.Context(), model.LoginInput{Email: strings.ToUpper(u.Email), Password: u.Password}, model.Actor{Address: "198.51.100.1"})
			return err
		}); errs[""] != 24 {
			t.Errorf("answers were %v", errs)
		}
	}
}

func TestEnsureAdmin(t *testing.T) {
	t.Parallel()
	t.Run("AtOnce", func(t *testing.T) {
		t.Parallel()
		s := testkit.NewShop(t)
		errs := atOnce(8, func(int) error {
			return s.Services.Auth.EnsureAdmin(t.Context(), model.Actor{}, "boss@example.com", "thimble-1")
		})
		if errs[""] != 8 {
			t.Errorf("answers were %v", errs)
		}
		if n := s.Count("SELECT COUNT(*) FROM users WHERE is_admin AND email = 'boss@example.com'"); n != 1 {
			t.Errorf("%d admins", n)
		}
	})
	t.Run("Promotes", func(t *testing.T) {
		t.Parallel()
		s := testkit.NewShop(t)
		u, other := s.User(), s.User()
		if err := s.Services.Auth.EnsureAdmin(t.Context(), model.Actor{}, strings.ToUpper(u.Email), "another password"); err != nil {
			t.Fatal(err)
		}
		login, err := s.Services.Auth.Login(t.Context(), model.LoginInput{Email: u.Email, Password: u.Password}, model.Actor{Address: "here"})
		if err != nil || !login.IsAdmin {
			t.Errorf("login is %+v, %v", login, err)
		}
		login, err = s.Services.Auth.Login(t.Context(), model.LoginInput{Email: other.Email, Password: other.Password}, model.Actor{Address: "here"})
		if err != nil || login.IsAdmin {
			t.Errorf("the other's login is %+v, %v", login, err)
		}
	})
	t.Run("BadPassword", func(t *testing.T) {
		t.Parallel()
		s := testkit.NewShop(t)
		if err := s.Services.Auth.EnsureAdmin(t.Context(), model.Actor{}, "boss@example.com", "short"); code(err) != apperr.InvalidInput {
			t.Errorf("got %v", err)
		}
	})
	t.Run("NobodyToPromote", func(t *testing.T) {
		t.Parallel()
		s := testkit.NewShop(t)
		if err := s.Services.Auth.PromoteUser(t.Context(), model.Actor{}, "nobody@example.com"); code(err) != apperr.NotFound {
			t.Errorf("got %v", err)
		}
	})
}

// TestLoginAtOnce logs one account in more often at once than it may fail: no login is a failure.
func TestLoginAtOnce(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	errs := atOnce(15, func(int) error {
		_, err := s.Services.Auth.Login(t.Context(), model.LoginInput{Username: u.Email, Password: u.Password}, model.Actor{Address: "here"})
		return err
	})
	if errs[""] != 15 {
		t.Errorf("answers were %v", errs)
	}
}

// TestAuthenticateAtOnce checks tokens of many people at once, round after round, while sessions end and roles change
// between them: each gets the answer of their own token, as of now.
func TestAuthenticateAtOnce(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	type bearer struct {
		who   *testkit.Person
		admin bool
		over  bool
	}
	var all []*bearer
	for i := range 24 {
		who := s.User()
		b := &bearer{who: who, admin: i%3 == 0, over: i%4 == 0}
		if b.admin {
			s.Exec("UPDATE users SET is_admin = TRUE WHERE id = ?", who.ID)
		}
		if b.over {
			s.Exec("DELETE FROM refresh_tokens WHERE user_id = ?", who.ID)
		}
		all = append(all, b)
	}
	for range 5 {
		atOnce(10*len(all), func(i int) error {
			b := all[i%len(all)]
			got, err := service.Authenticate(t.Context(), s.Services, b.who.Token)
			want := model.Principal{UserID: b.who.ID, IsAdmin: b.admin, Session: got.Session}
			switch {
			case b.over && code(err) != apperr.Unauthenticated:
				t.Errorf("a session that is over: %+v, %v", got, err)
			case !b.over && (err != nil || got != want):
				t.Errorf("user %d is %+v, %v, want %+v", b.who.ID, got, err, want)
			}
			return err
		})
		for i, b := range all { // some lose what they had, others gain it
			if i%5 == 0 && !b.over {
				s.Exec("UPDATE users SET is_admin = NOT is_admin WHERE id = ?", b.who.ID)
				b.admin = !b.admin
			}
		}
		last := all[len(all)-1]
		s.Exec("UPDATE users SET token_version = token_version + 1 WHERE id = ?", last.who.ID)
		last.over = true
	}
}
