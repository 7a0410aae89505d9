package handler_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hexamart/internal/testkit"
)

// TestTokens tries tokens that are not, or no longer, good.
func TestTokens(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin := s.User(), s.Admin()
	now := time.Now()
	claims := func(change func(c jwt.MapClaims)) jwt.MapClaims {
		c := jwt.MapClaims{"sub": strconv.FormatInt(u.ID, 10), "ver": 0, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
		if change != nil {
			change(c)
		}
		return c
	}
	sign := func(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
		token, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	key := []byte(testkit.SecretKey)
	ours := func(change func(c jwt.MapClaims)) string { return sign(jwt.SigningMethodHS256, key, claims(change)) }
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := ours(nil)
	parts := strings.Split(good, ".")
	send(t, s, step{nil, "GET /users/profile", "", 200, is{u.Email}}, "Authorization: Bearer "+good)
	send(t, s, step{nil, "GET /users/profile", "", 200, is{u.Email}}, "Authorization: bearer "+good)
	for name, header := range map[string]string{
		"None":         "Bearer " + sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil)),
		"OtherKey":     "Bearer " + sign(jwt.SigningMethodHS256, []byte("another key, which is as long as the shop's own"), claims(nil)),
		"EmptyKey":     "Bearer " + sign(jwt.SigningMethodHS256, []byte{}, claims(nil)),
		"OtherAlg":     "Bearer " + sign(jwt.SigningMethodHS512, key, claims(nil)),
		"Expired":      "Bearer " + ours(func(c jwt.MapClaims) { c["exp"] = now.Add(-time.Minute).Unix() }),
		"NoExpiry":     "Bearer " + ours(func(c jwt.MapClaims) { delete(c, "exp") }),
		"NoSubject":    "Bearer " + ours(func(c jwt.MapClaims) { delete(c, "sub") }),
		"OddSubject":   "Bearer " + ours(func(c jwt.MapClaims) { c["sub"] = "1 OR 1=1" }),
		"Unknown":      "Bearer " + ours(func(c jwt.MapClaims) { c["sub"] = "424242" }),
		"Negative":     "Bearer " + ours(func(c jwt.MapClaims) { c["sub"] = "-1" }),
		"LaterVersion": "Bearer " + ours(func(c jwt.MapClaims) { c["ver"] = 1 }),
		"OddVersion":   "Bearer " + ours(func(c jwt.MapClaims) { c["ver"] = "x" }),
		"FromTomorrow": "Bearer " + ours(func(c jwt.MapClaims) { c["iat"] = now.Add(24 * time.Hour).Unix() }),
		"NotYet":       "Bearer " + ours(func(c jwt.MapClaims) { c["nbf"] = now.Add(time.Hour).Unix() }),
		"RS256":        "Bearer " + sign(jwt.SigningMethodRS256, rsaKey, claims(nil)),
		"RS256ByKey":   "Bearer " + hmacUnder(`{"alg":"RS256","typ":"JWT"}`, parts[1], key),
		"NoVersion":    "Bearer " + ours(func(c jwt.MapClaims) { delete(c, "ver") }),
		"NoSession":    "Bearer " + ours(func(c jwt.MapClaims) { c["sid"] = "AAAAAAAAAAAAAAAAAAAAAA" }),
		"OddSession":   "Bearer " + ours(func(c jwt.MapClaims) { c["sid"] = "' OR 1=1 --" }),
		"OthersKind":   "Bearer " + u.Refresh,
		"Altered":      "Bearer " + parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(f(`{"sub":"%d","ver":0,"iat":%d,"exp":%d}`, admin.ID, now.Unix(), now.Unix()+3600))) + "." + parts[2],
		"Garbage20KB":  "Bearer " + strings.Repeat("\xff.\x01ä", 5000),
		"Letters20KB":  "Bearer " + strings.Repeat("A", 20_000),
		"Dots20KB":     "Bearer " + strings.Repeat(".", 20_000),
		"Payload20KB":  "Bearer " + parts[0] + "." + strings.Repeat("e", 20_000) + "." + parts[2],
		"Unsigned":     "Bearer " + parts[0] + "." + parts[1] + ".",
		"OtherClaims":  "Bearer " + parts[0] + "." + strings.Split(admin.Token, ".")[1] + "." + parts[2],
		"Basic":        "Basic " + good,
		"NoScheme":     good,
		"NoToken":      "Bearer",
		"Spaces":       "Bearer   ",
		"Empty":        "",
	} {
		a := s.Do(nil, "GET", "/cart", "", "Authorization: "+header) // which asks no more of a user than the token
		if a.Status != 401 {
			t.Errorf("%s: status %d: %s", name, a.Status, a.Body)
		}
		checkAnswer(t, name, "GET", a)
	}
	// A claim does not make an admin.
	send(t, s, step{nil, "GET /admin/dashboard", "", 403, nil}, "Authorization: Bearer "+ours(func(c jwt.MapClaims) { c["is_admin"], c["admin"], c["role"] = true, true, "admin" }))
}

// hmacUnder signs with HMAC-SHA256, whatever the header says.
func hmacUnder(header, payload string, key []byte) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + payload
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// TestKeyRotation exchanges the key of a shop: nobody is logged out while the old one is named as the
// previous one, and sessions go on after that.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	under := func(key string, previous ...string) *testkit.Shop {
		return testkit.NewShopUnder(t, s.DB, key, previous...)
	}
	const newKey = "a new key, which takes the place of the tests' own"
	both, after := under(newKey, testkit.SecretKey), under(newKey)
	run(t, both, []step{{u, "GET /users/profile", "", 200, nil}})
	run(t, after, []step{{u, "GET /users/profile", "", 401, nil}})
	next := refreshed(t, both, u)
	run(t, after, []step{{next, "GET /users/profile", "", 200, nil}})
	run(t, s, []step{{next, "GET /users/profile", "", 401, nil}})
	run(t, after, []step{{refreshed(t, after, next), "GET /users/profile", "", 200, nil}})
}

// TestTokensEnd checks that roles and accounts are looked up, not believed.
func TestTokensEnd(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	deleted, admin, customer := s.User(), s.Admin(), s.User()
	changed, before := s.User(), testkit.Person{}
	before = *changed
	run(t, s, []step{
		{deleted, "GET /cart", "", 200, nil},
		{admin, "GET /admin/dashboard", "", 200, nil},
		{customer, "GET /admin/dashboard", "", 403, nil},
	})
	s.Exec("DELETE FROM users WHERE id = ?", deleted.ID)
	s.Exec("UPDATE users SET is_admin = (id = ?) WHERE id IN (?, ?)", customer.ID, customer.ID, admin.ID)
	run(t, s, []step{
		{deleted, "GET /cart", "", 401, nil},
		{deleted, "GET /users/profile", "", 401, nil},
		{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, deleted.Email, deleted.Password), 401, nil},
		{admin, "GET /admin/dashboard", "", 403, nil},
		{admin, "POST /products", `{"name":"X","price":1,"category":"X","stock":1}`, 403, nil},
		{admin, "GET /cart", "", 200, nil},
		{customer, "GET /admin/dashboard", "", 200, nil},
	})
	a := send(t, s, step{changed, "PUT /users/change-password", f(`{"old_password":%q,"new_password":"another one"}`, changed.Password), 200, nil})
	changed.Token = a.Field("access_token").(string)
	run(t, s, []step{
		{&before, "GET /cart", "", 401, nil},
		{changed, "GET /cart", "", 200, nil},
		{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, before.Email, before.Password), 401, nil},
		{nil, "POST /auth/login", f(`{"email":%q,"password":"another one"}`, before.Email), 200, nil},
	})
}

// TestTokensNotInAddresses sends tokens where addresses, which end up in logs and histories, would have
// them: they are not looked at there, nor in cookies, which no answer sets.
func TestTokensNotInAddresses(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	for _, name := range []string{"access_token", "token", "authorization", "bearer"} {
		send(t, s, step{nil, "GET /users/profile?" + name + "=" + u.Token, "", 401, nil})
		send(t, s, step{nil, "GET /users/profile", "", 401, nil}, "Cookie: "+name+"="+u.Token)
	}
	other := s.User()
	run(t, s, []step{ // which checks that there is no cookie
		{nil, "POST /auth/register", `{"name":"Ann","email":"ann@example.com","password":"correct horse"}`, 201, nil},
		{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, other.Email, other.Password), 200, nil},
		{nil, "POST /auth/refresh", refreshBody(other), 200, nil},
		{other, "GET /users/profile", "", 200, nil},
		{other, "PUT /users/change-password", f(`{"old_password":%q,"new_password":"another one"}`, other.Password), 200, nil},
		{other, "GET /users/profile", "", 401, nil},
		{nil, "POST /auth/logout", refreshBody(other), 200, nil},
	})
	send(t, s, step{nil, "POST /auth/refresh?refresh_token=" + u.Refresh, `{}`, 422, nil})
	send(t, s, step{nil, "POST /auth/logout?refresh_token=" + u.Refresh, `{}`, 401, nil})
	alive(t, s, "the session", u, true)
}

// TestTwoTokens sends two tokens, of which one is good: nobody knows which of them a proxy in front looked at.
func TestTwoTokens(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, other := s.User(), s.User()
	for _, sent := range [][]string{{u.Token, other.Token}, {u.Token, u.Token}, {"garbage", u.Token}, {u.Token, "garbage"}} {
		r := httptest.NewRequest("GET", "/cart", nil)
		for _, token := range sent {
			r.Header.Add("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		if s.Handler.ServeHTTP(w, r); w.Code != 401 {
			t.Errorf("%.20q: status %d", sent, w.Code)
		}
	}
}
