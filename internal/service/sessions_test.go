package service_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// twoShops are two instances on one database.
func twoShops(t *testing.T) [2]*testkit.Shop {
	t.Helper()
	cfg := testkit.EmptyDatabase(t)
	db := testkit.Open(t, cfg, nil)
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return [2]*testkit.Shop{testkit.NewShopOn(t, db), testkit.NewShopOn(t, testkit.Open(t, cfg, nil))}
}

func refresh(ctx context.Context, s *testkit.Shop, token string) (model.Token, error) {
	return s.Services.Sessions.Refresh(ctx, model.RefreshInput{RefreshToken: token}, model.Actor{})
}

// TestRefreshAtOnce refreshes many times at once with one token, at two instances: all get the same
// successor, and it is good.
func TestRefreshAtOnce(t *testing.T) {
	t.Parallel()
	shops := twoShops(t)
	u := shops[0].User()
	token := u.Refresh
	for round := range 3 {
		answers := make([]model.Token, 64)
		errs := atOnce(len(answers), func(i int) (err error) {
			answers[i], err = refresh(t.Context(), shops[i%2], token)
			return err
		})
		if errs[""] != len(answers) {
			t.Fatalf("answers were %v", errs)
		}
		for _, a := range answers {
			if a.RefreshToken != answers[0].RefreshToken || a.RefreshToken == token {
				t.Fatal("there are two chains")
			}
			if who, err := service.Authenticate(t.Context(), shops[1].Services, a.AccessToken); err != nil || who.UserID != u.ID {
				t.Fatalf("an access token is %+v's, %v", who, err)
			}
		}
		if n := shops[0].Count("SELECT COUNT(*) FROM refresh_tokens"); n != 2 {
			t.Fatalf("%d tokens after %d rounds", n, round+1)
		}
		token = answers[0].RefreshToken
	}
}

// TestReuseAtOnce brings a copied token and the good one at once: whoever is first, the session ends.
func TestReuseAtOnce(t *testing.T) {
	t.Parallel()
	shops := twoShops(t)
	for range 10 {
		u := shops[0].User()
		good, err := refresh(t.Context(), shops[0], u.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		shops[0].Exec("UPDATE refresh_tokens SET spent_at = spent_at - INTERVAL 1 HOUR")
		errs := atOnce(16, func(i int) error {
			_, err := refresh(t.Context(), shops[i/2%2], []string{u.Refresh, good.RefreshToken}[i%2])
			return err
		})
		if errs[""]+errs[apperr.Unauthenticated] != 16 || errs[apperr.Unauthenticated] < 8 {
			t.Errorf("answers were %v", errs)
		}
		if n := shops[0].Count("SELECT COUNT(*) FROM refresh_tokens WHERE user_id = ?", u.ID); n != 0 {
			t.Errorf("%d tokens are left", n)
		}
	}
}

// TestEndWhileRefreshing ends sessions in every way while they are refreshed at two instances: no token
// of theirs is good afterwards.
func TestEndWhileRefreshing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(s *testkit.Shop, u *testkit.Person) error{
		"Logout": func(s *testkit.Shop, u *testkit.Person) error {
			return s.Services.Sessions.End(context.Background(), model.LogoutInput{RefreshToken: u.Refresh}, model.Actor{})
		},
		"LogoutByAccessToken": func(s *testkit.Shop, u *testkit.Person) error {
			who, err := service.Authenticate(context.Background(), s.Services, u.Token)
			if err != nil {
				return err
			}
			return s.Services.Sessions.EndOf(context.Background(), who, false, model.Actor{})
		},
		"Everywhere": func(s *testkit.Shop, u *testkit.Person) error {
			return s.Services.Sessions.EndOf(context.Background(), model.Principal{UserID: u.ID}, true, model.Actor{})
		},
		"ChangePassword": func(s *testkit.Shop, u *testkit.Person) error {
			_, err := s.Services.Users.ChangePassword(context.Background(), model.Actor{ID: u.ID}, model.PasswordInput{OldPassword: u.Password, NewPassword: "another one"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shops := twoShops(t)
			for range 5 {
				u := shops[0].User()
				given := []model.Token{{AccessToken: u.Token, RefreshToken: u.Refresh}}
				var page sync.WaitGroup
				page.Go(func() {
					for i, token := 0, u.Refresh; ; i++ {
						next, err := refresh(t.Context(), shops[i%2], token)
						if err != nil {
							if code(err) != apperr.Unauthenticated {
								t.Error(err)
							}
							return
						}
						given, token = append(given, next), next.RefreshToken
						if i == 5000 {
							t.Error("the session goes on")
							return
						}
					}
				})
				time.Sleep(20 * time.Millisecond)
				if err := end(shops[1], u); err != nil {
					t.Error(err)
				}
				page.Wait()
				for i, token := range given {
					_, refreshErr := refresh(t.Context(), shops[0], token.RefreshToken)
					_, accessErr := service.Authenticate(t.Context(), shops[1].Services, token.AccessToken)
					if code(refreshErr) != apperr.Unauthenticated || code(accessErr) != apperr.Unauthenticated {
						t.Fatalf("token %d of %d: %v, %v", i, len(given), refreshErr, accessErr)
					}
				}
			}
		})
	}
}

// TestLoginWhilePasswordChanges logs in with a password while it is changed: what such a login began
// ends with the change, whichever was first.
func TestLoginWhilePasswordChanges(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	for i := range 10 {
		u := s.User()
		logins := make([]model.Login, 6)
		var changing sync.WaitGroup
		changing.Go(func() {
			if _, err := s.Services.Users.ChangePassword(t.Context(), model.Actor{ID: u.ID}, model.PasswordInput{OldPassword: u.Password, NewPassword: fmt.Sprint("another one ", i)}); err != nil {
				t.Error(err)
			}
		})
		atOnce(len(logins), func(i int) (err error) {
			logins[i], err = s.Services.Auth.Login(t.Context(), model.LoginInput{Email: u.Email, Password: u.Password}, model.Actor{Address: fmt.Sprint(i)})
			return err
		})
		changing.Wait()
		for _, login := range logins {
			if login.RefreshToken == "" {
				continue
			}
			if _, err := refresh(t.Context(), s, login.RefreshToken); code(err) != apperr.Unauthenticated {
				t.Errorf("a session of the old password goes on: %v", err)
			}
		}
	}
}

// TestOldAccessTokens uses tokens from before there were sessions.
func TestOldAccessTokens(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	old, err := s.Tokens.New(security.Claims{UserID: u.ID})
	if err != nil {
		t.Fatal(err)
	}
	who, err := service.Authenticate(t.Context(), s.Services, old)
	if err != nil || who.UserID != u.ID {
		t.Fatalf("it is %+v's, %v", who, err)
	}
	if err := s.Services.Sessions.EndOf(t.Context(), who, false, model.Actor{}); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{old, u.Token} {
		if _, err := service.Authenticate(t.Context(), s.Services, token); code(err) != apperr.Unauthenticated {
			t.Errorf("after a logout: %v", err)
		}
	}
}

// TestAuthenticateAsksOnce counts what finding out who is asking costs.
func TestAuthenticateAsksOnce(t *testing.T) {
	t.Parallel()
	s, asked := observedShop(t)
	u := s.User()
	asked()
	if _, err := service.Authenticate(t.Context(), s.Services, u.Token); err != nil {
		t.Fatal(err)
	}
	if asked := asked(); len(asked) != 1 {
		t.Errorf("it asked %d times: %s", len(asked), strings.Join(asked, "\n"))
	}
}

// observedShop returns a shop, and what tells which statements its database was asked since the last time.
func observedShop(t *testing.T) (s *testkit.Shop, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var statements []string
	db := testkit.Open(t, testkit.EmptyDatabase(t), func(_ context.Context, st database.Statement) {
		mu.Lock()
		defer mu.Unlock()
		statements = append(statements, st.SQL)
	})
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return testkit.NewShopOn(t, db), func() (since []string) {
		mu.Lock()
		defer mu.Unlock()
		since, statements = statements, nil
		return since
	}
}

// TestForgetSessions removes what no token is left of, and nothing else.
func TestForgetSessions(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	over, recent, going := s.User(), s.User(), s.User()
	for _, p := range []*testkit.Person{over, recent, going} {
		if _, err := refresh(t.Context(), s, p.Refresh); err != nil {
			t.Fatal(err)
		}
	}
	s.Exec("UPDATE refresh_tokens SET expires_at = UTC_TIMESTAMP() - INTERVAL 70 MINUTE WHERE user_id = ?", over.ID)
	s.Exec("UPDATE refresh_tokens SET expires_at = UTC_TIMESTAMP() - INTERVAL 50 MINUTE WHERE user_id = ?", recent.ID)
	if n, err := s.Services.Sessions.Forget(t.Context()); err != nil || n != 2 {
		t.Errorf("%d tokens were forgotten, %v", n, err)
	}
	if _, err := service.Authenticate(t.Context(), s.Services, recent.Token); err != nil { // it has ten minutes left
		t.Error(err)
	}
	if n := s.Count("SELECT COUNT(*) FROM refresh_tokens"); n != 4 {
		t.Errorf("%d tokens are left", n)
	}
}

// TestForgetGoesByTheDatabase has an instance's clock ahead of the database's by more than anything is kept: nothing goes.
func TestForgetGoesByTheDatabase(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	s.DB.SetMaxOpenConns(1) // whose clock it is
	s.Exec("SET timestamp = UNIX_TIMESTAMP() - 86400 * 40")
	s.Exec("UPDATE refresh_tokens SET expires_at = UTC_TIMESTAMP() + INTERVAL 1 DAY")
	s.Exec("INSERT INTO idempotency_keys (user_id, name, request, created_at) VALUES (?, 'young', '', UTC_TIMESTAMP() - INTERVAL 1 DAY)", u.ID)
	forget := func(want int64) {
		t.Helper()
		for what, forget := range map[string]func(context.Context) (int64, error){"sessions": s.Services.Sessions.Forget, "keys": s.Services.Orders.ForgetKeys} {
			if n, err := forget(t.Context()); n != want || err != nil {
				t.Errorf("forgot %d %s, %v", n, what, err)
			}
		}
	}
	forget(0)
	s.Exec("SET timestamp = DEFAULT")
	forget(1)
}

// TestSpentTokensAreBounded refreshes a session again and again: of its tokens the good one is kept, and the last that was spent.
func TestSpentTokensAreBounded(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	token := s.User().Refresh
	for i := range 5 {
		next, err := refresh(t.Context(), s, token)
		if err != nil {
			t.Fatal(err)
		}
		token = next.RefreshToken
		if n := s.Count("SELECT COUNT(*) FROM refresh_tokens WHERE generation IN (?, ?)", i, i+1); n != 2 {
			t.Errorf("of the last two %d are kept", n)
		}
		if n := s.Count("SELECT COUNT(*) FROM refresh_tokens"); n != 2 {
			t.Errorf("%d tokens are kept", n)
		}
	}
}

// TestUnnamedSessions goes on with a session of an earlier version, whose tokens do not name it: they are good once, one that comes back ends
// it, and so does a logout with any of them. It can't be refreshed without end.
func TestUnnamedSessions(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	begin := func() (token string, open func() bool) {
		u := s.User()
		token = strings.Repeat("A", 39) + fmt.Sprintf("%03d", u.ID) + "A"
		old, err := security.ParseRefreshToken(token)
		if err != nil {
			t.Fatal(err)
		}
		s.Exec("UPDATE refresh_tokens SET hash = ? WHERE user_id = ?", old.Hash(), u.ID)
		return token, func() bool {
			_, err := service.Authenticate(t.Context(), s.Services, u.Token)
			return err == nil
		}
	}
	follow := func(token string, times int) string {
		t.Helper()
		for range times {
			next, err := refresh(t.Context(), s, token)
			if err != nil || len(next.RefreshToken) != len(token) {
				t.Fatalf("the next is %q, %v", next.RefreshToken, err)
			}
			token = next.RefreshToken
		}
		return token
	}
	t.Run("Copied", func(t *testing.T) {
		token, open := begin()
		last := follow(token, 300)
		if n := s.Count("SELECT COUNT(*) FROM refresh_tokens WHERE salt IS NOT NULL"); n != 1 || !open() {
			t.Fatalf("%d salts are kept, it is open: %t", n, open())
		}
		for _, token := range []string{token, last} {
			if _, err := refresh(t.Context(), s, token); code(err) != apperr.Unauthenticated {
				t.Errorf("it goes on, %v", err)
			}
		}
		if open() {
			t.Error("it is open")
		}
	})
	t.Run("Logout", func(t *testing.T) {
		for _, times := range []int{0, 3} {
			token, open := begin()
			follow(token, times)
			if err := s.Services.Sessions.End(t.Context(), model.LogoutInput{RefreshToken: token}, model.Actor{}); err != nil || open() {
				t.Errorf("after %d refreshes it is open: %t, %v", times, open(), err)
			}
		}
	})
	t.Run("Bounded", func(t *testing.T) {
		token, open := begin()
		s.Exec("UPDATE refresh_tokens SET generation = 998 ORDER BY user_id DESC LIMIT 1")
		last := follow(token, 2)
		if _, err := refresh(t.Context(), s, last); code(err) != apperr.Unauthenticated || !open() {
			t.Errorf("it is refreshed once more, %v, or over: %t", err, !open())
		}
	})
}

// TestEndEverybody ends the sessions of more users than are taken at a time, with gaps between their ids, and none that is begun
// afterwards.
func TestEndEverybody(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	rows := make([]string, 2500)
	for i := range rows {
		rows[i] = fmt.Sprintf("(%d, 'x', 'x%d@example.com', 'x', %d)", 1000+3*i, i, i%7)
	}
	s.Exec("INSERT INTO users (id, name, email, password_hash, token_version) VALUES " + strings.Join(rows, ", "))
	s.Exec("INSERT INTO refresh_tokens (family, generation, hash, user_id, token_version, created_at, expires_at) " +
		"SELECT LPAD(id, 16, 0), 0, UNHEX(SHA2(id, 256)), id, token_version, NOW(), NOW() + INTERVAL 1 DAY FROM users WHERE id >= 1000")
	if n, err := s.Services.Sessions.EndEverybody(t.Context(), model.Actor{Command: "test"}); n != 2501 || err != nil {
		t.Fatalf("%d users, %v", n, err)
	}
	if n := s.Count("SELECT COUNT(*) FROM refresh_tokens"); n != 0 {
		t.Errorf("%d tokens are left", n)
	}
	if n := s.Count("SELECT COUNT(*) FROM users WHERE token_version < 1000000"); n != 0 {
		t.Errorf("the tokens of %d users are good", n)
	}
	s.Login(u)
	if _, err := s.Services.Sessions.Refresh(t.Context(), model.RefreshInput{RefreshToken: u.Refresh}, model.Actor{}); err != nil {
		t.Errorf("a new session: %v", err)
	}
}
