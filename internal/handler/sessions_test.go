package handler_test

import (
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
	"hexamart/internal/testkit"
)

// refreshed refreshes and returns the person with the new tokens.
func refreshed(t *testing.T, s *testkit.Shop, p *testkit.Person) *testkit.Person {
	t.Helper()
	a := send(t, s, step{nil, "POST /auth/refresh", refreshBody(p), 200, nil})
	if a.Status != 200 {
		t.FailNow()
	}
	next := *p
	next.Token, next.Refresh = a.Field("access_token").(string), a.Field("refresh_token").(string)
	return &next
}

func refreshBody(p *testkit.Person) string { return f(`{"refresh_token":%q}`, p.Refresh) }

// again returns the same person, logged in once more beside the session that there is.
func again(s *testkit.Shop, p *testkit.Person) *testkit.Person {
	other := *p
	s.Login(&other)
	return &other
}

// alive checks whether both tokens of a session are good; it spends the refresh token.
func alive(t *testing.T, s *testkit.Shop, name string, p *testkit.Person, want bool) {
	t.Helper()
	status := map[bool]int{true: 200, false: 401}[want]
	if a := s.Do(p, "GET", "/users/profile", ""); a.Status != status {
		t.Errorf("%s: the access token is answered with %d, want %d", name, a.Status, status)
	}
	if a := s.Do(nil, "POST", "/auth/refresh", refreshBody(p)); a.Status != status {
		t.Errorf("%s: the refresh token is answered with %d, want %d: %s", name, a.Status, status, a.Body)
	}
}

// sessionOf is the id of the session that a person's access token belongs to.
func sessionOf(t *testing.T, p *testkit.Person) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(p.Token, ".")[1])
	var claims struct{ Sid string }
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil || claims.Sid == "" {
		t.Fatalf("the session of %s: %v", payload, err)
	}
	return claims.Sid
}

// spentAgo makes all spent tokens older than they are.
func spentAgo(s *testkit.Shop, seconds int) {
	s.Exec("UPDATE refresh_tokens SET spent_at = spent_at - INTERVAL ? SECOND", seconds)
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	first := s.User()
	a := send(t, s, step{nil, "POST /auth/refresh", refreshBody(first), 200, is{`"token_type":"bearer"`, `"expires_in":3600`, "!" + first.Refresh}})
	if got := names(a.Body); got != "access_token expires_in refresh_expires_in refresh_token token_type" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the answer has %s and Cache-Control %q", got, a.Header.Get("Cache-Control"))
	}
	second := *first
	second.Token, second.Refresh = a.Field("access_token").(string), a.Field("refresh_token").(string)
	third := refreshed(t, s, &second)
	for name, p := range map[string]*testkit.Person{"first": first, "second": &second, "third": third} {
		if a := s.Do(p, "GET", "/users/profile", ""); a.Status != 200 {
			t.Errorf("the %s access token: %d", name, a.Status)
		}
	}
	// One kind of token is not the other.
	run(t, s, []step{
		{nil, "POST /auth/refresh", f(`{"refresh_token":%q}`, third.Token), 401, is{`"code":"unauthenticated"`}},
		{&testkit.Person{Token: third.Refresh}, "GET /users/profile", "", 401, nil},
		{nil, "POST /auth/refresh", `{}`, 422, is{`"field":"refresh_token"`}},
		{nil, "POST /auth/refresh", `{"refresh_token":7}`, 422, is{`"field":"refresh_token"`}},
		{nil, "POST /auth/refresh", "", 400, nil},
		{first, "POST /auth/refresh", f(`{"refresh_token":%q}`, security.NewRefreshToken()), 401, nil},
		{nil, "POST /auth/refresh", f(`{"refresh_token":%q}`, strings.Repeat("A", 20_000)), 401, nil},
		{nil, "POST /auth/refresh", `{"refresh_token":"' OR 1=1 -- \u0000"}`, 401, nil},
	})
	alive(t, s, "after all of that", third, true)
}

// TestRefreshTokensAreHashed looks for tokens in the database.
func TestRefreshTokensAreHashed(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	first := s.User()
	second := refreshed(t, s, first)
	for _, p := range []*testkit.Person{first, second} {
		token, err := security.ParseRefreshToken(p.Refresh)
		bytes, _ := base64.RawURLEncoding.DecodeString(p.Refresh)
		if err != nil || len(bytes) != 48 {
			t.Fatalf("%d bytes, %v", len(bytes), err)
		}
		if n := s.Count("SELECT COUNT(*) FROM refresh_tokens WHERE hash = ?", token.Hash()); n != 1 {
			t.Errorf("%d rows have the hash", n)
		}
		for _, column := range []string{"hash", "salt", "family"} {
			if n := s.Count("SELECT COUNT(*) FROM refresh_tokens WHERE "+column+" IN (?, ?, ?, ?)", bytes, bytes[:16], bytes[16:], p.Refresh); n != 0 {
				t.Errorf("%d rows have the token itself as their %s", n, column)
			}
		}
		for _, salt := range [][]byte{nil, make([]byte, 32)} { // what leads from a token to the next one nobody knows
			if token.Next(salt).String() == second.Refresh {
				t.Errorf("the successor follows from the token and %v", salt)
			}
		}
	}
	refreshed(t, s, second)
	if n := s.Count("SELECT COUNT(*) FROM refresh_tokens WHERE salt IS NOT NULL"); n != 1 {
		t.Errorf("%d salts are kept, one is of use", n)
	}
}

// TestRefreshReuse brings a spent token back: somebody has copied it, and nobody can tell who is who.
func TestRefreshReuse(t *testing.T) {
	t.Parallel()
	for name, reuse := range map[string]func(t *testing.T, s *testkit.Shop, first *testkit.Person) *testkit.Person{
		"AfterTheGrace": func(t *testing.T, s *testkit.Shop, first *testkit.Person) *testkit.Person {
			second := refreshed(t, s, first)
			spentAgo(s, 31)
			return second
		},
		"AfterItsSuccessor": func(t *testing.T, s *testkit.Shop, first *testkit.Person) *testkit.Person {
			return refreshed(t, s, refreshed(t, s, first))
		},
		"ForgottenByThen": func(t *testing.T, s *testkit.Shop, first *testkit.Person) *testkit.Person {
			last := first
			for range 300 {
				next, err := s.Services.Sessions.Refresh(t.Context(), model.RefreshInput{RefreshToken: last.Refresh}, model.Actor{Address: "192.0.2.9"})
				if err != nil {
					t.Fatal(err)
				}
				last = &testkit.Person{ID: first.ID, Token: next.AccessToken, Refresh: next.RefreshToken}
			}
			return last
		},
		"LongAfter": func(t *testing.T, s *testkit.Shop, first *testkit.Person) *testkit.Person {
			last := first
			for range 5 {
				last = refreshed(t, s, last)
			}
			spentAgo(s, 86_400)
			return last
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			first, somebody := s.User(), s.User()
			other := again(s, first)
			last := reuse(t, s, first)
			send(t, s, step{nil, "POST /auth/refresh", refreshBody(first), 401, is{`"code":"unauthenticated"`}})
			alive(t, s, "the session's newest", last, false)
			alive(t, s, "its oldest", first, false)
			alive(t, s, "another session", other, true)
			alive(t, s, "somebody else", somebody, true)
			alive(t, s, "a new login", again(s, first), true)
		})
	}
}

// TestRefreshGrace refreshes twice with one token, as two pages of a browser do, or one whose answer was lost.
func TestRefreshGrace(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	first := s.User()
	second := refreshed(t, s, first)
	spentAgo(s, 25)
	same := refreshed(t, s, first)
	if same.Refresh != second.Refresh {
		t.Error("there are two chains")
	}
	alive(t, s, "the second page", same, true)
}

// TestRefreshGraceByDatabase refreshes at shops whose database says that it is later and later: that counts, since the clocks of
// several instances may differ.
func TestRefreshGraceByDatabase(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	if _, err := database.Migrate(t.Context(), testkit.Open(t, cfg, nil)); err != nil {
		t.Fatal(err)
	}
	begin := time.Now().Unix()
	at := func(seconds int64) *testkit.Shop {
		of := cfg.Clone()
		of.Params = map[string]string{"timestamp": f("%d", begin+seconds)}
		return testkit.NewShopOn(t, testkit.Open(t, of, nil))
	}
	s := at(0)
	first, second := s.User(), s.User()
	refreshed(t, s, first)
	refreshed(t, s, second)
	send(t, at(29), step{nil, "POST /auth/refresh", refreshBody(first), 200, nil})
	send(t, at(31), step{nil, "POST /auth/refresh", refreshBody(second), 401, nil})
}

// TestRefreshGraceIsOnesOwn brings a token that was spent a moment ago from elsewhere: it must have been copied.
func TestRefreshGraceIsOnesOwn(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.API.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	s.Handler = s.API.Routes()
	const from, agent, browser = "X-Forwarded-For: ", "User-Agent: ", "Browser/1.0 "
	for name, c := range map[string]struct {
		program        string
		address, agent string
		status         int
	}{
		"Same":             {browser, "2001:db8:0:1::7", "Browser/1.0", 200},
		"SameNetwork":      {browser, "2001:db8:0:1:2:3:4:5", "Browser/1.0", 200},
		"AnotherNetwork":   {browser, "2001:db8:0:2::7", "Browser/1.0", 401},
		"AnotherOfAnother": {browser, "198.51.100.7", "Browser/1.0", 401},
		"AnotherProgram":   {browser, "2001:db8:0:1::7", "curl/8", 401},
		"NoProgram":        {browser, "2001:db8:0:1::7", "", 401},
		"SameNameless":     {"", "2001:db8:0:1::7", "", 200},
		"NoLongerNameless": {"", "2001:db8:0:1::7", "curl/8", 401},
	} {
		first := s.User()
		body := f(`{"refresh_token":%q}`, first.Refresh)
		next := send(t, s, step{nil, "POST /auth/refresh", body, 200, nil}, from+"2001:db8:0:1::7", agent+c.program)
		send(t, s, step{nil, "POST /auth/refresh", body, c.status, nil}, from+c.address, agent+c.agent)
		access := &testkit.Person{Token: next.Field("access_token").(string)}
		if got := s.Do(access, "GET", "/users/profile", ""); got.Status != c.status {
			t.Errorf("%s: afterwards the session's answer is %d", name, got.Status)
		}
	}
}

// TestSessionsEnd ends sessions in all ways but a logout.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	t.Run("PasswordChanged", func(t *testing.T) {
		u := s.User()
		other := again(s, u)
		a := send(t, s, step{u, "PUT /users/change-password", f(`{"old_password":%q,"new_password":"another one"}`, u.Password), 200, nil})
		fresh := &testkit.Person{Token: a.Field("access_token").(string), Refresh: a.Field("refresh_token").(string)}
		alive(t, s, "the one that changed it", u, false)
		alive(t, s, "the other", other, false)
		alive(t, s, "the fresh one", fresh, true)
	})
	t.Run("PasswordChangedByHand", func(t *testing.T) {
		u := s.User()
		s.Exec("UPDATE users SET token_version = token_version + 1 WHERE id = ?", u.ID)
		alive(t, s, "a session of the version before", u, false)
	})
	t.Run("Deleted", func(t *testing.T) {
		u := s.User()
		s.Exec("DELETE FROM users WHERE id = ?", u.ID)
		alive(t, s, "a session of nobody", u, false)
	})
	t.Run("Expired", func(t *testing.T) {
		u, other := s.User(), s.User()
		next := refreshed(t, s, u)
		if n := s.Count("SELECT COUNT(DISTINCT expires_at) FROM refresh_tokens WHERE user_id = ?", u.ID); n != 1 {
			t.Error("a refresh makes the session last longer")
		}
		life := s.Count("SELECT TIMESTAMPDIFF(SECOND, MIN(created_at), MIN(expires_at)) FROM refresh_tokens WHERE user_id = ?", u.ID)
		if want := int64(testkit.SessionLife.Seconds()); life != want && life != want-1 { // the clock may have gone on in between
			t.Errorf("the session lasts for %d seconds", life)
		}
		s.Exec("UPDATE refresh_tokens SET expires_at = UTC_TIMESTAMP() WHERE user_id = ?", u.ID)
		for _, p := range []*testkit.Person{u, next} {
			send(t, s, step{nil, "POST /auth/refresh", refreshBody(p), 401, nil})
		}
		alive(t, s, "another", other, true)
	})
	t.Run("Demoted", func(t *testing.T) {
		admin := s.Admin()
		send(t, s, step{admin, "GET /admin/dashboard", "", 200, nil})
		s.Exec("UPDATE users SET is_admin = FALSE WHERE id = ?", admin.ID)
		run(t, s, []step{{admin, "GET /admin/dashboard", "", 403, nil}, {refreshed(t, s, admin), "GET /admin/dashboard", "", 403, nil}})
	})
}

func TestLogout(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	cases := map[string]struct {
		everywhere bool
		call       func(t *testing.T, u *testkit.Person) (who *testkit.Person, body string)
	}{
		"RefreshToken": {false, func(_ *testing.T, u *testkit.Person) (*testkit.Person, string) { return nil, refreshBody(u) }},
		"SpentRefreshToken": {false, func(t *testing.T, u *testkit.Person) (*testkit.Person, string) {
			refreshed(t, s, u)
			spentAgo(s, 3600)
			return nil, refreshBody(u)
		}},
		"ForgottenRefreshToken": {false, func(t *testing.T, u *testkit.Person) (*testkit.Person, string) {
			refreshed(t, s, refreshed(t, s, refreshed(t, s, u)))
			return nil, refreshBody(u)
		}},
		"ExpiredRefreshToken": {false, func(_ *testing.T, u *testkit.Person) (*testkit.Person, string) {
			s.Exec("UPDATE refresh_tokens SET expires_at = UTC_TIMESTAMP() WHERE user_id = ?", u.ID)
			return nil, refreshBody(u)
		}},
		"AccessToken":          {false, func(_ *testing.T, u *testkit.Person) (*testkit.Person, string) { return u, "" }},
		"AccessTokenEmptyBody": {false, func(_ *testing.T, u *testkit.Person) (*testkit.Person, string) { return u, `{}` }},
		"BothTokens":           {false, func(_ *testing.T, u *testkit.Person) (*testkit.Person, string) { return u, refreshBody(u) }},
		"EverywhereByRefreshToken": {true, func(_ *testing.T, u *testkit.Person) (*testkit.Person, string) {
			return nil, strings.Replace(refreshBody(u), "{", `{"everywhere":true,`, 1)
		}},
		"EverywhereByAccessToken": {true, func(_ *testing.T, u *testkit.Person) (*testkit.Person, string) { return u, `{"everywhere":true}` }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			u, somebody := s.User(), s.User()
			other := again(s, u)
			who, body := c.call(t, u)
			send(t, s, step{who, "POST /auth/logout", body, 200, is{f("logged out%s.", map[bool]string{true: " everywhere"}[c.everywhere])}})
			alive(t, s, "the session", u, false)
			if name != "ExpiredRefreshToken" {
				alive(t, s, "another session of the same user", other, !c.everywhere)
			}
			alive(t, s, "somebody else", somebody, true)
			if who == nil && !c.everywhere {
				send(t, s, step{nil, "POST /auth/logout", body, 200, nil}) // again
			}
		})
	}
}

// TestLogoutProofs asks for logouts that nobody has a right to.
func TestLogoutProofs(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	spent := again(s, u)
	next := refreshed(t, s, spent)
	spentAgo(s, 3600)
	run(t, s, []step{
		{nil, "POST /auth/logout", "", 401, nil},
		{nil, "POST /auth/logout", `{}`, 401, nil},
		{nil, "POST /auth/logout", `{"everywhere":true}`, 401, nil},
		{nil, "POST /auth/logout", f(`{"everywhere":true,"user_id":%d}`, u.ID), 401, nil},
		{nil, "POST /auth/logout", f(`{"everywhere":true,"refresh_token":%q}`, security.NewRefreshToken()), 401, nil},
		{nil, "POST /auth/logout", `{"everywhere":true,"refresh_token":"x"}`, 401, nil},
		{nil, "POST /auth/logout", f(`{"everywhere":true,"refresh_token":%q}`, spent.Refresh), 401, nil},
		{nil, "POST /auth/logout", `{"refresh_token":"x"}`, 200, nil},
		{nil, "POST /auth/logout", `{"everywhere":"yes","refresh_token":5}`, 422, is{`"field":"everywhere"`, `"field":"refresh_token"`}},
		{nil, "POST /auth/logout", `[]`, 400, nil},
	})
	alive(t, s, "a session that nobody logged out of", u, true)
	alive(t, s, "the one whose spent token came", next, false)
}

// TestLogoutBearerToo sends an access token along with a refresh token that is of no use: its session ends as well.
func TestLogoutBearerToo(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	if got := s.Do(u, "POST", "/auth/logout", `{"refresh_token": "`+strings.Repeat("A", 64)+`"}`); got.Status != 200 {
		t.Errorf("logging out: %+v", got)
	}
	if got := s.Do(u, "GET", "/users/profile", ""); got.Status != 401 {
		t.Errorf("after logging out: %+v", got)
	}
	// Everywhere, either is enough, whichever of them is good.
	for name, refresh := range map[string]func(u *testkit.Person) string{
		"Unknown": func(*testkit.Person) string { return strings.Repeat("A", 64) },
		"Ended": func(u *testkit.Person) string {
			gone := again(s, u)
			s.Do(gone, "POST", "/auth/logout", "")
			return gone.Refresh
		},
		"ItsOwn":       func(u *testkit.Person) string { return u.Refresh },
		"SomebodyElse": func(*testkit.Person) string { return s.User().Refresh },
	} {
		t.Run(name, func(t *testing.T) {
			u := s.User()
			other := again(s, u)
			send(t, s, step{u, "POST /auth/logout", f(`{"refresh_token":%q,"everywhere":true}`, refresh(u)), 200, nil})
			alive(t, s, "the session", u, false)
			alive(t, s, "another", other, false)
		})
	}
	u = s.User()
	other := again(s, u)
	send(t, s, step{&testkit.Person{Token: "garbage"}, "POST /auth/logout", f(`{"refresh_token":%q,"everywhere":true}`, u.Refresh), 200, nil})
	alive(t, s, "another, by the refresh token", other, false)
}
