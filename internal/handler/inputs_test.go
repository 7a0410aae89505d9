package handler_test

import (
	"strings"
	"testing"

	"hexamart/internal/testkit"
)

// TestEveryBadField sends all that can be wrong with each input at once: every bad field is named, no
// other is, and nothing is written.
func TestEveryBadField(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin, lamp := s.User(), s.Admin(), s.Product("Lamp", "19.99", 5)
	s.Order(u, lamp, 1)
	s.Fill(u, lamp, 1)
	long := func(n int) string { return strings.Repeat("é", n+1) }
	product := func(change string) string { return `{"name":"N","price":1,"category":"C","stock":1,` + change + `}` }
	for _, c := range []struct {
		who        *testkit.Person
		call, body string
		want       string
	}{
		{nil, "POST /auth/register", `{}`, "email name password"},
		{nil, "POST /auth/register", `{"name":null,"email":null,"password":null}`, "email name password"},
		{nil, "POST /auth/register", `{"name":5,"email":["a@example.com"],"password":{"$ne":""}}`, "email name password"},
		{nil, "POST /auth/register", `{"name":" ","email":"a@","password":"1234567"}`, "email name password"},
		{nil, "POST /auth/register", f(`{"name":%q,"email":"%s@example.com","password":%q}`, long(255), strings.Repeat("x", 250), strings.Repeat("x", 73)), "email name password"},
		{nil, "POST /auth/register", `{"name":"a\nb","email":"A <a@example.com>","password":"ééééééé"}`, "email name password"},
		{nil, "POST /auth/register", `{"name":5,"email":"a@example.com","password":"short"}`, "name password"},
		{nil, "POST /auth/register", `{"name":"A","email":"a@example.com","password":"tK7-mwz"}`, "password"}, // which is only too short
		{nil, "POST /auth/login", `{}`, "password username"},
		{nil, "POST /auth/login", `{"username":5,"password":[]}`, "password username"},
		{nil, "POST /auth/login", `{"email":"a@example.com"}`, "password"},
		{admin, "POST /products", `{}`, "category name price stock"},
		{admin, "POST /products", `{"name":"","price":"x","category":"  ","stock":"y","image_url":"javascript:alert(1)"}`, "category image_url name price stock"},
		{admin, "POST /products", `{"name":1,"price":true,"category":[],"stock":{},"image_url":5}`, "category image_url name price stock"},
		{admin, "POST /products", f(`{"name":%q,"price":-1,"category":%q,"stock":-1,"image_url":"http://e.com/%s"}`, long(100), long(50), strings.Repeat("x", 243)), "category image_url name price stock"},
		{admin, "POST /products", `{"name":"a\u0000","price":null,"category":"b\tc","stock":1000000001,"image_url":"//example.com/x.png"}`, "category image_url name price stock"},
		{admin, "POST /products", product(`"image_url":"data:image/png;base64,AAAA"`), "image_url"},
		{admin, "POST /products", product(`"image_url":"ftp://example.com/x.png"`), "image_url"},
		{admin, "POST /products", product(`"image_url":"http://"`), "image_url"},
		{admin, "POST /products", product(`"image_url":"http://a b/"`), "image_url"},
		{admin, "POST /products", product(`"image_url":"https://ann:secret@example.com/x.png"`), "image_url"},
		{admin, "POST /products", product(`"image_url":"/pictures/../admin/audit"`), "image_url"},
		{admin, "PUT /products/1", `{"name":"","price":"x","stock":1.5,"image_url":"x"}`, "category image_url name price stock"},
		{admin, "PUT /products/424242", `{}`, "category name price stock"},
		{admin, "PATCH /products/1", f(`{"name":"","price":"x","category":%q,"stock":-1,"stock_delta":1,"image_url":"x"}`, long(50)), "category image_url name price stock stock_delta"},
		{admin, "PATCH /products/1", `{"name":5,"price":[],"category":true,"stock":"","stock_delta":"a","image_url":{}}`, "category image_url name price stock stock_delta"},
		{u, "POST /cart", `{}`, "product_id quantity"},
		{u, "POST /cart", `{"product_id":0,"quantity":0}`, "product_id quantity"},
		{u, "POST /cart", `{"product_id":-1,"quantity":1001}`, "product_id quantity"},
		{u, "POST /cart", `{"product_id":true,"quantity":-1}`, "product_id quantity"},
		{u, "PUT /cart/1", `{}`, "quantity"},
		{u, "PUT /cart/1", `{"quantity":-1}`, "quantity"},
		{u, "PUT /cart/1", `{"quantity":1001}`, "quantity"},
		{u, "POST /orders", `{}`, "payment_method shipping_address"},
		{u, "POST /orders", f(`{"payment_method":5,"shipping_address":%q,"expected_total":"x"}`, long(255)), "expected_total payment_method shipping_address"},
		{u, "POST /orders", `{"payment_method":"Cheque","shipping_address":" \n ","expected_total":-1}`, "expected_total payment_method shipping_address"},
		{admin, "PUT /orders/1/status", `{"status":["Shipped"]}`, "status"},
		{u, "PUT /users/profile", `{}`, "email name"},
		{u, "PUT /users/profile", f(`{"name":"","email":"a b@example.com","address":%q}`, long(255)), "address email name"},
		{u, "PUT /users/profile", `{"name":[],"email":{},"address":1}`, "address email name"},
		{u, "PUT /users/address", `{}`, "address"},
		{u, "PUT /users/address", `{"address":null}`, "address"},
		{u, "PUT /users/change-password", `{"old_password":1}`, "new_password old_password"},
		{u, "PUT /users/change-password", f(`{"old_password":%q,"new_password":"tK7-mwz"}`, u.Password), "new_password"},
	} {
		if got := badFields(send(t, s, step{c.who, c.call, c.body, 422, is{`"code":"validation_failed"`}})); got != c.want {
			t.Errorf("%s %.200s: fields %q, want %q", c.call, c.body, got, c.want)
		}
	}
	run(t, s, []step{
		{nil, "GET /products", "", 200, is{`[{"id":1,"name":"Lamp","price":19.99,"category":"Test","stock":4,"image_url":null}]`}},
		{u, "GET /cart", "", 200, is{`"quantity":1,`}},
		{u, "GET /users/profile", "", 200, is{u.Email, u.Name}},
	})
	if s.Count("SELECT COUNT(*) FROM users") != 2 || s.Count("SELECT COUNT(*) FROM orders") != 1 {
		t.Error("something was written")
	}
}

// TestNumbers sends each number in every way that is right, and in those that are not.
func TestNumbers(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, lamp := s.Admin(), s.Product("Lamp", "19.99", 1000)
	s.Fill(admin, lamp, 1)
	money := []string{`1e3`, `"1e3"`, `1.999`, `"1.999"`, `1.990`, `-1`, `"-1"`, `-0.01`, `"NaN"`, `"Infinity"`, `true`, `false`, `{}`, `[]`, `[1]`, `""`, `" "`, `"1,50"`,
		`"$5"`, `"0x10"`, `"+1"`, `".5"`, `"5."`, `"1.2.3"`, `"１"`, `"1_000"`, `10000000000`, `"10000000000.00"`, `99999999999999999999999999`, `1E400`, `"1; DROP TABLE products"`}
	whole := []string{`1e3`, `"1e3"`, `1.5`, `"1.5"`, `"NaN"`, `"x"`, `true`, `{}`, `[]`, `""`, `"0x10"`, `"+1"`, `"1,000"`, `"１"`, `99999999999999999999`, `"-99999999999999999999"`, `1E400`}
	for _, c := range []struct {
		field, call, body string
		bad               []string
	}{
		{"price", "POST /products", `{"name":"X","category":"X","stock":1,"price":%s}`, money},
		{"price", "PUT /products/1", `{"name":"X","category":"X","stock":1,"price":%s}`, money},
		{"price", "PATCH /products/1", `{"price":%s}`, money},
		{"expected_total", "POST /orders", `{"payment_method":"UPI","shipping_address":"X","expected_total":%s}`, money},
		{"stock", "POST /products", `{"name":"X","category":"X","stock":%s,"price":1}`, append(whole, `-1`, `1000000001`)},
		{"stock", "PUT /products/1", `{"name":"X","category":"X","stock":%s,"price":1}`, append(whole, `-1`)},
		{"stock", "PATCH /products/1", `{"stock":%s}`, append(whole, `-1`)},
		{"stock_delta", "PATCH /products/1", `{"stock_delta":%s}`, append(whole, `1000000001`, `-1000000001`)},
		{"product_id", "POST /cart", `{"product_id":%s,"quantity":1}`, append(whole, `-1`, `0`)},
		{"quantity", "POST /cart", `{"product_id":1,"quantity":%s}`, append(whole, `-1`, `0`, `1001`)},
		{"quantity", "PUT /cart/1", `{"quantity":%s}`, append(whole, `-1`, `1001`)},
	} {
		for _, value := range c.bad {
			if got := badFields(send(t, s, step{admin, c.call, f(c.body, value), 422, nil})); got != c.field {
				t.Errorf("%s with %s %s: fields %q", c.call, c.field, value, got)
			}
		}
	}
	for sent, want := range map[string]string{
		`19.99`: "19.99", `"19.99"`: "19.99", `19.9`: "19.90", `"19.9"`: "19.90", `19`: "19.00", `"5"`: "5.00", `" 5 "`: "5.00", `0`: "0.00", `0.00`: "0.00", `"0"`: "0.00",
		`0.07`: "0.07", `0.1`: "0.10", `1.10`: "1.10", `4.35`: "4.35", `1.15`: "1.15", `8.41`: "8.41", `0.29`: "0.29", `1234567.89`: "1234567.89", `9999999999.99`: "9999999999.99", `"007.50"`: "7.50",
	} {
		run(t, s, []step{
			{admin, "PATCH /products/1", f(`{"price":%s}`, sent), 200, is{`"price":` + want + ","}},
			{nil, "GET /products/1", "", 200, is{`"price":` + want + ","}},
			{nil, "GET /products?min_price=" + want + "&max_price=" + want, "", 200, is{`"price":` + want + ","}},
		})
	}
	for sent, want := range map[string]string{`5`: "5", `"5"`: "5", `" 7 "`: "7", `0`: "0", `"0"`: "0", `1000000000`: "1000000000"} {
		run(t, s, []step{
			{admin, "PATCH /products/1", f(`{"stock":%s}`, sent), 200, nil},
			{nil, "GET /products/1", "", 200, is{`"stock":` + want + ","}},
		})
	}
}

// TestMassAssignment adds to each body what only the shop decides; none of it has an effect.
func TestMassAssignment(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, u, victim := s.Admin(), s.User(), s.User()
	lamp := s.Product("Lamp", "19.99", 10)
	const more = `"id":777,"ID":777,"order_id":777,"user_id":3,"userId":3,"UserID":3,"is_admin":true,"IsAdmin":true,"isAdmin":true,"admin":true,"role":"admin",` +
		`"password_hash":"x","token_version":9,"archived_at":"2020-01-01T00:00:00Z","created_at":"2020-01-01T00:00:00Z","updated_at":"2020-01-01T00:00:00Z",` +
		`"payment_status":"Paid","total_price":0.01,"Price":0.01,"changed_by":3,"by":3,"available":true,"email_key":"x","history":[],"products":[],"user":{"id":3,"is_admin":true},"__proto__":{"is_admin":true}}`
	plus := func(body string) string { return strings.TrimSuffix(body, "}") + "," + more }
	a := send(t, s, step{nil, "POST /auth/register", plus(`{"name":"New","email":"new@example.com","password":"thimble-9"}`), 201, is{`"user_id":4`}})
	if a.Field("user_id") == nil {
		t.Fatal(a.Body)
	}
	run(t, s, []step{
		{nil, "POST /auth/login", plus(`{"email":"new@example.com","password":"thimble-9"}`), 200, is{`"is_admin":false`, `"user_id":4`}},
		{u, "PUT /users/profile", plus(`{"name":"U","email":"u@example.com"}`), 200, nil},
		{u, "PUT /users/address", plus(`{"address":"Here"}`), 200, nil},
		{u, "GET /users/profile", "", 200, is{f(`{"id":%d,"name":"U","email":"u@example.com","address":"Here","is_admin":false}`, u.ID)}},
		{admin, "POST /products", plus(`{"name":"Mug","price":7.1,"category":"Home","stock":5}`), 201, is{`"product_id":2`, `"price":7.10`}},
		{admin, "PUT /products/2", plus(`{"name":"Mug","price":7.2,"category":"Home","stock":5}`), 200, is{`"id":2`, `"price":7.20`}},
		{admin, "PATCH /products/2", plus(`{"stock":6}`), 200, is{`"id":2`, `"price":7.20`, `"stock":6`}},
		{admin, "GET /admin/products", "", 200, is{`"id":1`, `"id":2`, "!777", `!"archived_at":"`}},
		{u, "POST /cart", plus(f(`{"product_id":%d,"quantity":2}`, lamp.ID)), 200, is{f(`"user_id":%d`, u.ID), `"price":19.99`}},
		{u, "PUT /cart/1", plus(`{"quantity":3}`), 200, is{f(`"user_id":%d`, u.ID), `"total_price":59.97`}},
		{victim, "GET /cart", "", 200, is{"[]"}},
		{u, "POST /orders", plus(`{"payment_method":"UPI","shipping_address":"Here"}`), 201,
			is{`"id":1,"order_id":1`, f(`"user_id":%d`, u.ID), `"status":"Pending"`, `"payment_status":"Pending"`, `"total_price":59.97`, "!2020"}},
		{admin, "PUT /orders/1/status", plus(`{"status":"Shipped"}`), 200, is{`"id":1`, f(`"user_id":%d`, u.ID), `"payment_status":"Pending"`, `"total_price":59.97`, "!2020"}},
		{u, "GET /orders/1", "", 200, is{f(`"by":%d}]`, admin.ID), "!2020"}},
		{victim, "GET /orders", "", 200, is{"[]"}},
		{nil, "POST /auth/refresh", plus(refreshBody(again(s, u))), 200, is{"!777"}},
		{nil, "POST /auth/logout", plus(refreshBody(again(s, u))), 200, nil},
		{victim, "GET /cart", "", 200, is{"[]"}}, // still logged in
		{u, "PUT /users/change-password", plus(f(`{"old_password":%q,"new_password":"another one"}`, u.Password)), 200, nil},
	})
	for query, want := range map[string]int64{
		"SELECT COUNT(*) FROM users WHERE is_admin":                                                  1,
		"SELECT SUM(token_version) FROM users":                                                       1, // u's change of password
		"SELECT COUNT(*) FROM users WHERE password_hash = 'x'":                                       0,
		"SELECT COUNT(*) FROM users WHERE created_at < '2021-01-01'":                                 0,
		"SELECT COUNT(*) FROM products WHERE created_at < '2021-01-01' OR id = 777":                  0,
		"SELECT COUNT(*) FROM products WHERE archived_at IS NOT NULL OR price = 0.01":                0,
		"SELECT COUNT(*) FROM orders WHERE id = 777 OR total_price = 0.01 OR user_id = 3":            0,
		"SELECT COUNT(*) FROM audit_log WHERE id = 777 OR actor_id = 3 OR created_at < '2021-01-01'": 0,
		"SELECT COUNT(DISTINCT family) FROM refresh_tokens WHERE user_id = 3":                        1,
		"SELECT COUNT(*) FROM order_history WHERE changed_by = 3 OR created_at < '2021-01-01'":       0,
	} {
		if got := s.Count(query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	if victim.ID != 3 {
		t.Errorf("the victim is %d; the test is about 3", victim.ID)
	}
}

// TestOddTexts takes texts that mean something to SQL, HTML, shells and templates through every field
// that keeps one: each comes back as it was.
func TestOddTexts(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin := s.Admin()
	for i, odd := range []string{
		`<script>alert(1)</script> & <b>`, `Robert'); DROP TABLE users;--`, `" OR ""="`, `' OR '1'='1`, `back\slash \' \" \n`, "`id`; $(id) | rm -rf /",
		`100% _ ! ? :name @x #{x}`, `${jndi:ldap://x/a} {{7*7}} <%= 7 %>`, "Zoë Łukasz 日本語 עברית 😀👩‍👩‍👧", "e\u0301 combining", `null`, `0x41`, `%00 %27 \u0000`,
	} {
		q := quote(odd)
		a := send(t, s, step{admin, "POST /products", `{"name":` + q + `,"price":1,"category":` + q + `,"stock":9}`, 201, nil})
		at, id := a.Header.Get("Location"), a.Field("product_id")
		want := func(a testkit.Answer, name string) {
			t.Helper()
			if got := text(members(a.Body)[name]); got != odd {
				t.Errorf("%s was %q and is %q", name, odd, got)
			}
		}
		product := send(t, s, step{nil, "GET " + at, "", 200, nil})
		want(product, "name")
		want(product, "category")
		for _, filter := range []string{"search", "category"} {
			if got := ids(s.Do(nil, "GET", "/products?"+filter+"="+escape(odd), "")); got != f("%s", id) {
				t.Errorf("%s for %q found %q, want %s", filter, odd, got, id)
			}
		}
		run(t, s, []step{
			{admin, "PUT /users/profile", `{"name":` + q + `,"email":` + quote(admin.Email) + `,"address":` + q + `}`, 200, nil},
			{admin, "POST /cart", f(`{"product_id":%s,"quantity":1}`, id), 200, nil},
		})
		profile := send(t, s, step{admin, "GET /users/profile", "", 200, nil})
		want(profile, "name")
		want(profile, "address")
		placed := send(t, s, step{admin, "POST /orders", `{"payment_method":"UPI","shipping_address":` + q + `}`, 201, nil})
		want(placed, "shipping_address")
		got := send(t, s, step{admin, "GET " + placed.Header.Get("Location"), "", 200, nil})
		want(got, "shipping_address")
		if item := elements(t, string(members(got.Body)["products"]))[0]; text(members(item)["name"]) != odd {
			t.Errorf("an item of %q is %s", odd, item)
		}
		all := send(t, s, step{admin, "GET /admin/orders?limit=1", "", 200, nil})
		if user := members(elements(t, all.Body)[0])["user"]; text(members(string(user))["name"]) != odd {
			t.Errorf("the buyer %q is %s", odd, user)
		}
		if n := s.Count("SELECT COUNT(*) FROM products"); n != int64(i+1) {
			t.Fatalf("%d products after %d", n, i+1)
		}
	}
}
