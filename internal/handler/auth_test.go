package handler_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

const form = "Content-Type: application/x-www-form-urlencoded"

func TestRegister(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	a := send(t, s, step{nil, "POST /auth/register", `{"name":"  Asha Rao ","email":" Asha@Example.com ","password":"correct horse"}`, 201, nil})
	if got := names(a.Body); got != "message user_id" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the answer has %s, %v", got, a.Header)
	}
	taken := `"code":"email_taken"`
	run(t, s, []step{
		{nil, "POST /auth/register", `{"name":"B","email":"asha@example.com","password":"correct horse"}`, 409, is{taken}},
		{nil, "POST /auth/register", `{"name":"B","email":"ASHA@EXAMPLE.COM","password":"correct horse"}`, 409, is{taken}},
		{nil, "POST /auth/register", `{"name":"B","email":"åsha@example.com","password":"correct horse"}`, 201, nil},
		{nil, "POST /auth/register", `{"name":"B","email":"eight@example.com","password":"thimble8"}`, 201, nil},
		{nil, "POST /auth/register", `{"name":"B","email":"bytes@example.com","password":"` + strings.Repeat("é", 36) + `"}`, 201, nil},
		{nil, "POST /auth/register", `{"name":"` + strings.Repeat("名", 255) + `","email":"long@example.com","password":"thimble8"}`, 201, nil},
		{nil, "POST /auth/login", `{"email":"asha@example.com","password":"correct horse"}`, 200,
			is{`"name":"Asha Rao"`, `"email":"Asha@Example.com"`, `"is_admin":false`}},
		{nil, "POST /auth/login", `{"email":"bytes@example.com","password":"` + strings.Repeat("é", 36) + `"}`, 200, nil},
		{nil, "POST /auth/login", `{"email":"asha@example.com","password":" correct horse"}`, 401, nil},
	})
	if n := s.Count("SELECT COUNT(*) FROM users"); n != 5 {
		t.Errorf("%d users", n)
	}
}

// TestGuessablePasswords sets passwords that are guessed first, wherever one is set. One that was set
// before still logs in.
func TestGuessablePasswords(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	for _, password := range []string{"password", "PASSWORD1", "P@ssw0rd!", "iloveyou2026", "12345678", "kim.possible@example.com", "Kim Possible", "kimpossible7"} {
		a := send(t, s, step{nil, "POST /auth/register", f(`{"name":"Kim Possible","email":"kim.possible@example.com","password":%q}`, password), 422, nil})
		if got := badFields(a); got != "password" {
			t.Errorf("%s: fields %s", password, got)
		}
	}
	for _, password := range []string{"password", "Qwertyuiop!", u.Email, strings.ToUpper(u.Name) + "234"} {
		a := send(t, s, step{u, "PUT /users/change-password", f(`{"old_password":%q,"new_password":%q}`, u.Password, password), 422, nil})
		if got := badFields(a); got != "new_password" {
			t.Errorf("%s: fields %s", password, got)
		}
	}
	if err := s.Services.Auth.EnsureAdmin(t.Context(), model.Actor{}, "boss@example.com", "administrator"); err == nil {
		t.Error("an admin was made whose password is common")
	}
	if n := s.Count("SELECT COUNT(*) FROM users"); n != 1 {
		t.Errorf("%d users", n)
	}
	s.Exec("UPDATE users SET password_hash = ? WHERE id = ?", bcryptOf(t, "password"), u.ID)
	run(t, s, []step{
		{nil, "POST /auth/login", f(`{"email":%q,"password":"password"}`, u.Email), 200, nil},
		{u, "PUT /users/change-password", `{"old_password":"password","new_password":"correct horse"}`, 200, nil},
	})
}

func bcryptOf(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

// TestLogin logs in every way there is.
func TestLogin(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin := s.User(), s.Admin()
	multipart := "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\n" + u.Email +
		"\r\n--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n" + u.Password + "\r\n--x--\r\n"
	ways := map[string]struct{ body, contentType string }{
		"Form":      {url.Values{"username": {u.Email}, "password": {u.Password}}.Encode(), form},
		"OAuth2":    {url.Values{"grant_type": {"password"}, "username": {u.Email}, "password": {u.Password}, "scope": {""}}.Encode(), form + "; charset=UTF-8"},
		"UpperForm": {url.Values{"username": {strings.ToUpper(u.Email)}, "password": {u.Password}}.Encode(), form},
		"Multipart": {multipart, "Content-Type: multipart/form-data; boundary=x"},
		"Username":  {f(`{"username":%q,"password":%q}`, u.Email, u.Password), "Content-Type: application/json"},
		"Email":     {f(`{"email":%q,"password":%q}`, u.Email, u.Password), "Content-Type: application/json; charset=utf-8"},
		"UpperJSON": {f(`{"email":%q,"password":%q}`, strings.ToUpper(u.Email), u.Password), "Content-Type: application/json"},
		"NoType":    {f(`{"email":%q,"password":%q}`, u.Email, u.Password), "Content-Type: "},
	}
	for name, way := range ways {
		a := send(t, s, step{nil, "POST /auth/login", way.body, 200, is{`"token_type":"bearer"`, `"expires_in":3600`,
			`"is_admin":false`, f(`"user_id":%d`, u.ID), f(`"name":%q`, u.Name), f(`"email":%q`, u.Email)}}, way.contentType)
		if got := names(a.Body); got != "access_token email expires_in is_admin name refresh_expires_in refresh_token token_type user_id" {
			t.Errorf("%s: the answer has %s", name, got)
			continue
		}
		if a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: the answer with the token may be stored", name)
		}
		run(t, s, []step{{&testkit.Person{Token: a.Field("access_token").(string)}, "GET /users/profile", "", 200, is{u.Email}}})
	}
	run(t, s, []step{
		{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, admin.Email, admin.Password), 200, is{`"is_admin":true`}},
		{nil, "POST /auth/login?username=" + u.Email + "&password=" + u.Password, `{}`, 422, nil},
	})
	// Not in the query, where it would end up in logs.
	a := send(t, s, step{nil, "POST /auth/login?username=" + u.Email + "&password=" + u.Password, "x=1", 422, nil}, form)
	if got := badFields(a); got != "password username" {
		t.Errorf("an empty form lacks %s", got)
	}
}

// TestLoginOldPassword logs in with a password from before the rule.
func TestLoginOldPassword(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	// bcrypt of "abc", as the earlier backend's library writes it.
	s.Exec("UPDATE users SET password_hash = '$2b$04$4pHBtgWpTL7vzXSk2ux8/uJUFDPkDoho5ljHFX6UE2Shc/kq/PlyO' WHERE id = ?", u.ID)
	login := f(`{"email":%q,"password":"abc"}`, u.Email)
	run(t, s, []step{
		{nil, "POST /auth/login", login, 200, nil},
		{nil, "POST /auth/login", f(`{"email":%q,"password":"abd"}`, u.Email), 401, nil},
		{u, "PUT /users/change-password", `{"old_password":"abc","new_password":"longer than before"}`, 200, nil},
		{nil, "POST /auth/login", login, 401, nil},
	})
}

// TestLoginOneMessage checks that a failure does not tell which part was wrong.
func TestLoginOneMessage(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, broken := s.User(), s.User()
	s.Exec("UPDATE users SET password_hash = 'unusable' WHERE id = ?", broken.ID)
	var first string
	for _, body := range []string{
		f(`{"email":%q,"password":"wrong-password"}`, u.Email),
		f(`{"email":%q,"password":%q}`, u.Email, strings.ToUpper(u.Password)),
		f(`{"email":%q,"password":%q}`, u.Email, strings.Repeat("x", 5000)),
		f(`{"email":%q,"password":%q}`, broken.Email, broken.Password),
		f(`{"email":%q,"password":"unusable"}`, broken.Email),
		`{"email":"nobody@example.com","password":"wrong-password"}`,
		`{"email":"not an address","password":"x"}`,
		`{"email":"' OR 1=1 --","password":"' OR 'open'='open"}`,
		`{"email":"user1@example.com\u0000","password":"thimble-1"}`,
		`{"email":"user%","password":"thimble-1"}`,
		f(`{"email":%q,"password":"x"}`, strings.Repeat("x", 5000)),
	} {
		a := send(t, s, step{nil, "POST /auth/login", body, 401, is{`"code":"invalid_credentials"`}}, "X-Request-Id: same")
		if first == "" {
			first = a.Body
		}
		if a.Body != first {
			t.Errorf("%.80s is told %s, others %s", body, a.Body, first)
		}
	}
}

// from returns the same shop as seen from another address.
func from(s *testkit.Shop, addr string) *testkit.Shop {
	far, h := *s, s.Handler
	far.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = addr + ":4321"
		h.ServeHTTP(w, r)
	})
	return &far
}

// exhaust fails to log in as often as is allowed, and checks that it is allowed so often.
func exhaust(t *testing.T, s *testkit.Shop, email string, headers ...string) {
	t.Helper()
	for range 10 {
		send(t, s, step{nil, "POST /auth/login", f(`{"email":%q,"password":"wrong-password"}`, email), 401, nil}, headers...)
	}
}

func TestLoginLimit(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, other, good := s.User(), s.User(), s.User()
	login := func(s *testkit.Shop, email, password string, status int, headers ...string) testkit.Answer {
		t.Helper()
		return send(t, s, step{nil, "POST /auth/login", f(`{"email":%s,"password":%q}`, quote(email), password), status, nil}, headers...)
	}
	here, there := from(s, "198.51.100.1"), from(s, "198.51.100.2")
	exhaust(t, here, u.Email)
	a := login(here, u.Email, "wrong-password", 429)
	if after, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || after < 1 || after > 360 || a.Field("code") != "rate_limited" {
		t.Errorf("Retry-After is %q: %s", a.Header.Get("Retry-After"), a.Body)
	}
	login(here, u.Email, u.Password, 429) // the right password can't be guessed on either
	send(t, here, step{nil, "POST /auth/login", url.Values{"username": {u.Email}, "password": {u.Password}}.Encode(), 429, nil}, form)
	// The database takes these for the same e-mail, or may.
	for _, spelling := range []string{strings.ToUpper(u.Email), u.Email + " ", u.Email + "   ", strings.ReplaceAll(u.Email, "i", "İ")} {
		if a := here.Do(nil, "POST", "/auth/login", f(`{"email":%q,"password":%q}`, spelling, u.Password)); a.Status == 200 {
			t.Errorf("%q is the limited account and gets in", spelling)
		}
	}
	login(here, u.Email, u.Password, 429, "X-Forwarded-For: 203.0.113.9", "X-Real-Ip: 203.0.113.9", "Forwarded: for=203.0.113.9")
	login(here, other.Email, other.Password, 200)
	login(there, u.Email, u.Password, 200)
	// An account that does not exist is limited like any other.
	exhaust(t, here, "nobody@example.com")
	login(here, "nobody@example.com", "wrong-password", 429)
	login(here, "NOBODY@Example.com", "wrong-password", 429)
	// Logins that succeed are not limited, nor what is no attempt.
	for range 15 {
		login(here, good.Email, good.Password, 200)
		login(here, good.Email, "", 422)
	}
}

// TestLoginLimitProxy checks whose X-Forwarded-For is believed, and how far.
func TestLoginLimitProxy(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.API.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	s.Handler = s.API.Routes()
	u := s.User()
	proxy, stranger := from(s, "10.0.0.1"), from(s, "198.51.100.1")
	login := func(s *testkit.Shop, status int, forwardedFor string) {
		t.Helper()
		send(t, s, step{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, u.Email, u.Password), status, nil}, "X-Forwarded-For: "+forwardedFor)
	}
	exhaust(t, proxy, u.Email, "X-Forwarded-For: 203.0.113.7")
	login(proxy, 429, "203.0.113.7")
	login(proxy, 429, "203.0.113.7, 10.0.0.2")
	login(proxy, 429, "1.2.3.4, 203.0.113.7") // the left part is what the client itself sent
	login(proxy, 200, "203.0.113.8")
	login(proxy, 200, "203.0.113.7, 203.0.113.8")
	login(stranger, 200, "203.0.113.7")
	exhaust(t, stranger, u.Email, "X-Forwarded-For: 203.0.113.20")
	login(stranger, 429, "203.0.113.21")
	exhaust(t, proxy, u.Email, "X-Forwarded-For: nonsense")
	login(proxy, 429, "other nonsense")
	login(proxy, 200, "203.0.113.8")
}

// TestClientAddress logs an admin in through proxies that write X-Forwarded-For in their ways: the audit log has the
// client's address, and never one that the client chose.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.API.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:f::/48")}
	s.Handler = s.API.Routes()
	admin := s.Admin()
	const proxy, proxy6 = "10.0.0.1", "[2001:db8:f::1]"
	for _, c := range []struct{ peer, header, want string }{
		{proxy, "203.0.113.7", "203.0.113.7"},
		{proxy, "203.0.113.7:1234", "203.0.113.7"},
		{proxy, "[2001:db8::1]:443", "2001:db8::1"},
		{proxy, "[2001:db8::1]", "2001:db8::1"},
		{proxy, "2001:db8::1", "2001:db8::1"},
		{proxy, "2001:db8::1:443", "2001:db8::1:443"}, // without brackets it is all address
		{proxy, "[::ffff:203.0.113.7]:80", "203.0.113.7"},
		{proxy, "[fe80::1%eth0]:80", "fe80::1"},
		{proxy, "1.2.3.4:1, 203.0.113.7:2, 10.0.0.2:3", "203.0.113.7"},
		{proxy6, "1.2.3.4, 203.0.113.7:2,[2001:db8:f::2]:3", "203.0.113.7"},
		{proxy, "1.2.3.4, [10.0.0.2]:80", "10.0.0.1"}, // what can't be read hides what is left of it
		{proxy, "1.2.3.4, [10.0.0.2]", "10.0.0.1"},
		{proxy, "1.2.3.4, 203.0.113.7:99999", "10.0.0.1"},
		{proxy, "1.2.3.4, 203.0.113.7:", "10.0.0.1"},
		{proxy, "1.2.3.4, [2001:db8::1", "10.0.0.1"},
		{proxy, "1.2.3.4, unknown", "10.0.0.1"},
		{proxy, "1.2.3.4, 203.0.113.7:1:2", "10.0.0.1"},
		{"198.51.100.1", "203.0.113.7:1234", "198.51.100.1"}, // who is no proxy
		{"198.51.100.1", "[2001:db8::1]:443", "198.51.100.1"},
	} {
		send(t, from(s, c.peer), step{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, admin.Email, admin.Password), 200, nil}, "X-Forwarded-For: "+c.header)
		var got string
		if err := s.DB.GetContext(t.Context(), &got, "SELECT address FROM audit_log ORDER BY id DESC LIMIT 1"); err != nil || got != c.want {
			t.Errorf("%s says %s: the address is %s, want %s, %v", c.peer, c.header, got, c.want, err)
		}
	}
}
