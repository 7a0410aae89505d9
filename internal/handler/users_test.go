package handler_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hexamart/internal/testkit"
)

func TestProfile(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, other := s.User(), s.User()
	a := send(t, s, step{u, "GET /users/profile", "", 200, is{f(`{"id":%d,"name":"User 1","email":"user1@example.com","address":null,"is_admin":false}`, u.ID)}})
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Error("a profile may be stored")
	}
	address := "Flat 4,\n12 MG Road\nBengaluru"
	run(t, s, []step{
		{u, "PUT /users/profile", `{"name":" Asha ","email":" Asha@example.com ","address":` + quote(address) + `}`, 200, nil},
		{u, "GET /users/profile", "", 200, is{`"name":"Asha"`, `"email":"Asha@example.com"`, `"address":` + quote(address)}},
		{u, "PUT /users/profile", `{"name":"Asha","email":"ASHA@example.com"}`, 200, nil}, // one's own, and no word of the address
		{u, "GET /users/profile", "", 200, is{`"email":"ASHA@example.com"`, quote(address)}},
		{u, "PUT /users/profile", `{"name":"Asha","email":"User2@Example.com"}`, 409, is{`"code":"email_taken"`}},
		{u, "PUT /users/profile", `{"name":"","email":"nobody","address":5}`, 422, nil},
		{u, "GET /users/profile", "", 200, is{`"name":"Asha"`, `"email":"ASHA@example.com"`, quote(address)}},
		{u, "PUT /users/profile", `{"name":"Asha","email":"asha@example.com","address":null}`, 200, nil},
		{u, "GET /users/profile", "", 200, is{`"address":null`}},
		{u, "PUT /users/profile", `{"name":"Asha","email":"asha@example.com","address":"x"}`, 200, nil},
		{u, "PUT /users/profile", `{"name":"Asha","email":"asha@example.com","address":""}`, 200, nil},
		{u, "GET /users/profile", "", 200, is{`"address":null`}},
		{other, "GET /users/profile", "", 200, is{`"email":"user2@example.com"`, `"address":null`}},
		{nil, "POST /auth/login", `{"email":"asha@example.com","password":"thimble-1"}`, 200, is{`"name":"Asha"`}},
		{nil, "POST /auth/login", `{"email":"user1@example.com","password":"thimble-1"}`, 401, nil},
		{nil, "POST /auth/register", `{"name":"New","email":"user1@example.com","password":"thimble-9"}`, 201, nil}, // free again
	})
}

// TestTakenEmails has somebody try who has an account here: after some tries it is not told any more, be they taken or free. Whose
// e-mail stays can go on changing the rest.
func TestTakenEmails(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, other := s.User(), s.User()
	for i := range 12 {
		status, hint := 409, "email_taken"
		if i >= 10 {
			status, hint = 429, "rate_limited"
		}
		a := send(t, s, step{u, "PUT /users/profile", f(`{"name":"Asha","email":%q}`, other.Email), status, is{hint}})
		if (status == 429) != (a.Header.Get("Retry-After") != "") {
			t.Errorf("Retry-After: %q", a.Header.Get("Retry-After"))
		}
	}
	third := s.User()
	for i := range 11 {
		status := 200
		if i == 10 {
			status = 429
		}
		send(t, s, step{third, "PUT /users/profile", f(`{"name":"Cid","email":"free%d@example.com"}`, i), status, nil})
	}
	for range 9 { // more of the same address
		p := s.User()
		for i := range 10 {
			s.Do(p, "PUT", "/users/profile", f(`{"name":"Dan","email":"free%d-%d@example.com"}`, p.ID, i))
		}
	}
	send(t, s, step{s.User(), "PUT /users/profile", f(`{"name":"Eve","email":%q}`, other.Email), 429, nil})
	send(t, s, step{third, "PUT /users/profile", `{"name":"Cyd","email":"Free9@example.com"}`, 200, nil})
	for range 12 {
		send(t, s, step{other, "PUT /users/profile", f(`{"name":"Ben","email":%q}`, other.Email), 200, nil})
	}
	if n := s.Count("SELECT COUNT(*) FROM users WHERE name = 'Asha'"); n != 0 {
		t.Error("the name was changed by what was refused")
	}
}

// TestTakenEmailsOfCustomer tries from networks of one customer's of IPv6: those are three addresses'.
func TestTakenEmailsOfCustomer(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	told := 0
	for n := range 32 {
		u := s.User()
		for i := range 10 {
			r := httptest.NewRequest("PUT", "/users/profile", strings.NewReader(f(`{"name":"Asha","email":"free%d-%d@example.com"}`, n, i)))
			r.RemoteAddr = f("[2001:db8:7:%x::1]:1234", n)
			r.Header.Set("Authorization", "Bearer "+u.Token)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			if s.Handler.ServeHTTP(w, r); w.Code == http.StatusOK {
				told++
			}
		}
	}
	if told < 300 || told > 310 { // some grow back meanwhile
		t.Errorf("%d of 320 were told", told)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, other := s.User(), s.User()
	longest := strings.Repeat("é", 255)
	run(t, s, []step{
		{u, "GET /users/address", "", 200, is{`{"address":""}`}},
		{u, "PUT /users/address", `{"address":" 12 MG Road "}`, 200, nil},
		{u, "GET /users/address", "", 200, is{`{"address":"12 MG Road"}`}},
		{u, "PUT /users/address", `{"address":"` + longest + `"}`, 200, nil},
		{u, "GET /users/address", "", 200, is{longest}},
		{u, "PUT /users/address", `{"address":"` + longest + `x"}`, 422, nil},
		{u, "PUT /users/address", `{"address":"a\u0000b"}`, 422, nil},
		{u, "GET /users/address", "", 200, is{longest}},
		{u, "GET /users/profile", "", 200, is{longest}},
		{u, "PUT /users/address", `{"address":"\u0301"}`, 200, nil}, // a mark alone, which the collation takes for nothing
		{u, "GET /users/address", "", 200, is{"{\"address\":\"\u0301\"}"}},
		{u, "PUT /users/address", `{"address":"  "}`, 200, nil},
		{u, "GET /users/address", "", 200, is{`{"address":""}`}},
		{u, "GET /users/profile", "", 200, is{`"address":null`}},
		{other, "GET /users/address", "", 200, is{`{"address":""}`}},
	})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, other := s.User(), s.User()
	change := func(old, new string) string {
		return f(`{"old_password":%s,"new_password":%s}`, quote(old), quote(new))
	}
	for body, want := range map[string]string{
		change("wrong-password", "another one"):             "old_password",
		change(other.Password, "another one"):               "old_password",
		change(u.Password, "short"):                         "new_password",
		change(u.Password, strings.Repeat("é", 36)+"x"):     "new_password",
		change(u.Password, u.Password):                      "new_password",
		change("", ""):                                      "new_password old_password",
		`{}`:                                                "new_password old_password",
		`{"old_password":5,"new_password":["thimble-123"]}`: "new_password old_password",
	} {
		a := send(t, s, step{u, "PUT /users/change-password", body, 422, is{"!" + u.Password}})
		if got := badFields(a); got != want {
			t.Errorf("%s: fields %s, want %s", body, got, want)
		}
	}
	run(t, s, []step{{u, "GET /users/profile", "", 200, nil}}) // what failed ended no session
	a := send(t, s, step{u, "PUT /users/change-password", change(u.Password, strings.Repeat("é", 36)), 200,
		is{`"token_type":"bearer"`, `"expires_in":3600`}})
	if got := names(a.Body); got != "access_token expires_in message refresh_expires_in refresh_token token_type" {
		t.Errorf("the answer has %s", got)
	}
	run(t, s, []step{
		{u, "GET /users/profile", "", 401, nil},
		{u, "PUT /users/change-password", change(strings.Repeat("é", 36), u.Password), 401, nil},
		{&testkit.Person{Token: a.Field("access_token").(string)}, "GET /users/profile", "", 200, is{u.Email}},
		{other, "GET /users/profile", "", 200, nil},
		{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, other.Email, other.Password), 200, nil},
	})
}
