package handler_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

const order = `{"payment_method":"UPI","shipping_address":"12 MG Road"}`

func TestOrders(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, other, admin := s.User(), s.User(), s.Admin()
	lamp, mug := s.Product("Lamp", "19.99", 10), s.Product("Mug", "0.10", 9)
	run(t, s, []step{
		{u, "GET /orders", "", 200, is{"[]"}},
		{u, "POST /orders", order, 409, is{`"code":"empty_cart"`}},
	})
	s.Fill(u, mug, 3)
	s.Fill(u, lamp, 2)
	s.Fill(other, mug, 1)
	a := send(t, s, step{u, "POST /orders", `{"payment_method":"Net Banking","shipping_address":" 12 MG Road,\nBengaluru ","expected_total":"40.28"}`, 201, is{
		`"order_id":1,`, `"id":1,`, f(`"user_id":%d,`, u.ID), `"status":"Pending","payment_method":"Net Banking","payment_status":"Pending","shipping_address":"12 MG Road,\nBengaluru","total_price":40.28`,
		f(`{"product_id":%d,"name":"Lamp","quantity":2,"price":19.99,"total_price":39.98}`, lamp.ID),
		f(`{"product_id":%d,"name":"Mug","quantity":3,"price":0.10,"total_price":0.30}`, mug.ID),
	}})
	placed := members(a.Body)
	const shape = "created_at id order_id payment_method payment_status products shipping_address status total_price updated_at user_id"
	delete(placed, "message")
	if got := names(a.Body); got != "created_at id message order_id payment_method payment_status products shipping_address status total_price updated_at user_id" {
		t.Errorf("a new order has %s", got)
	}
	if at, err := time.Parse("2006-01-02T15:04:05Z", text(placed["created_at"])); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("created at %s: %v", placed["created_at"], err)
	}
	if got := a.Header.Get("Location"); got != "/orders/1" {
		t.Errorf("Location is %q", got)
	}
	own := send(t, s, step{u, "GET /orders/1", "", 200, is{f(`"history":[{"status":"Pending","at":%s,"by":%d}]`, placed["created_at"], u.ID)}})
	list := send(t, s, step{u, "GET /orders", "", 200, nil})
	if rows := elements(t, list.Body); len(rows) != 1 || names(rows[0]) != shape || names(own.Body) != "created_at history id order_id payment_method payment_status products shipping_address status total_price updated_at user_id" {
		t.Errorf("listed %s, alone %s", list.Body, own.Body)
	}
	for name, want := range placed {
		if got := members(own.Body)[name]; string(got) != string(want) {
			t.Errorf("%s was %s and is %s", name, want, got)
		}
		if got := members(elements(t, list.Body)[0])[name]; string(got) != string(want) {
			t.Errorf("%s was %s and is listed as %s", name, want, got)
		}
	}
	run(t, s, []step{
		{u, "GET /cart", "", 200, is{"[]"}},
		{other, "GET /cart", "", 200, is{`"quantity":1`}},
		{nil, f("GET /products/%d", lamp.ID), "", 200, is{`"stock":8`}},
		{u, "POST /orders", order, 409, is{`"code":"empty_cart"`}},
		// Names and prices stay those of the moment.
		{admin, f("PATCH /products/%d", lamp.ID), `{"name":"Torch","price":1}`, 200, nil},
		{u, "GET /orders/1", "", 200, is{`"name":"Lamp","quantity":2,"price":19.99`, `"total_price":40.28`, "!Torch"}},
		// Somebody else's is not there, for admins neither: theirs is /admin/orders.
		{other, "GET /orders", "", 200, is{"[]"}},
		{other, "GET /orders/1", "", 404, is{"!MG Road"}},
		{other, "POST /orders/1/cancel", "", 404, nil},
		{other, "PUT /orders/1/status?status=Cancelled", "", 403, nil},
		{admin, "GET /orders/1", "", 404, nil},
		{admin, "POST /orders/1/cancel", "", 404, nil},
		{u, "GET /orders/424242", "", 404, nil},
		{u, "GET /orders/1", "", 200, is{`"status":"Pending"`}},
	})
	missing, others := s.Do(other, "GET", "/orders/424242", "", "X-Request-Id: x"), s.Do(other, "GET", "/orders/1", "", "X-Request-Id: x")
	if missing.Body != others.Body {
		t.Errorf("somebody else's order is told from one that is not there: %s, %s", others.Body, missing.Body)
	}
	s.Order(u, mug, 1)
	s.Order(u, mug, 1)
	if got := ids(s.Do(u, "GET", "/orders", "")); got != "3 2 1" {
		t.Errorf("orders are %s, want the newest first", got)
	}
}

// TestOrderRefused checks that an order that can't be placed changes nothing.
func TestOrderRefused(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	lamp, mug, gone := s.Product("Lamp", "19.99", 5), s.Product("Mug", "7.10", 9), s.Product("Gone", "1.00", 9)
	s.Fill(u, lamp, 5)
	s.Fill(u, mug, 2)
	run(t, s, []step{
		{u, "POST /orders", `{"payment_method":"UPI","shipping_address":"Here","expected_total":114.14}`, 409, is{`"code":"total_changed"`, `"total_price":114.15`}},
		{u, "POST /orders", `{"payment_method":"UPI","shipping_address":"Here","expected_total":0}`, 409, is{`"total_price":114.15`}},
		{u, "POST /orders", `{"payment_method":"upi","shipping_address":""}`, 422, is{`"field":"payment_method"`, `"field":"shipping_address"`}},
	})
	s.Fill(u, gone, 1)
	s.Exec("UPDATE products SET stock = 4 WHERE id = ?", lamp.ID)
	s.Exec("UPDATE products SET archived_at = NOW() WHERE id = ?", gone.ID)
	run(t, s, []step{
		{u, "POST /orders", order, 409, is{`"code":"out_of_stock"`, f(`"items":[{"product_id":%d,"name":"Lamp","requested":5,"available":4},{"product_id":%d,"name":"Gone","requested":1,"available":0}]`, lamp.ID, gone.ID)}},
		{u, "GET /orders", "", 200, is{"[]"}},
		{u, "GET /cart", "", 200, is{`"quantity":5`, `"quantity":2`, `"quantity":1`}},
	})
	if s.Stock(lamp) != 4 || s.Stock(mug) != 9 || s.Stock(gone) != 9 || s.Count("SELECT COUNT(*) FROM order_history") != 0 {
		t.Error("something has changed")
	}
	run(t, s, []step{
		{u, f("DELETE /cart/%d", gone.ID), "", 200, nil},
		{u, f("PUT /cart/%d", lamp.ID), `{"quantity":4}`, 200, nil},
		{u, "POST /orders", `{"payment_method":"UPI","shipping_address":"Here","expected_total":"94.16"}`, 201, is{`"total_price":94.16`}},
	})
}

func TestPaymentMethods(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp := s.User(), s.Product("Lamp", "19.99", 100)
	for _, method := range []string{"Credit Card", "UPI", "Net Banking", "Cash on Delivery"} {
		s.Fill(u, lamp, 1)
		run(t, s, []step{{u, "POST /orders", f(`{"payment_method":%q,"shipping_address":"Here"}`, method), 201, is{f(`"payment_method":%q,"payment_status":"Pending"`, method)}}})
	}
	s.Fill(u, lamp, 1)
	for _, method := range []string{"Bitcoin", "", "credit card", "UPI ", "Credit Card' --"} {
		run(t, s, []step{{u, "POST /orders", f(`{"payment_method":%q,"shipping_address":"Here"}`, method), 422, is{`"field":"payment_method"`}}})
	}
}

// TestOrderMoney orders what binary floating point gets wrong.
func TestOrderMoney(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	for total, lines := range map[string][]struct {
		price    string
		quantity int
	}{
		"0.30":          {{"0.10", 1}, {"0.20", 1}},
		"99.99":         {{"33.33", 3}},
		"4.35":          {{"0.01", 435}},
		"1000.07":       {{"1.00", 1000}, {"0.07", 1}},
		"9999999999.99": {{"9999999999.98", 1}, {"0.01", 1}},
		"0.00":          {{"0", 1000}},
		"1149.43":       {{"1.15", 999}, {"0.58", 1}},
	} {
		for _, l := range lines {
			s.Fill(u, s.Product("P"+l.price, l.price, 1000), l.quantity)
		}
		run(t, s, []step{
			{u, "POST /orders", f(`{"payment_method":"UPI","shipping_address":"Here","expected_total":%s}`, total), 201, is{`"total_price":` + total + ","}},
		})
	}
	for range 2 {
		s.Fill(u, s.Product("Palace", "9999999999.99", 1), 1)
	}
	run(t, s, []step{
		{u, "GET /cart", "", 200, is{`"total_price":9999999999.99`}},
		{u, "POST /orders", order, 409, is{`"code":"total_too_large"`}},
	})
}

// TestOrderStatus tries every change there is, by every way.
func TestOrderStatus(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin, lamp := s.User(), s.Admin(), s.Product("Lamp", "19.99", 1000)
	next := map[model.Status][]model.Status{
		model.Pending: {model.Shipped, model.Cancelled}, model.Shipped: {model.Delivered}, model.Delivered: {}, model.Cancelled: {},
	}
	ways := []func(id int64, to model.Status) (string, string){
		func(id int64, to model.Status) (string, string) {
			return f("PUT /orders/%d/status?status=%s", id, to), ""
		},
		func(id int64, to model.Status) (string, string) {
			return f("PUT /orders/%d/status?status=%s", id, to), "null" // as the earlier storefront's client sends
		},
		func(id int64, to model.Status) (string, string) {
			return f("PUT /orders/%d/status", id), f(`{"status":%q}`, to)
		},
		func(id int64, to model.Status) (string, string) {
			return f("PUT /admin/orders/%d/status", id), f(`{"status":%q}`, to)
		},
	}
	try := 0
	for from := range next {
		for to := range next {
			o := s.Order(u, lamp, 1)
			s.Exec("UPDATE orders SET status = ? WHERE id = ?", from, o.ID)
			before := s.Stock(lamp)
			call, body := ways[try%len(ways)](o.ID, to)
			try++
			switch {
			case from == to:
				run(t, s, []step{
					{admin, call, body, 200, is{f(`"status":%q`, to)}},
					{u, f("GET /orders/%d", o.ID), "", 200, is{f(`"history":[{"status":"Pending","at":"%s","by":%d}]`, o.CreatedAt.Format(time.RFC3339), u.ID)}},
				})
			case slices.Contains(next[from], to):
				a := send(t, s, step{admin, call, body, 200, is{f(`"order":{"id":%d`, o.ID), f(`"status":%q`, to)}})
				if got := names(a.Body); got != "message order" {
					t.Errorf("the answer has %s", got)
				}
				run(t, s, []step{{u, f("GET /orders/%d", o.ID), "", 200, is{f(`"status":%q,"payment_method"`, to), f(`{"status":%q,"at":%s,"by":%d}]`, to, members(string(members(a.Body)["order"]))["updated_at"], admin.ID)}}})
			default:
				allowed, _ := json.Marshal(next[from])
				run(t, s, []step{
					{admin, call, body, 409, is{`"code":"status_not_allowed"`, `"allowed":` + string(allowed)}},
					{u, f("GET /orders/%d", o.ID), "", 200, is{f(`"status":%q,"payment_method"`, from)}},
				})
			}
			if back := s.Stock(lamp) - before; (back == 1) != (from == model.Pending && to == model.Cancelled) {
				t.Errorf("%s to %s gave back %d", from, to, back)
			}
		}
	}
	run(t, s, []step{
		{admin, "PUT /orders/1/status?status=Lost", "", 422, is{`"field":"status"`}},
		{admin, "PUT /orders/1/status?status=shipped", "", 422, nil},
		{admin, "PUT /orders/1/status", `{"status":"Lost"}`, 422, is{`"field":"status"`}},
		{admin, "PUT /orders/1/status", `{}`, 422, is{`"field":"status"`}},
		{admin, "PUT /orders/1/status", `{"status":1}`, 422, is{`"field":"status"`}},
		{admin, "PUT /orders/1/status", "", 422, is{`"field":"status"`}},
		{admin, "PUT /orders/1/status?status=%ff", "", 400, nil},
		{admin, "PUT /orders/424242/status?status=Shipped", "", 404, nil},
		{admin, "PUT /admin/orders/424242/status?status=Shipped", "", 404, nil},
		{u, "PUT /orders/1/status?status=Shipped", "", 403, nil},
	})
}

func TestCancelOrder(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin, lamp := s.User(), s.Admin(), s.Product("Lamp", "19.99", 10)
	o, shipped := s.Order(u, lamp, 3), s.Order(u, lamp, 1)
	run(t, s, []step{
		{admin, f("PUT /orders/%d/status?status=Shipped", shipped.ID), "", 200, nil},
		{u, f("POST /orders/%d/cancel", shipped.ID), "", 409, is{`"code":"status_not_allowed"`, "Delivered"}},
		{u, f("POST /orders/%d/cancel", o.ID), "", 200, is{f(`"order":{"id":%d`, o.ID), `"status":"Cancelled"`}},
		{u, f("GET /orders/%d", o.ID), "", 200, is{`"status":"Cancelled"`, f(`"by":%d}]`, u.ID), `"payment_status":"Pending"`}},
		{nil, f("GET /products/%d", lamp.ID), "", 200, is{`"stock":9`}},
		{u, f("POST /orders/%d/cancel", o.ID), "", 200, is{`"status":"Cancelled"`}},
		{nil, f("GET /products/%d", lamp.ID), "", 200, is{`"stock":9`}},
		{admin, f("PUT /orders/%d/status?status=Pending", o.ID), "", 409, nil},
		{u, "POST /orders/424242/cancel", "", 404, nil},
	})
}
