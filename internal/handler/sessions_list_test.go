package handler_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/security"
	"hexamart/internal/testkit"
)

// TestSessionsList lists somebody's sessions, and no others, and ends them one by one.
func TestSessionsList(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, somebody := s.User(), s.User()
	phone := send(t, s, step{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, u.Email, u.Password), 200, nil}, "User-Agent:  Phone\t\xff 1.0 "+strings.Repeat("x", 300))
	other := &testkit.Person{ID: u.ID, Token: phone.Field("access_token").(string), Refresh: phone.Field("refresh_token").(string)}
	s.Exec("UPDATE refresh_tokens SET begun_at = '2026-11-20 08:30:00', created_at = '2026-11-20 08:30:00' WHERE user_id = ? AND agent IS NULL", u.ID)

	a := send(t, s, step{other, "GET /auth/sessions", "", 200, is{"!" + u.Refresh, "!" + other.Refresh, "!" + sessionOf(t, somebody)}})
	list := elements(t, a.Body)
	if len(list) != 2 || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the list is %v: %s", a.Header, a.Body)
	}
	here, there := members(list[0]), members(list[1])
	if got := names(list[0]); got != "address created_at current expires_at id refreshed_at user_agent" {
		t.Errorf("a session has %s", got)
	}
	if text(here["id"]) != sessionOf(t, other) || string(here["current"]) != "true" || text(here["address"]) != "192.0.2.1" ||
		text(here["user_agent"]) != "Phone ? 1.0 "+strings.Repeat("x", 243) || text(here["created_at"]) != text(here["refreshed_at"]) {
		t.Errorf("this session is %s", list[0])
	}
	if text(there["id"]) != sessionOf(t, u) || string(there["current"]) != "false" || text(there["address"]) != "test" || string(there["user_agent"]) != "null" {
		t.Errorf("the other is %s", list[1])
	}
	// A refresh says when the session was used last, and leaves it as old as it is.
	s.Exec("UPDATE refresh_tokens SET created_at = created_at - INTERVAL 1 HOUR")
	u = refreshed(t, s, u)
	list = elements(t, s.Do(u, "GET", "/auth/sessions", "").Body)
	now := members(list[0])
	if len(list) != 2 || text(now["id"]) != text(there["id"]) || text(now["created_at"]) != "2026-11-20T08:30:00Z" || text(now["refreshed_at"]) <= "2026-11-20T08:30:00Z" ||
		text(now["expires_at"]) != text(there["expires_at"]) || text(now["address"]) != "192.0.2.1" {
		t.Errorf("after a refresh: %v", list)
	}

	if n := s.Count("SELECT COUNT(*) FROM refresh_tokens WHERE spent_at IS NOT NULL AND (agent IS NOT NULL OR address IS NOT NULL)"); n != 0 {
		t.Errorf("%d spent tokens say by whom", n)
	}

	theirs := "DELETE /auth/sessions/" + sessionOf(t, somebody)
	run(t, s, []step{
		{u, theirs, "", 404, is{`"code":"not_found"`}},
		{u, "DELETE /auth/sessions/" + strings.Repeat("A", 22), "", 404, nil},
		{u, "DELETE /auth/sessions/1", "", 404, nil},
		{u, "DELETE /auth/sessions/%00'", "", 404, nil},
		{u, "DELETE /auth/sessions/" + sessionOf(t, other), "", 200, is{`"message"`}},
		{u, "DELETE /auth/sessions/" + sessionOf(t, other), "", 404, nil},
	})
	alive(t, s, "the one that was ended", other, false)
	alive(t, s, "somebody else's", somebody, true)
	send(t, s, step{u, "DELETE /auth/sessions/" + sessionOf(t, u), "", 200, nil}) // the caller's own
	alive(t, s, "the caller's own", u, false)

	// What is over is not listed.
	s.Login(u)
	old, stale := again(s, u), again(s, u)
	s.Exec("UPDATE refresh_tokens SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND WHERE family = ?", family(t, old))
	s.Exec("UPDATE refresh_tokens SET token_version = token_version - 1 WHERE family = ?", family(t, stale))
	if list := elements(t, s.Do(u, "GET", "/auth/sessions", "").Body); len(list) != 1 || text(members(list[0])["id"]) != sessionOf(t, u) {
		t.Errorf("the list has %v", list)
	}
}

func family(t *testing.T, p *testkit.Person) []byte {
	t.Helper()
	name, err := base64.RawURLEncoding.DecodeString(sessionOf(t, p))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// TestCommandsEndSessions does what a shopkeeper can do for somebody whose account, or token, is in other hands.
func TestCommandsEndSessions(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	by := model.Actor{Command: "test"}
	for name, c := range map[string]struct {
		do       func(email string) error
		lives    bool
		password string
		isAdmin  bool
	}{
		"Logout":   {do: func(email string) error { return s.Services.Sessions.EndAll(t.Context(), by, email) }, isAdmin: true},
		"Password": {do: func(email string) error { return s.Services.Auth.SetPassword(t.Context(), by, email, "a new one") }, password: "a new one", isAdmin: true},
		"Revoke": {do: func(email string) error {
			_, err := s.Services.Auth.DemoteUser(t.Context(), by, email)
			return err
		}, lives: true},
	} {
		t.Run(name, func(t *testing.T) {
			somebody, u := s.User(), s.Admin()
			other := again(s, u)
			bare, err := s.Tokens.New(security.Claims{UserID: u.ID}) // from before there were sessions
			if err != nil {
				t.Fatal(err)
			}
			if err := c.do(strings.ToUpper(u.Email)); err != nil {
				t.Fatal(err)
			}
			alive(t, s, "a session", u, c.lives)
			alive(t, s, "another", other, c.lives)
			alive(t, s, "somebody else", somebody, true)
			want := map[bool]int{true: 200, false: 401}[c.lives]
			send(t, s, step{&testkit.Person{Token: bare}, "GET /cart", "", want, nil})
			if c.password != "" {
				send(t, s, step{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, u.Email, u.Password), 401, nil})
				u.Password = c.password
			}
			s.Login(u)
			send(t, s, step{u, "GET /admin/dashboard", "", map[bool]int{true: 200, false: 403}[c.isAdmin], nil})
			if err := c.do("nobody@example.com"); !apperr.Is(err, apperr.NotFound) {
				t.Errorf("for nobody: %v", err)
			}
		})
	}
	u := s.User()
	for _, bad := range []string{"", "short", "password123", u.Email, strings.Repeat("x", 73)} {
		if err := s.Services.Auth.SetPassword(t.Context(), by, u.Email, bad); !apperr.Is(err, apperr.InvalidInput) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	alive(t, s, "after bad passwords", u, true)
}
