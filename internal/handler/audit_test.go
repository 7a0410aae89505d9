package handler_test

import (
	"encoding/json"
	"strings"
	"testing"

	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// auditLog returns all entries, the oldest first.
func auditLog(t *testing.T, s *testkit.Shop, admin *testkit.Person, query string) (list []model.AuditEntry) {
	t.Helper()
	send(t, s, step{admin, "GET /admin/audit?limit=1000&" + query, "", 200, nil}).JSON(&list)
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

func raw(b *json.RawMessage) string {
	if b == nil {
		return "null"
	}
	return string(*b)
}

// TestAudit does all that is audited, well and badly: each change is one entry with who, from where and
// what, and what changed nothing is none.
func TestAudit(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin := s.User(), s.Admin()
	s.Exec("DELETE FROM audit_log") // of the making of that admin
	here := from(s, "198.51.100.7")
	product := func(name string, stock int) string {
		return f(`{"name":%q,"price":19.99,"category":"Home","stock":%d}`, name, stock)
	}
	login := func(password string) string { return f(`{"email":%q,"password":%q}`, admin.Email, password) }
	for i, c := range []struct {
		step
		want string // action, object, before and after; "" for no entry
	}{
		{step{admin, "POST /products", product("Lamp", 5), 201, nil},
			`product.create product 1 null {"id":1,"name":"Lamp","price":19.99,"category":"Home","stock":5,"image_url":null}`},
		{step{admin, "POST /products", product("", 5), 422, nil}, ""},
		{step{u, "POST /products", product("Lamp", 5), 403, nil}, ""},
		{step{admin, "PUT /products/1", product("Torch", 7), 200, nil},
			`product.update product 1 {"id":1,"name":"Lamp","price":19.99,"category":"Home","stock":5,"image_url":null} {"id":1,"name":"Torch","price":19.99,"category":"Home","stock":7,"image_url":null}`},
		{step{admin, "PUT /products/1", product("Torch", 7), 200, nil}, ""},
		{step{admin, "PATCH /products/1", `{"stock_delta":1}`, 200, nil},
			`product.update product 1 {"id":1,"name":"Torch","price":19.99,"category":"Home","stock":7,"image_url":null} {"id":1,"name":"Torch","price":19.99,"category":"Home","stock":8,"image_url":null}`},
		{step{admin, "PATCH /products/1", `{"stock_delta":-9}`, 409, nil}, ""},
		{step{u, "POST /cart", `{"product_id":1,"quantity":1}`, 200, nil}, ""},
		{step{u, "POST /orders", order, 201, nil}, ""},
		{step{admin, "PUT /orders/1/status?status=Shipped", "", 200, nil}, `order.status order 1 {"status":"Pending"} {"status":"Shipped"}`},
		{step{admin, "PUT /orders/1/status?status=Shipped", "", 200, nil}, ""},
		{step{admin, "PUT /admin/orders/1/status", `{"status":"Pending"}`, 409, nil}, ""},
		{step{admin, "PUT /admin/orders/1/status", `{"status":"Delivered"}`, 200, nil}, `order.status order 1 {"status":"Shipped"} {"status":"Delivered"}`},
		{step{u, "POST /cart", `{"product_id":1,"quantity":1}`, 200, nil}, ""},
		{step{u, "POST /orders", order, 201, nil}, ""},
		{step{u, "POST /orders/2/cancel", "", 200, nil}, ""},
		{step{admin, "DELETE /products/1", "", 200, nil},
			`product.delete product 1 {"id":1,"name":"Torch","price":19.99,"category":"Home","stock":7,"image_url":null} null`},
		{step{admin, "DELETE /products/1", "", 404, nil}, ""},
		{step{nil, "POST /auth/login", login("wrong-secret"), 401, nil}, f("admin.login_failed user %d null null", admin.ID)},
		{step{nil, "POST /auth/login", login(admin.Password), 200, nil}, f("admin.login user %d null null", admin.ID)},
		{step{nil, "POST /auth/login", f(`{"email":%q,"password":"wrong-secret"}`, u.Email), 401, nil}, ""},
		{step{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, u.Email, u.Password), 200, nil}, ""},
		{step{u, "PUT /users/change-password", f(`{"old_password":%q,"new_password":"another one"}`, u.Password), 200, nil}, ""},
		{step{u, "PUT /users/change-password", `{"old_password":"wrong-secret","new_password":"another one"}`, 401, nil}, ""}, // the token is from before
		{step{admin, "PUT /users/profile", f(`{"name":"Boss","email":"boss@example.com","address":"There"}`), 200, nil},
			f(`admin.profile user %d {"name":%q,"email":%q} {"name":"Boss","email":"boss@example.com"}`, admin.ID, admin.Name, admin.Email)},
		{step{admin, "PUT /users/profile", `{"name":"Boss","email":"boss@example.com","address":"Elsewhere"}`, 200, nil}, ""}, // as any shopper
		{step{admin, "PUT /users/profile", f(`{"name":"Boss","email":%q}`, u.Email), 409, nil}, ""},
		{step{admin, "PUT /users/address", `{"address":"There"}`, 200, nil}, ""},
		{step{admin, "PUT /users/change-password", `{"old_password":"wrong-secret","new_password":"another one"}`, 422, nil},
			f("admin.password_failed user %d null null", admin.ID)},
		{step{admin, "PUT /users/change-password", f(`{"old_password":%q,"new_password":"another one"}`, admin.Password), 200, nil},
			f("admin.password user %d null null", admin.ID)},
	} {
		before := s.Count("SELECT COUNT(*) FROM audit_log")
		id := f("audit-%d", i)
		a := send(t, here, c.step, "X-Request-Id: "+id)
		if n := s.Count("SELECT COUNT(*) FROM audit_log") - before; n != map[bool]int64{true: 1}[c.want != ""] {
			t.Errorf("%s %s: %d entries", c.call, c.body, n)
		}
		if strings.HasSuffix(c.call, "change-password") && c.who == admin {
			if token, ok := a.Field("access_token").(string); ok {
				admin.Token = token
			}
		}
		if strings.Contains(c.want, "admin.profile") {
			admin.Name, admin.Email = "Boss", "boss@example.com"
		}
		if c.want == "" {
			continue
		}
		log := auditLog(t, s, admin, "")
		e := log[len(log)-1]
		if got := f("%s %s %d %s %s", e.Action, e.ObjectType, e.ObjectID, raw(e.Before), raw(e.After)); got != c.want {
			t.Errorf("%s: the entry is\n%s, want\n%s", c.call, got, c.want)
		}
		known := e.ActorID != nil && *e.ActorID == admin.ID && *e.ActorName == admin.Name && *e.ActorEmail == admin.Email
		if known == (c.status == 401) || (c.status == 401 && e.ActorID != nil) || e.Command != nil || *e.Address != "198.51.100.7" || *e.RequestID != id || e.At.IsZero() {
			t.Errorf("%s: the entry is %+v", c.call, e)
		}
	}
	all := send(t, s, step{admin, "GET /admin/audit", "", 200, nil}).Body
	for _, secret := range []string{"wrong-secret", admin.Password, "another one", admin.Token} {
		if strings.Contains(all, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// TestAuditSessions ends admins' sessions in all ways: those that they end, and those of which somebody has a copy.
func TestAuditSessions(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin := s.User(), s.Admin()
	for _, who := range []*testkit.Person{u, admin} {
		first := again(s, who)
		second := refreshed(t, s, first)
		refreshed(t, s, second)
		run(t, s, []step{
			{nil, "POST /auth/refresh", refreshBody(first), 401, nil}, // copied
			{nil, "POST /auth/refresh", refreshBody(first), 401, nil}, // over by now
			{nil, "POST /auth/refresh", `{"refresh_token":"nonsense"}`, 401, nil},
			{again(s, who), "POST /auth/logout", "", 200, nil},
			{again(s, who), "DELETE /auth/sessions/" + sessionOf(t, again(s, who)), "", 200, nil},
			{again(s, who), "DELETE /auth/sessions/" + sessionOf(t, first), "", 404, nil}, // over
			{again(s, who), "POST /auth/logout", `{"everywhere":true}`, 200, nil},
		})
		run(t, s, []step{
			{nil, "POST /auth/logout", refreshBody(again(s, who)), 200, nil},
			{nil, "POST /auth/logout", refreshBody(first), 200, nil}, // over
			{nil, "POST /auth/logout", strings.TrimSuffix(refreshBody(again(s, who)), "}") + `,"everywhere":true}`, 200, nil},
			{who, "POST /auth/logout", "", 401, nil}, // over
		})
		spent := again(s, who)
		refreshed(t, s, refreshed(t, s, spent))
		run(t, s, []step{
			{again(s, u), "POST /auth/logout", refreshBody(spent), 200, nil}, // copied, whoever brings it
			{nil, "POST /auth/logout", refreshBody(spent), 200, nil},         // over by now
		})
	}
	s.Login(admin)
	var got []string
	for _, e := range auditLog(t, s, admin, "") {
		if e.Action == model.AuditAdminPromote || e.Action == model.AuditAdminLogin {
			continue
		}
		if nobody := e.Action == model.AuditTokenReused; nobody == (e.ActorID != nil) || !nobody && *e.ActorID != admin.ID || *e.Address == "" || e.RequestID == nil {
			t.Errorf("an entry is %+v", e)
		}
		got = append(got, f("%s %d %s", e.Action, e.ObjectID, raw(e.After)))
	}
	id := admin.ID
	want := []string{f("admin.token_reused %d null", id), f(`admin.logout %d {"everywhere":false}`, id), f(`admin.logout %d {"everywhere":false}`, id), f(`admin.logout %d {"everywhere":true}`, id),
		f(`admin.logout %d {"everywhere":false}`, id), f(`admin.logout %d {"everywhere":true}`, id), f("admin.token_reused %d null", id)}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the log is\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAuditCommands does by commands what only these do: nobody is the actor.
func TestAuditCommands(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	by := model.Actor{Command: "hexamart admin"}
	for range 2 { // the second time changes nothing
		if err := s.Services.Auth.PromoteUser(t.Context(), by, strings.ToUpper(u.Email)); err != nil {
			t.Fatal(err)
		}
		if err := s.Services.Auth.EnsureAdmin(t.Context(), by, "boss@example.com", "long enough"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Services.Auth.PromoteUser(t.Context(), by, "nobody@example.com"); err == nil {
		t.Error("nobody was promoted")
	}
	for _, do := range []func() error{
		func() error { return s.Services.Sessions.EndAll(t.Context(), by, u.Email) },
		func() error { return s.Services.Auth.SetPassword(t.Context(), by, u.Email, "another one") },
		func() error { _, err := s.Services.Auth.DemoteUser(t.Context(), by, "boss@example.com"); return err },
		func() error { _, err := s.Services.Auth.DemoteUser(t.Context(), by, "boss@example.com"); return err }, // changes nothing
		func() error { _, err := s.Services.Sessions.EndEverybody(t.Context(), by); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	u.Password = "another one"
	s.Login(u)
	var got []string
	for _, e := range auditLog(t, s, u, "") {
		if e.Action == model.AuditAdminLogin {
			continue
		}
		if e.ActorID != nil || e.Command == nil || *e.Command != "hexamart admin" || e.Address != nil || e.RequestID != nil {
			t.Errorf("an entry is %+v", e)
		}
		got = append(got, f("%s %d %s %s", e.Action, e.ObjectID, raw(e.Before), raw(e.After)))
	}
	want := []string{f(`admin.promote %d {"email":%q,"is_admin":false} {"email":%q,"is_admin":true}`, u.ID, u.Email, u.Email), f(`admin.create %d null {"name":"Admin","email":"boss@example.com"}`, u.ID+1),
		f(`user.logout %d null null`, u.ID), f(`user.password %d null null`, u.ID), f(`admin.demote %d {"email":"boss@example.com","is_admin":true} {"email":"boss@example.com","is_admin":false}`, u.ID+1), "shop.logout 0 null null"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the log is %q, want %q", got, want)
	}
}

// TestAuditIsPartOfTheChange takes the log away: nothing is done that can't be entered.
func TestAuditIsPartOfTheChange(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin, lamp := s.User(), s.Admin(), s.Product("Lamp", "19.99", 5)
	o := s.Order(u, lamp, 1)
	copied := again(s, admin)
	refreshed(t, s, refreshed(t, s, copied))
	s.Exec("RENAME TABLE audit_log TO away")
	run(t, s, []step{
		{admin, "POST /products", `{"name":"Mug","price":1,"category":"Home","stock":1}`, 500, nil},
		{admin, f("PUT /products/%d", lamp.ID), `{"name":"Mug","price":1,"category":"Home","stock":1}`, 500, nil},
		{admin, f("PATCH /products/%d", lamp.ID), `{"name":"Mug"}`, 500, nil},
		{admin, f("DELETE /products/%d", lamp.ID), "", 500, nil},
		{admin, f("PUT /orders/%d/status?status=Cancelled", o.ID), "", 500, nil},
		{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, admin.Email, admin.Password), 500, is{"!access_token"}},
		{nil, "POST /auth/login", f(`{"email":%q,"password":"wrong"}`, admin.Email), 500, nil},
		{admin, "PUT /users/change-password", f(`{"old_password":%q,"new_password":"another one"}`, admin.Password), 500, nil},
		{admin, "PUT /users/change-password", `{"old_password":"wrong","new_password":"another one"}`, 500, nil},
		{admin, "PUT /users/profile", `{"name":"Boss","email":"boss@example.com"}`, 500, nil},
		{admin, "POST /auth/logout", "", 500, nil},
		{nil, "POST /auth/logout", refreshBody(admin), 500, nil},
		{nil, "POST /auth/refresh", refreshBody(copied), 500, nil},
		{u, "PUT /users/profile", f(`{"name":"U","email":%q}`, u.Email), 200, nil},
	})
	if err := s.Services.Auth.PromoteUser(t.Context(), model.Actor{}, u.Email); err == nil {
		t.Error("somebody was promoted")
	}
	if err := s.Services.Auth.EnsureAdmin(t.Context(), model.Actor{}, "boss@example.com", "thimble-9000"); err == nil || s.Count("SELECT COUNT(*) FROM users") != 2 {
		t.Error("an admin was made")
	}
	s.Exec("RENAME TABLE away TO audit_log")
	run(t, s, []step{
		{nil, "GET /products", "", 200, is{f(`[{"id":%d,"name":"Lamp","price":19.99,"category":"Test","stock":4,"image_url":null}]`, lamp.ID)}},
		{u, f("GET /orders/%d", o.ID), "", 200, is{`"status":"Pending"`}},
		{u, "GET /admin/audit", "", 403, nil},
		{nil, "POST /auth/login", f(`{"email":%q,"password":%q}`, admin.Email, admin.Password), 200, nil},
	})
}

// TestAuditOutlives deletes whom and what the log is about.
func TestAuditOutlives(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, gone := s.Admin(), s.Admin()
	send(t, s, step{gone, "POST /products", `{"name":"Mug","price":1,"category":"Home","stock":1}`, 201, nil})
	before := len(auditLog(t, s, admin, ""))
	s.Exec("DELETE FROM users WHERE id = ?", gone.ID)
	s.Exec("DELETE FROM stock_ledger")
	s.Exec("DELETE FROM products")
	log := auditLog(t, s, admin, f("actor=%d", gone.ID))
	if len(log) != 1 || *log[0].ActorID != gone.ID || log[0].ActorName != nil || log[0].ActorEmail != nil || log[0].Action != "product.create" {
		t.Errorf("the log of the deleted admin is %+v", log)
	}
	if after := len(auditLog(t, s, admin, "")); after != before {
		t.Errorf("%d entries were there, %d are", before, after)
	}
}

func TestAuditFilters(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	first, second := s.Admin(), s.Admin()
	for i, admin := range []*testkit.Person{first, second, first} {
		send(t, s, step{admin, "POST /products", `{"name":"Mug","price":1,"category":"Home","stock":1}`, 201, nil})
		send(t, s, step{admin, f("DELETE /products/%d", i+1), "", 200, nil})
	}
	s.Exec("UPDATE audit_log SET created_at = '2026-01-01 12:00:00' WHERE object_type = 'product' AND object_id = 1")
	for query, want := range map[string]int{
		"": 8, "actor=" + f("%d", first.ID): 4, "action=product.create": 3, "action=admin.promote": 2, "action=order.status": 0,
		"action=product.delete&actor=" + f("%d", first.ID): 2, "to=2026-01-01": 2, "to=2026-01-01T12:00:00Z": 0, "from=2026-01-01&to=2026-01-01": 2,
		"from=2026-01-01T12:00:01Z": 6, "actor=424242": 0, "from=2026-01-02&action=product.create": 2,
	} {
		if got := len(auditLog(t, s, first, query)); got != want {
			t.Errorf("%q: %d entries, want %d", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"actor=x": "actor", "actor=0": "actor", "action=product.steal": "action", "from=x&to=y": "from to", "from=2026-02-01&to=2026-01-01": "from",
		"limit=0&cursor=x": "cursor limit",
	} {
		if got := badFields(send(t, s, step{first, "GET /admin/audit?" + query, "", 422, nil})); got != want {
			t.Errorf("%q: fields %s, want %s", query, got, want)
		}
	}
	var entry map[string]json.RawMessage
	a := send(t, s, step{first, "GET /admin/audit?limit=1&count=true", "", 200, nil})
	if err := json.Unmarshal([]byte(elements(t, a.Body)[0]), &entry); err != nil || a.Header.Get("X-Total-Count") != "8" || next(t, a) == "" {
		t.Errorf("%v, %+v", err, a.Header)
	}
	if got := names(elements(t, a.Body)[0]); got != "action actor_email actor_id actor_name address after at before command id object_id object_type request_id" {
		t.Errorf("an entry has %s", got)
	}
}
