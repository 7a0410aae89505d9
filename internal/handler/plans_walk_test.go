package handler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"hexamart/internal/apperr"
	"hexamart/internal/docs"
	"hexamart/internal/model"
	"hexamart/internal/security"
	"hexamart/internal/testkit"
)

// walk calls everything that sends something to the database, each in all its ways.
type walk struct {
	*testkit.Shop
	t      *testing.T
	wire   *wire
	judge  func(call string, sent []sending)
	called map[string]bool // by method and pattern
}

// person is one of those who were filled in, logged in.
func (w *walk) person(id int64) *testkit.Person {
	p := &testkit.Person{ID: id, Email: fmt.Sprintf("user%d@example.com", id), Password: bigPassword}
	w.Login(p)
	w.over("log in")
	return p
}

// over has judged what was sent since the last time.
func (w *walk) over(call string) { w.judge(call, w.wire.take()) }

// do calls the API, which answers with a status.
func (w *walk) do(status int, as *testkit.Person, call, body string, headers ...string) testkit.Answer {
	w.t.Helper()
	method, address, _ := strings.Cut(call, " ")
	a := w.Do(as, method, address, body, headers...)
	if a.Status != status {
		w.t.Errorf("%s %s: %d %s instead of %d", call, body, a.Status, a.Body, status)
	}
	w.route(method, address)
	w.over(call)
	return a
}

func (w *walk) route(method, address string) {
	match := chi.NewRouteContext()
	address, _, _ = strings.Cut(address, "?")
	if w.Handler.(chi.Routes).Match(match, method, address) {
		w.called[method+" "+match.RoutePattern()] = true
	}
}

// service has judged what was done other than by an endpoint, and did not fail.
func (w *walk) service(name string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Errorf("%s: %v", name, err)
	}
	w.over(name)
}

// filters are the parameters of lists, each with values that select much and little.
var filters = map[string][]string{
	"category":            {"category=Category+07"},
	"sort_by":             {"sort_by=asc", "sort_by=desc", "sort_by=newest", "sort_by=name"},
	"min_price max_price": {"min_price=4000&max_price=4010", "min_price=4000&max_price=8000", "min_price=9000", "max_price=4010"},
	"in_stock":            {"in_stock=true", "in_stock=false"},
	"archived":            {"archived=true", "archived=false"},
	"status":              {"status=Pending", "status=Cancelled"},
	"user_id":             {"user_id=5", "user_id=7"},
	"from to":             {"from=%300", "from=%7", "to=%300", "from=%200&to=%198", "from=%200&to=%50"}, // days ago
	"actor":               {"actor=3"},
	"action":              {"action=order.status"},
	"days":                {"days=7"},
	"search":              {"search=lamp"},
}

// alone are parameters that are tried without others but the order: what they ask for takes its time.
var alone = []string{"search"}

// lists calls each address that has filters with all combinations of them.
func (w *walk) lists(as *testkit.Person) {
	for _, address := range []string{"/products", "/cart", "/orders", "/admin/products", "/admin/orders", "/admin/audit", "/admin/dashboard"} {
		described := parameters(w.t, address)
		for _, query := range combinations(w.t, described) {
			w.list(as, address, query, slices.Contains(described, "cursor"))
		}
	}
}

// list reads some of a list, and what comes after that.
func (w *walk) list(as *testkit.Person, address, query string, paged bool) {
	w.route("GET", address)
	if !paged {
		w.read(as, address+"?"+query)
		return
	}
	first := query + "&limit=300"
	if !strings.Contains(query, "sort_by") {
		first += "&count=true"
	}
	next := w.read(as, address+"?"+first)
	if next == "" {
		next = query
	}
	w.read(as, address+"?limit=20&"+next)
}

// read is do without a look at the API's description, which takes longer than all else; it returns the query of the next page.
func (w *walk) read(as *testkit.Person, address string) (next string) {
	r := httptest.NewRequest("GET", address, nil)
	r.Header.Set("Authorization", "Bearer "+as.Token)
	answer := httptest.NewRecorder()
	w.Handler.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		w.t.Errorf("%s: %d %s", address, answer.Code, answer.Body)
	}
	w.over("GET " + address)
	link, _, more := strings.Cut(answer.Header().Get("Link"), ">")
	if !more {
		return ""
	}
	u, err := url.Parse(strings.TrimPrefix(link, "<"))
	if err != nil {
		w.t.Fatal(err)
	}
	values := u.Query()
	values.Del("limit")
	values.Del("count")
	return values.Encode()
}

// parameters are the names of those that an address has by the API's description.
func parameters(t *testing.T, address string) (names []string) {
	t.Helper()
	type parameters []map[string]any
	var doc struct {
		Paths map[string]struct {
			Parameters parameters // of all methods
			Get        struct{ Parameters parameters }
		}
		Components struct{ Parameters map[string]map[string]any }
	}
	if err := json.Unmarshal(docs.OpenAPI().Body, &doc); err != nil {
		t.Fatal(err)
	}
	for _, p := range append(doc.Paths[address].Parameters, doc.Paths[address].Get.Parameters...) {
		if ref, ok := p["$ref"].(string); ok {
			p = doc.Components.Parameters[ref[strings.LastIndexByte(ref, '/')+1:]]
		}
		if p["in"] == "query" {
			names = append(names, p["name"].(string))
		}
	}
	if len(names) == 0 {
		t.Fatalf("%s has no parameters", address)
	}
	return names
}

// combinations are all queries that can be made of parameters.
func combinations(t *testing.T, names []string) []string {
	t.Helper()
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains([]string{"limit", "cursor", "count"}, n) })
	all := []string{""}
	for _, of := range slices.Sorted(maps.Keys(filters)) {
		own := strings.Fields(of)
		if !slices.Contains(names, own[0]) {
			continue
		}
		names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(own, n) })
		values := filters[of]
		for _, query := range all {
			if query != "" && slices.Contains(alone, of) {
				continue
			}
			for _, value := range values {
				all = append(all, strings.TrimPrefix(query+"&"+daysAgo(value), "&"))
			}
		}
	}
	if len(names) > 0 {
		t.Errorf("no values for the parameters %v: add some to filters", names)
	}
	return all
}

var ago = regexp.MustCompile(`%\d+`)

func daysAgo(query string) string {
	return ago.ReplaceAllStringFunc(query, func(days string) string {
		n, _ := strconv.Atoi(days[1:])
		return time.Now().UTC().AddDate(0, 0, -n).Format(time.DateOnly)
	})
}

// people registers, logs in and out in all ways, and changes accounts.
func (w *walk) people(admin *testkit.Person) {
	w.Services.Auth.ReserveEmail("boss@example.com")
	w.do(201, nil, "POST /auth/register", `{"name":"Zoe","email":"zoe@example.com","password":"a fine passphrase"}`)
	const zoe = `{"email":"zoe@example.com","password":"a fine passphrase"}`
	w.do(200, nil, "POST /auth/login", zoe)
	w.do(401, nil, "POST /auth/login", `{"email":"zoe@example.com","password":"another passphrase"}`)
	w.do(401, nil, "POST /auth/login", f(`{"email":%q,"password":"another passphrase"}`, admin.Email))
	var refused error
	for i := range 31 { // from networks of one customer, more often than that may guess
		_, refused = w.Services.Auth.Login(w.t.Context(), model.LoginInput{Email: "zoe@example.com", Password: "another passphrase"},
			model.Actor{Address: f("2001:db8:1:%x::1", i/5)})
	}
	if !apperr.Is(refused, apperr.RateLimited) {
		w.t.Errorf("after many guesses: %v", refused)
	}
	w.over("a login by a neighbour")
	p := w.person(9_001)
	w.do(200, p, "PUT /users/profile", `{"name":"Zoe","email":"own@example.com","address":"There"}`)
	w.do(200, p, "GET /users/profile", "")
	w.do(200, p, "PUT /users/address", `{"address":"There"}`)
	w.do(200, p, "GET /users/address", "")
	w.do(422, p, "PUT /users/change-password", `{"old_password":"nonsense","new_password":"another passphrase"}`)
	w.do(200, p, "PUT /users/change-password", f(`{"old_password":%q,"new_password":"another passphrase"}`, p.Password))
	first := w.person(9_002)
	w.do(200, nil, "POST /auth/refresh", refreshBody(first))
	w.do(200, nil, "POST /auth/refresh", refreshBody(first)) // for the same answer
	spentAgo(w.Shop, 3600)
	w.do(401, nil, "POST /auth/refresh", refreshBody(first)) // a copy
	again := w.do(200, nil, "POST /auth/refresh", refreshBody(w.person(9_003)))
	w.do(200, nil, "POST /auth/refresh", f(`{"refresh_token":%q}`, again.Field("refresh_token"))) // of two that are kept
	// As earlier versions gave them out.
	unnamed := strings.Repeat("A", 43)
	old, err := security.ParseRefreshToken(unnamed)
	w.service("token", err)
	w.Exec("UPDATE refresh_tokens SET hash = ? WHERE user_id = 9003 ORDER BY created_at DESC, generation DESC LIMIT 1", old.Hash())
	w.do(200, nil, "POST /auth/refresh", f(`{"refresh_token":%q}`, unnamed))
	w.do(200, w.person(9_004), "POST /auth/logout", "")
	w.do(200, w.person(9_005), "POST /auth/logout", `{"everywhere":true}`)
	w.do(200, nil, "POST /auth/logout", refreshBody(w.person(9_006)))
	w.do(200, nil, "POST /auth/logout", f(`{"refresh_token":%q,"everywhere":true}`, w.person(9_007).Refresh))
	q := w.person(9_009)
	w.do(200, q, "GET /auth/sessions", "")
	w.do(200, q, "DELETE /auth/sessions/"+sessionOf(w.t, q), "")
	w.Exec("UPDATE refresh_tokens SET user_id = 9010, token_version = 0 WHERE user_id > 9010 AND spent_at IS NULL LIMIT 100")
	w.person(9_010) // who has all sessions that there is room for
	bare, err := w.Tokens.New(security.Claims{UserID: 9_008})
	w.service("token", err)
	w.do(200, &testkit.Person{ID: 9_008, Token: bare}, "GET /users/profile", "")
}

// shopping fills carts and places orders in all ways.
func (w *walk) shopping(admin *testkit.Person) {
	const line = `{"product_id":%d,"quantity":%d}`
	p := w.person(17_100)
	w.do(200, p, "POST /cart", f(line, 77, 1))
	w.do(200, p, "POST /cart", f(line, 77, 1))
	w.do(409, p, "POST /cart", f(line, 77, 1000))
	w.do(404, p, "POST /cart", f(line, 99_999_999, 1))
	w.wire.before("INSERT INTO carts", func() { w.Exec("INSERT INTO carts (user_id, product_id, quantity) VALUES (?, 78, 1)", p.ID) })
	w.do(200, p, "POST /cart", f(line, 78, 1))
	w.do(200, p, "GET /cart?count=true", "")
	w.do(200, p, "PUT /cart/77", `{"quantity":4}`)
	w.do(200, p, "PUT /cart/78/decrease", "")
	w.do(200, p, "PUT /cart/78/decrease", "") // the last one
	w.do(200, p, "POST /cart", f(line, 79, 1))
	w.do(200, p, "DELETE /cart/79", "")
	w.do(200, p, "POST /cart", f(line, 79, 1))
	w.do(200, admin, "GET /admin/dashboard", "")
	placed := w.do(201, p, "POST /orders", order)
	w.do(200, admin, "GET /admin/dashboard", "") // with what is new
	w.do(200, p, "POST "+placed.Header.Get("Location")+"/cancel", "")
	w.do(200, p, "GET "+placed.Header.Get("Location"), "")
	w.do(200, p, "POST /cart", f(line, 77, 1))
	w.do(201, p, "POST /orders", order, "Idempotency-Key: one")
	w.do(201, p, "POST /orders", order, "Idempotency-Key: one")
	tx := w.DB.MustBegin()
	tx.MustExec("SELECT 1 FROM idempotency_keys WHERE user_id = ? FOR UPDATE", p.ID)
	w.do(201, p, "POST /orders", order, "Idempotency-Key: one")
	w.service("unlock", tx.Rollback())
	w.do(200, p, "POST /cart", f(line, 77, 1))
	w.do(200, p, "DELETE /cart", "")
	full := w.person(17_101)
	w.Exec("INSERT INTO carts (user_id, product_id, quantity) SELECT ?, id, 1 FROM products WHERE archived_at IS NULL AND stock > 5 AND id > 100 LIMIT 60", full.ID)
	w.do(200, full, "POST /cart", f(line, 77, 1))
	w.do(201, full, "POST /orders", order, "Idempotency-Key: one")
	for i, call := range []string{"PUT /orders/%d/status?status=Shipped", "PUT /admin/orders/%d/status?status=Cancelled"} {
		w.do(200, admin, f(call, w.Count("SELECT MIN(id) FROM orders WHERE status = 'Pending' AND id > ?", 1_000*i)), "{}")
	}
}

// goods looks at products and changes them.
func (w *walk) goods(admin *testkit.Person) {
	w.do(200, nil, "GET /products/15", "")
	w.do(200, nil, "GET /products/categories", "")
	const pen = `{"name":"Pen","price":"1.00","category":"Category 07","stock":5}`
	w.do(201, admin, "POST /products", pen)
	w.do(200, admin, "PUT /products/16", pen)
	w.do(200, admin, "PATCH /products/16", `{"stock_delta": 3}`)
	w.do(200, admin, "DELETE /products/16", "")
}

// chores does what the program does by itself and its commands do.
func (w *walk) chores() {
	ctx, s := w.t.Context(), w.Services
	for name, forget := range map[string]func(context.Context) (int64, error){
		"forget keys": s.Orders.ForgetKeys, "forget tokens": s.Sessions.Forget, "forget failures": s.Auth.ForgetFailures} {
		n, err := forget(ctx)
		if n == 0 {
			w.t.Errorf("%s: there were none", name)
		}
		w.service(name, err)
	}
	_, _, err := s.Admin.HasData(ctx)
	w.service("has data", err)
	by := model.Actor{Command: "hexamart admin"}
	w.service("new admin", s.Auth.EnsureAdmin(ctx, by, "new-admin@example.com", "a fine passphrase"))
	w.service("promoted admin", s.Auth.EnsureAdmin(ctx, by, "user9200@example.com", ""))
	_, err = s.Auth.DemoteUser(ctx, by, "user9200@example.com")
	w.service("demoted admin", err)
	w.service("forgotten password", s.Auth.SetPassword(ctx, by, "user9200@example.com", "a fine passphrase"))
	w.service("sessions", s.Sessions.EndAll(ctx, by, "user9200@example.com"))
	_, err = s.Products.BuildNames(ctx)
	w.service("index names", err)
	for _, search := range []string{"Handmade Lamp", "No. 00", "zebra"} {
		_, err = s.Products.List(ctx, model.ProductFilter{Search: search, Page: model.Page{Limit: 20}})
		w.service("search in the index", err)
	}
	_, err = s.Products.Seed(ctx)
	w.service("seed", err)
	w.Exec("INSERT INTO products (name, price, category, stock) SELECT name, price, CONCAT('Rare ', id), 1 FROM products WHERE id < 300")
	_, err = s.Products.ListCategories(ctx, model.Asker{})
	w.service("more categories", err)
	_, err = s.Sessions.EndEverybody(ctx, by)
	w.service("everybody's sessions", err)
}
