package handler_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"hexamart/internal/testkit"
)

// guards says of every route who may use it.
var guards = map[string]string{
	"GET /":                         "everybody",
	"GET /healthz":                  "everybody",
	"GET /readyz":                   "everybody",
	"POST /auth/register":           "everybody",
	"POST /auth/login":              "everybody",
	"POST /auth/refresh":            "everybody",
	"POST /auth/logout":             "users",
	"GET /auth/sessions":            "users",
	"DELETE /auth/sessions/{id}":    "users",
	"GET /products":                 "everybody",
	"GET /products/categories":      "everybody",
	"GET /products/{id}":            "everybody",
	"GET /pictures/{file}":          "everybody",
	"GET /openapi.json":             "everybody",
	"GET /docs":                     "everybody",
	"GET /docs/{file}":              "everybody",
	"GET /redoc":                    "everybody",
	"GET /errors":                   "everybody",
	"GET /errors/{code}":            "everybody",
	"POST /products":                "admins",
	"PUT /products/{id}":            "admins",
	"PATCH /products/{id}":          "admins",
	"DELETE /products/{id}":         "admins",
	"GET /cart":                     "users",
	"POST /cart":                    "users",
	"DELETE /cart":                  "users",
	"PUT /cart/{id}":                "users",
	"PUT /cart/{id}/decrease":       "users",
	"DELETE /cart/{id}":             "users",
	"POST /orders":                  "users",
	"GET /orders":                   "users",
	"GET /orders/{id}":              "users",
	"POST /orders/{id}/cancel":      "users",
	"PUT /orders/{id}/status":       "admins",
	"GET /admin/dashboard":          "admins",
	"GET /admin/products":           "admins",
	"GET /admin/audit":              "admins",
	"GET /admin/orders":             "admins",
	"PUT /admin/orders/{id}/status": "admins",
	"GET /users/profile":            "users",
	"PUT /users/profile":            "users",
	"PUT /users/change-password":    "users",
	"GET /users/address":            "users",
	"PUT /users/address":            "users",
}

// TestGuards walks over all routes as everybody there is. A route without a line above fails.
func TestGuards(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	callers := map[string]*testkit.Person{"nobody": nil, "garbage": {Token: "garbage"}, "customer": s.User(), "admin": s.Admin()}
	refusals := map[string]map[string]int{
		"everybody": {},
		"users":     {"nobody": 401, "garbage": 401},
		"admins":    {"nobody": 401, "garbage": 401, "customer": 403},
	}
	walked := map[string]bool{}
	err := chi.Walk(s.Handler.(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		walked[method+" "+route] = true
		refused, ok := refusals[guards[method+" "+route]]
		if !ok {
			t.Errorf("%s %s: nobody said whom it is for", method, route)
			return nil
		}
		methods := []string{method}
		if method == "GET" {
			methods = append(methods, "HEAD")
		}
		path := strings.ReplaceAll(route, "{id}", "424242")
		for _, path := range []string{path, "/" + strings.ReplaceAll(path, "/", "//") + "/"} {
			for _, method := range methods {
				for name, who := range callers {
					checkGuard(t, s, name, who, method, path, refused[name])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for route := range guards {
		if !walked[route] {
			t.Errorf("%s is not there", route)
		}
	}
}

func checkGuard(t *testing.T, s *testkit.Shop, name string, who *testkit.Person, method, path string, want int) {
	t.Helper()
	if who != nil && who.ID != 0 && strings.Contains(strings.ReplaceAll(path, "//", "/"), "/auth/logout") {
		own := *who // for this one ends the session
		s.Login(&own)
		who = &own
	}
	a := s.Do(who, method, path, "")
	refused := a.Status == 401 || a.Status == 403
	if want != 0 && a.Status != want || want == 0 && (refused || a.Status >= 500) {
		t.Errorf("%s %s as %s: status %d: %s", method, path, name, a.Status, a.Body)
	}
	if refused {
		checkProblem(t, method+" "+path, a)
	}
}

// TestRefusedChangesNothing sends good bodies to the admins' routes as a customer.
func TestRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp := s.User(), s.Product("Lamp", "19.99", 5)
	o := s.Order(u, lamp, 1)
	product := `{"name":"Hacked","price":0,"category":"Hacked","stock":0}`
	for _, who := range []*testkit.Person{nil, u} {
		status := 403
		if who == nil {
			status = 401
		}
		run(t, s, []step{
			{who, "POST /products", product, status, nil},
			{who, f("PUT /products/%d", lamp.ID), product, status, nil},
			{who, f("PATCH /products/%d", lamp.ID), `{"stock_delta":-1}`, status, nil},
			{who, f("DELETE /products/%d", lamp.ID), "", status, nil},
			{who, f("PUT /orders/%d/status?status=Shipped", o.ID), "", status, nil},
			{who, f("PUT /admin/orders/%d/status", o.ID), `{"status":"Shipped"}`, status, nil},
		})
	}
	run(t, s, []step{
		{nil, "GET /products", "", 200, is{`"name":"Lamp"`, `"stock":4`, "!Hacked"}},
		{u, f("GET /orders/%d", o.ID), "", 200, is{`"status":"Pending"`, "!Shipped"}},
	})
}
