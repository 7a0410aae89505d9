package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// TestSettingsTakeEffect gives a shop every setting on which its security hangs, none as it is by default, and looks
// whether it does as they say.
func TestSettingsTakeEffect(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db := testkit.Open(t, cfg, nil)
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	before := testkit.NewShopOn(t, db) // under the previous key
	u := before.User()
	p := newPlace(t, "DATABASE_URL="+databaseURL(cfg), "SECRET_KEY=the key that takes the place of the tests' own", "SECRET_KEY_PREVIOUS="+testkit.SecretKey,
		"ACCESS_TOKEN_EXPIRE_MINUTES=7", "REFRESH_TOKEN_EXPIRE_DAYS=3", "CORS_ORIGINS=https://shop.example", "RATE_LIMIT_LOGIN=2/h",
		"TRUSTED_PROXIES=127.0.0.1", "ADMIN_EMAIL=boss@example.com", "ADMIN_PASSWORD=thimble-9000")
	p.serve()

	old := &client{t: t, base: p.url(""), token: u.Token}
	old.want(200, "GET", "/users/profile", "", nil)
	if before.Do(&testkit.Person{Token: p.login(u.Email, u.Password).token}, "GET", "/cart", "").Status != 401 {
		t.Error("new tokens are of the previous key")
	}
	t.Run("Times", func(t *testing.T) {
		var answer struct {
			Access  int64 `json:"expires_in"`
			Refresh int64 `json:"refresh_expires_in"`
		}
		_, text := p.ask(t, "POST", "/auth/login", loginBody(u.Email, u.Password))
		if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Access != 7*60 || answer.Refresh < 3*86400-60 || answer.Refresh > 3*86400 {
			t.Errorf("%+v, %v", answer, err)
		}
	})
	t.Run("Origins", func(t *testing.T) {
		for origin, want := range map[string]string{"https://shop.example": "https://shop.example", "http://localhost:5173": ""} {
			if res, _ := p.ask(t, "GET", "/products", "", "Origin: "+origin); res.Header.Get("Access-Control-Allow-Origin") != want {
				t.Errorf("%s: %v", origin, res.Header)
			}
		}
	})
	t.Run("Guessing", func(t *testing.T) { guessThroughProxy(t, p, u) })
	keepAdmin(p)
	p.shopper("ann")
	if n := before.Count("SELECT COUNT(*) FROM users WHERE email = 'ann@example.com' AND password_hash LIKE '$2_$12$%'"); n != 1 {
		t.Error("the hash is not of cost 12")
	}
}

// TestAdminWhoWasThere gives the rights to an account that somebody had registered: that is told, once.
func TestAdminWhoWasThere(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db := testkit.Open(t, cfg, nil)
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	u := testkit.NewShopOn(t, db).User()
	p := newPlace(t, "DATABASE_URL="+databaseURL(cfg), "SECRET_KEY="+testkit.SecretKey, "ADMIN_EMAIL="+u.Email, "ADMIN_PASSWORD=thimble-9000")
	for _, told := range []bool{true, false} {
		proc := p.serve()
		p.login(u.Email, u.Password).want(200, "GET", "/admin/audit", "", nil)
		if got := strings.Contains(proc.out.String(), "the account of ADMIN_EMAIL was there"); got != told {
			t.Errorf("told: %t, want %t: %s", got, told, proc.out)
		}
		p.stop(proc, os.Interrupt)
	}
}

// guessThroughProxy fails as often as is allowed from the address that a proxy names.
func guessThroughProxy(t *testing.T, p *place, u *testkit.Person) {
	t.Helper()
	for i, want := range []int{401, 401, 429} {
		if res, text := p.ask(t, "POST", "/auth/login", loginBody(u.Email, "wrong-password"), "X-Forwarded-For: 203.0.113.7"); res.StatusCode != want {
			t.Errorf("guess %d: %d %s", i, res.StatusCode, text)
		}
	}
	if res, text := p.ask(t, "POST", "/auth/login", loginBody(u.Email, u.Password), "X-Forwarded-For: 203.0.113.8"); res.StatusCode != 200 {
		t.Errorf("from elsewhere: %d %s", res.StatusCode, text)
	}
}

// keepAdmin lets the admin move to another address: nobody takes the one in the settings, though it is free.
func keepAdmin(p *place) {
	p.t.Helper()
	admin := p.login("boss@example.com", "thimble-9000")
	admin.want(200, "GET", "/admin/audit", "", nil)
	admin.want(200, "PUT", "/users/profile", `{"name":"Boss","email":"elsewhere@example.com"}`, nil)
	admin.want(409, "POST", "/auth/register", `{"name":"Mallory","email":"Boss@example.com","password":"thimble-9001"}`, nil)
}

func loginBody(email, password string) string {
	return fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
}

// ask sends a request with headers, as "Name: value".
func (p *place) ask(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url(path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	testkit.SecretsIn(body)
	testkit.SecretsIn(string(text))
	return res, string(text)
}
