package handler_test

import (
	"slices"
	"strings"
	"testing"

	"hexamart/internal/testkit"
)

// The tests of this file and the next send what the storefront sends, as a browser would send it, and
// read of the answers what its pages read.

// visit sends a step as a page of the storefront does: with the page's origin, and after a preflight
// where a browser asks first. A type given with the step is not the usual JSON.
func visit(t *testing.T, s *testkit.Shop, st step, headers ...string) testkit.Answer {
	t.Helper()
	method, path, _ := strings.Cut(st.call, " ")
	origin := "Origin: " + storefront
	var asked []string
	if st.who != nil {
		asked = append(asked, "authorization")
	}
	if st.body != "" && !slices.Contains(headers, form) {
		asked = append(asked, "content-type")
	}
	if len(asked) > 0 || method == "PUT" || method == "DELETE" {
		a := s.Do(nil, "OPTIONS", path, "", origin, "Access-Control-Request-Method: "+method, "Access-Control-Request-Headers: "+strings.Join(asked, ","))
		h, allowed := a.Header, strings.ToLower(a.Header.Get("Access-Control-Allow-Headers"))
		blocked := func(name string) bool { return !strings.Contains(allowed, name) }
		if a.Status/100 != 2 || h.Get("Access-Control-Allow-Origin") != storefront ||
			!strings.Contains(h.Get("Access-Control-Allow-Methods"), method) || slices.ContainsFunc(asked, blocked) {
			t.Errorf("%s: the browser does not send it after status %d, %v", st.call, a.Status, h)
		}
	}
	a := send(t, s, st, append(headers, origin, "Accept: application/json, text/plain, */*")...)
	if a.Header.Get("Access-Control-Allow-Origin") != storefront {
		t.Errorf("%s: the browser does not show the answer to the page: %v", st.call, a.Header)
	}
	return a
}

// reads checks that an object has what a script reads of it, each as "name type": toFixed of a text or
// map of an object would take the whole page away.
func reads(t *testing.T, object string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		name, kind, _ := strings.Cut(want, " ")
		if got := typeOf(string(members(object)[name])); !slices.Contains(strings.Split(kind, "|"), got) {
			t.Errorf("%s is %s, the script takes it for %s: %s", name, got, kind, object)
		}
	}
}

// typeOf names a JSON value's type.
func typeOf(value string) string {
	switch value = strings.TrimSpace(value); {
	case value == "":
		return "missing"
	case value == "null":
		return "null"
	case value == "true" || value == "false":
		return "boolean"
	}
	if kind, ok := map[byte]string{'"': "string", '[': "array", '{': "object"}[value[0]]; ok {
		return kind
	}
	return "number"
}

// only returns the one element of an array.
func only(t *testing.T, array string) string {
	t.Helper()
	list := elements(t, array)
	if len(list) != 1 {
		t.Fatalf("one element was wanted: %s", array)
	}
	return list[0]
}

// stranger is somebody whose page has no token: its script sends "Bearer null".
var stranger = &testkit.Person{Token: "null"}

func TestStorefrontAccount(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin := s.User(), s.Admin()
	fields := func(who *testkit.Person) string {
		return "username=" + escape(who.Email) + "&password=" + escape(who.Password)
	}
	t.Run("Register", func(t *testing.T) {
		a := visit(t, s, step{nil, "POST /auth/register", `{"name":"New","email":"new@example.com","password":"thimble-1"}`, 201, nil})
		reads(t, a.Body, "message string", "user_id number")
	})
	t.Run("RegisterTaken", func(t *testing.T) {
		a := visit(t, s, step{nil, "POST /auth/register", f(`{"name":"New","email":%q,"password":"thimble-1"}`, u.Email), 409, nil})
		reads(t, a.Body, "detail string")
	})
	t.Run("Login", func(t *testing.T) {
		a := visit(t, s, step{nil, "POST /auth/login", fields(u), 200, is{`"token_type":"bearer"`}}, form)
		reads(t, a.Body, "access_token string")
		visit(t, s, step{&testkit.Person{Token: text(members(a.Body)["access_token"])}, "GET /users/profile", "", 200, is{u.Email}})
	})
	t.Run("LoginWrong", func(t *testing.T) {
		reads(t, visit(t, s, step{nil, "POST /auth/login", "username=" + escape(u.Email) + "&password=wrong", 401, nil}, form).Body, "detail string")
	})
	t.Run("AdminLogin", func(t *testing.T) {
		a := visit(t, s, step{nil, "POST /auth/login", fields(admin), 200, is{`"is_admin":true`, f(`"email":%q`, admin.Email)}}, form)
		reads(t, a.Body, "access_token string", "is_admin boolean")
	})
	t.Run("AdminLoginOfCustomer", func(t *testing.T) {
		visit(t, s, step{nil, "POST /auth/login", fields(u), 200, is{`"is_admin":false`}}, form)
	})
	for name, body := range map[string]string{
		"LoginJSONUsername": f(`{"username":%q,"password":%q}`, admin.Email, admin.Password),
		"LoginJSONEmail":    f(`{"email":%q,"password":%q}`, admin.Email, admin.Password),
	} {
		t.Run(name, func(t *testing.T) {
			reads(t, visit(t, s, step{nil, "POST /auth/login", body, 200, is{`"is_admin":true`}}).Body, "access_token string")
		})
	}
}

func TestStorefrontProfile(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	t.Run("Show", func(t *testing.T) {
		reads(t, visit(t, s, step{s.User(), "GET /users/profile", "", 200, nil}).Body, "id number", "name string", "email string")
	})
	t.Run("LoggedOut", func(t *testing.T) { visit(t, s, step{stranger, "GET /users/profile", "", 401, nil}) })
	t.Run("Update", func(t *testing.T) {
		u := s.User()
		visit(t, s, step{u, "PUT /users/address", `{"address":"12 MG Road"}`, 200, nil})
		reads(t, visit(t, s, step{u, "PUT /users/profile", `{"name":"Asha","email":"asha@example.com"}`, 200, nil}).Body, "message string")
		// The page goes on with its token, and knows of no address.
		visit(t, s, step{u, "GET /users/profile", "", 200, is{`"name":"Asha"`, `"email":"asha@example.com"`, `"address":"12 MG Road"`}})
	})
	t.Run("ChangePassword", func(t *testing.T) {
		u := s.User()
		a := visit(t, s, step{u, "PUT /users/change-password", f(`{"old_password":%q,"new_password":"thimble-new"}`, u.Password), 200, nil})
		reads(t, a.Body, "message string", "access_token string")
		visit(t, s, step{nil, "POST /auth/login", "username=" + escape(u.Email) + "&password=thimble-new", 200, nil}, form)
	})
	t.Run("ChangePasswordWrong", func(t *testing.T) {
		u := s.User()
		visit(t, s, step{u, "PUT /users/change-password", `{"old_password":"wrong","new_password":"thimble-new"}`, 422, nil})
		visit(t, s, step{u, "GET /users/profile", "", 200, nil})
	})
	t.Run("Address", func(t *testing.T) {
		u := s.User()
		visit(t, s, step{u, "GET /users/address", "", 200, is{`{"address":""}`}}) // a form's field takes no null
		reads(t, visit(t, s, step{u, "PUT /users/address", `{"address":"上海 1"}`, 200, nil}).Body, "message string")
		visit(t, s, step{u, "GET /users/address", "", 200, is{`{"address":"上海 1"}`}})
		visit(t, s, step{u, "PUT /users/address", `{"address":""}`, 200, nil})
		visit(t, s, step{u, "GET /users/address", "", 200, is{`{"address":""}`}})
	})
}

func TestStorefrontCatalogue(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	t.Run("Empty", func(t *testing.T) { // its script maps over both
		for _, call := range []string{"GET /products", "GET /products/categories"} {
			if a := visit(t, s, step{nil, call, "", 200, nil}); strings.TrimSpace(a.Body) != "[]" {
				t.Errorf("%s answers %s", call, a.Body)
			}
		}
	})
	lamp := s.ProductIn("Home & Kitchen", "Desk Lamp", "19.90", 3)
	shade, book := s.ProductIn("Home & Kitchen", "Lamp Shade", "7", 3), s.ProductIn("Books", "The Lamp", "9.99", 0)
	t.Run("Home", func(t *testing.T) {
		for _, p := range elements(t, visit(t, s, step{nil, "GET /products", "", 200, is{"Desk Lamp", "Lamp Shade", "The Lamp"}}).Body) {
			reads(t, p, "id number", "name string", "price number", "category string", "stock number", "image_url string|null")
		}
	})
	t.Run("Categories", func(t *testing.T) {
		visit(t, s, step{nil, "GET /products/categories", "", 200, is{`["Books","Home & Kitchen"]`}})
	})
	for query, want := range map[string]string{ // as the script writes them
		"search=LAMP&sort_by=asc": f("%d %d %d", shade.ID, book.ID, lamp.ID),
		"sort_by=desc":            f("%d %d %d", lamp.ID, book.ID, shade.ID),
		"search=lamp&category=Home+%26+Kitchen&sort_by=desc": f("%d %d", lamp.ID, shade.ID),
		"search=desk+lamp":                                   f("%d", lamp.ID),
		"category=Home+%26+Kitchen":                          f("%d %d", lamp.ID, shade.ID),
		"search=desk+lamp&category=Books&sort_by=asc&page=1": "",
	} {
		t.Run("Find/"+query, func(t *testing.T) {
			if got := ids(visit(t, s, step{nil, "GET /products?" + query, "", 200, nil})); got != want {
				t.Errorf("products %q, want %q", got, want)
			}
		})
	}
	t.Run("LoggedOut", func(t *testing.T) { // what is for everybody needs no good token
		for _, call := range []string{"GET /products", "GET /products/", "GET /products/categories", f("GET /products/%d", lamp.ID)} {
			visit(t, s, step{stranger, call, "", 200, is{"Home"}})
		}
	})
}
