package handler_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// scene is one request's own: somebody with an order and a cart, somebody else, and an admin without.
type scene struct {
	owner, other, admin *testkit.Person
	product, order      int64
}

// access is a route's request and its statuses for nobody, the owner, another customer and an admin.
type access struct {
	path string // %p is the product in the owner's cart, %o the owner's order, %s the owner's session
	body func(sc scene, caller *testkit.Person) string
	want [4]int
}

func says(body string) func(scene, *testkit.Person) string {
	return func(scene, *testkit.Person) string { return body }
}

var (
	forAll    = [4]int{200, 200, 200, 200}
	forUsers  = [4]int{401, 200, 200, 200}
	forOwner  = [4]int{401, 200, 404, 404}
	forAdmins = [4]int{401, 403, 403, 200}
	goods     = says(`{"name":"Mug","price":7.1,"category":"Home","stock":5}`)
)

// accesses has every route, by its method and pattern.
var accesses = map[string]access{
	"GET /":                {"/", nil, forAll},
	"GET /healthz":         {"/healthz", nil, forAll},
	"GET /readyz":          {"/readyz", nil, forAll},
	"GET /openapi.json":    {"/openapi.json", nil, forAll},
	"GET /docs":            {"/docs", nil, forAll},
	"GET /docs/{file}":     {"/docs/docs.css", nil, forAll},
	"GET /redoc":           {"/redoc", nil, forAll},
	"GET /errors":          {"/errors", nil, forAll},
	"GET /errors/{code}":   {"/errors/out_of_stock", nil, forAll},
	"GET /pictures/{file}": {"/pictures/book-red.svg", nil, forAll},
	"POST /auth/register": {"/auth/register", func(sc scene, caller *testkit.Person) string {
		return f(`{"name":"New","email":"new%d-%p@example.com","password":"correct horse"}`, sc.order, caller)
	}, [4]int{201, 201, 201, 201}},
	"POST /auth/login": {"/auth/login", func(sc scene, _ *testkit.Person) string {
		return f(`{"email":%q,"password":%q}`, sc.owner.Email, sc.owner.Password)
	}, forAll},
	"POST /auth/refresh":         {"/auth/refresh", func(sc scene, _ *testkit.Person) string { return refreshBody(sc.owner) }, forAll},
	"POST /auth/logout":          {"/auth/logout", nil, forUsers},
	"GET /auth/sessions":         {"/auth/sessions", nil, forUsers},
	"DELETE /auth/sessions/{id}": {"/auth/sessions/%s", nil, forOwner},
	"GET /products":              {"/products", nil, forAll},
	"GET /products/categories":   {"/products/categories", nil, forAll},
	"GET /products/{id}":         {"/products/%p", nil, forAll},
	"POST /products":             {"/products", goods, [4]int{401, 403, 403, 201}},
	"PUT /products/{id}":         {"/products/%p", goods, forAdmins},
	"PATCH /products/{id}":       {"/products/%p", says(`{"stock_delta":1}`), forAdmins},
	"DELETE /products/{id}":      {"/products/%p", nil, forAdmins},
	"GET /cart":                  {"/cart", nil, forUsers},
	"POST /cart": {"/cart", func(sc scene, _ *testkit.Person) string {
		return f(`{"product_id":%d,"quantity":1}`, sc.product)
	}, forUsers},
	"DELETE /cart":                  {"/cart", nil, forUsers},
	"PUT /cart/{id}":                {"/cart/%p", says(`{"quantity":2}`), forOwner},
	"PUT /cart/{id}/decrease":       {"/cart/%p/decrease", nil, forOwner},
	"DELETE /cart/{id}":             {"/cart/%p", nil, forOwner},
	"POST /orders":                  {"/orders", says(order), [4]int{401, 201, 409, 409}}, // of one's own cart, which the others' is empty
	"GET /orders":                   {"/orders", nil, forUsers},
	"GET /orders/{id}":              {"/orders/%o", nil, forOwner},
	"POST /orders/{id}/cancel":      {"/orders/%o/cancel", nil, forOwner},
	"PUT /orders/{id}/status":       {"/orders/%o/status?status=Shipped", nil, forAdmins},
	"GET /admin/dashboard":          {"/admin/dashboard", nil, forAdmins},
	"GET /admin/products":           {"/admin/products", nil, forAdmins},
	"GET /admin/orders":             {"/admin/orders", nil, forAdmins},
	"GET /admin/audit":              {"/admin/audit", nil, forAdmins},
	"PUT /admin/orders/{id}/status": {"/admin/orders/%o/status", says(`{"status":"Cancelled"}`), forAdmins},
	"GET /users/profile":            {"/users/profile", nil, forUsers},
	"PUT /users/profile": {"/users/profile", func(_ scene, caller *testkit.Person) string {
		return f(`{"name":"New","email":"own-%p@example.com","address":"There"}`, caller)
	}, forUsers},
	"PUT /users/change-password": {"/users/change-password", func(_ scene, caller *testkit.Person) string {
		if caller == nil {
			return `{"old_password":"x","new_password":"another one"}`
		}
		return f(`{"old_password":%q,"new_password":"another one"}`, caller.Password)
	}, forUsers},
	"GET /users/address": {"/users/address", nil, forUsers},
	"PUT /users/address": {"/users/address", says(`{"address":"There"}`), forUsers},
}

// TestAccess walks over all routes as nobody, as the customer whose things they are about, as another
// customer and as an admin. Each answer has the status that the contract says, and nobody but the owner
// and an admin changes or is shown what is the owner's.
func TestAccess(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp := s.Product("Lamp", "19.99", 10_000)
	walked := map[string]bool{}
	err := chi.Walk(s.Handler.(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		walked[method+" "+route] = true
		if _, ok := accesses[method+" "+route]; !ok {
			t.Errorf("%s %s: nobody said whom it is for", method, route)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for route, ac := range accesses {
		if !walked[route] {
			t.Errorf("%s is not there", route)
			continue
		}
		sc := scene{}
		for i, want := range ac.want {
			if sc.owner == nil {
				sc = newScene(s, lamp)
			}
			checkAccess(t, s, route, ac, sc, i, want)
			if want < 400 && !strings.HasPrefix(route, "GET ") { // else nothing has changed
				sc = scene{}
			}
		}
	}
}

func newScene(s *testkit.Shop, lamp model.Product) scene {
	product := s.Product("Lamp", "19.99", 10)
	sc := scene{owner: s.User(), other: s.User(), admin: s.Admin(), product: product.ID}
	sc.order = s.Order(sc.owner, lamp, 1).ID
	s.Fill(sc.owner, product, 2)
	s.Exec("UPDATE users SET address = 'The owner''s own address' WHERE id = ?", sc.owner.ID)
	return sc
}

func checkAccess(t *testing.T, s *testkit.Shop, route string, ac access, sc scene, i, want int) {
	t.Helper()
	caller := []*testkit.Person{nil, sc.owner, sc.other, sc.admin}[i]
	name := route + " as " + []string{"nobody", "the owner", "another", "an admin"}[i]
	body := ""
	if ac.body != nil {
		body = ac.body(sc, caller)
	}
	method, _, _ := strings.Cut(route, " ")
	path := strings.NewReplacer("%p", fmt.Sprint(sc.product), "%o", fmt.Sprint(sc.order), "%s", sessionOf(t, sc.owner)).Replace(ac.path)
	before := belongings(t, s, sc)
	a := s.Do(caller, method, path, body)
	if a.Status != want {
		t.Errorf("%s: status %d, want %d: %s", name, a.Status, want, a.Body)
	}
	if a.Status >= 400 {
		checkProblem(t, name, a)
	}
	stranger := caller != sc.owner && (caller != sc.admin || a.Status >= 400)
	if after := belongings(t, s, sc); stranger && after != before {
		t.Errorf("%s: the owner had %s, has %s", name, before, after)
	}
	proof := route == "POST /auth/login" // with the owner's password
	if secret := "The owner's own address"; stranger && !proof && (strings.Contains(a.Body, secret) || strings.Contains(a.Body, sc.owner.Email)) {
		t.Errorf("%s: the owner's data are shown: %s", name, a.Body)
	}
	if stranger && !proof && strings.Contains(a.Body, f(`"user_id":%d,`, sc.owner.ID)) {
		t.Errorf("%s: what is the owner's is shown: %s", name, a.Body)
	}
}

// belongings is all that is the owner's, and the product that the scene is about.
func belongings(t *testing.T, s *testkit.Shop, sc scene) string {
	t.Helper()
	var all strings.Builder
	for _, query := range []string{
		"SELECT CONCAT_WS('|', name, email, password_hash, is_admin, address, token_version) FROM users WHERE id = ?",
		"SELECT COALESCE(GROUP_CONCAT(CONCAT_WS('|', product_id, quantity)), '') FROM carts WHERE user_id = ?",
		"SELECT GROUP_CONCAT(CONCAT_WS('|', o.id, o.status, o.shipping_address, o.total_price, (SELECT COUNT(*) FROM order_history h WHERE h.order_id = o.id))) FROM orders o WHERE o.user_id = ?",
	} {
		var text string
		if err := s.DB.GetContext(t.Context(), &text, query, sc.owner.ID); err != nil {
			t.Fatal(err)
		}
		all.WriteString(text + "\n")
	}
	fmt.Fprint(&all, s.Count("SELECT COUNT(*) FROM products WHERE id = ? AND name = 'Lamp' AND stock = 10 AND archived_at IS NULL", sc.product))
	return all.String()
}

// TestSameProduct lets two have the same product in their carts: what one does is done to the one's own line, and told
// of that.
func TestSameProduct(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	for _, c := range []struct {
		call, body string
		status     int
		left       string // of one's own line
	}{
		{"POST /cart", `{"product_id":%p,"quantity":1}`, 200, "4"},
		{"PUT /cart/%p", `{"quantity":7}`, 200, "7"},
		{"PUT /cart/%p", `{"quantity":0}`, 200, ""},
		{"PUT /cart/%p/decrease", "", 200, "2"},
		{"DELETE /cart/%p", "", 200, ""},
		{"DELETE /cart", "", 200, ""},
		{"GET /cart?count=true", "", 200, "3"},
		{"POST /orders", order, 201, ""},
		{"POST /orders", strings.Replace(order, "{", `{"x":1,`, 1), 201, ""}, // under a key
	} {
		first, own, last, lamp := s.User(), s.User(), s.User(), s.Product("Lamp", "19.99", 100)
		for i, who := range []*testkit.Person{first, own, last} {
			s.Fill(who, lamp, 2+i)
		}
		path := strings.NewReplacer("%p", fmt.Sprint(lamp.ID))
		headers := []string{}
		if strings.Contains(c.body, `"x"`) {
			headers = append(headers, "Idempotency-Key: one")
		}
		a := send(t, s, step{own, path.Replace(c.call), path.Replace(c.body), c.status, is{f(`!"user_id":%d,`, first.ID), f(`!"user_id":%d,`, last.ID)}}, headers...)
		if n := a.Header.Get("X-Total-Count"); strings.Contains(c.call, "count") && n != "1" {
			t.Errorf("%s: X-Total-Count is %q", c.call, n)
		}
		for who, want := range map[*testkit.Person]string{first: "2", own: c.left, last: "4"} {
			var got string
			if err := s.DB.GetContext(t.Context(), &got, "SELECT COALESCE(GROUP_CONCAT(quantity), '') FROM carts WHERE user_id = ?", who.ID); err != nil || got != want {
				t.Errorf("%s %s: %s has %q pieces, want %q, %v", c.call, c.body, who.Name, got, want, err)
			}
		}
	}
}

// TestNotToldToExist asks for what is somebody else's and for what was never there: the answers are the same.
func TestNotToldToExist(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	owner, other, lamp := s.User(), s.User(), s.Product("Lamp", "19.99", 10)
	gone := s.Product("Mug", "7.10", 10)
	theirs := s.Order(owner, lamp, 1).ID
	s.Fill(owner, lamp, 1)
	send(t, s, step{s.Admin(), f("DELETE /products/%d", gone.ID), "", 200, nil})
	for _, c := range []struct {
		call, body    string
		theirs, never int64
	}{
		{"GET /orders/%d", "", theirs, 424242},
		{"POST /orders/%d/cancel", "", theirs, 424242},
		{"PUT /cart/%d", `{"quantity":0}`, lamp.ID, 424242},
		{"PUT /cart/%d/decrease", "", lamp.ID, 424242},
		{"DELETE /cart/%d", "", lamp.ID, 424242},
		{"GET /products/%d", "", gone.ID, 424242},
		{"GET /orders?cursor=&count=true&x=%d", "", theirs, 424242},
	} {
		var answers [2]string
		for i, id := range []int64{c.theirs, c.never} {
			method, path, _ := strings.Cut(f(c.call, id), " ")
			a := s.Do(other, method, path, c.body, "X-Request-Id: same")
			a.Header.Del("Link")
			answers[i] = f("%d %v %s", a.Status, a.Header, a.Body)
		}
		if answers[0] != answers[1] {
			t.Errorf("%s: theirs is\n%s, what never was is\n%s", c.call, answers[0], answers[1])
		}
	}
	for _, path := range []string{"/cart", "/orders"} {
		if a := send(t, s, step{other, "GET " + path + "?count=true", "", 200, is{"[]"}}); a.Header.Get("X-Total-Count") != "0" {
			t.Errorf("%s: X-Total-Count is %s", path, a.Header.Get("X-Total-Count"))
		}
	}
}
