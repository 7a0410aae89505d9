package handler_test

import (
	"testing"

	"hexamart/internal/testkit"
)

func TestCart(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, u, other := s.Admin(), s.User(), s.User()
	lamp, mug := s.Product("Lamp", "19.99", 10), s.Product("Mug", "0.10", 2000)
	run(t, s, []step{
		{u, "GET /cart", "", 200, is{"[]"}},
		{other, "POST /cart", f(`{"product_id":%d,"quantity":9}`, lamp.ID), 200, nil},
	})
	a := send(t, s, step{u, "POST /cart", f(`{"product_id":"%d","quantity":"2"}`, lamp.ID), 200, nil})
	dear := s.Product("Palace", "6000000000.00", 2) // of which no order can have two, but a cart
	send(t, s, step{other, "POST /cart", f(`{"product_id":%d,"quantity":2}`, dear.ID), 200, is{`"total_price":12000000000.00`}})
	send(t, s, step{other, "GET /cart", "", 200, is{`"total_price":12000000000.00`}})
	item := string(members(a.Body)["cart_item"])
	if names(a.Body) != "cart_item message" || names(item) != "available id image_url name price product_id quantity stock total_price user_id" {
		t.Errorf("the answer is %s", a.Body)
	}
	run(t, s, []step{
		{u, "GET /cart", "", 200, is{"[" + item + "]", f(`"user_id":%d,"product_id":%d,"name":"Lamp","price":19.99,"quantity":2,"total_price":39.98,"image_url":null,"stock":10,"available":true`, u.ID, lamp.ID)}},
		{u, "POST /cart", f(`{"product_id":%d,"quantity":3}`, lamp.ID), 200, is{`"quantity":5`, `"total_price":99.95`}}, // on top
		{u, "POST /cart", f(`{"product_id":%d,"quantity":6}`, lamp.ID), 409, is{`"code":"out_of_stock"`,
			f(`"items":[{"product_id":%d,"name":"Lamp","requested":11,"available":10}]`, lamp.ID)}},
		{u, "GET /cart", "", 200, is{`"quantity":5`}},
		{u, "POST /cart", f(`{"product_id":%d,"quantity":1000}`, mug.ID), 200, is{`"total_price":100.00`}},
		{u, "POST /cart", `{"product_id":424242,"quantity":1}`, 404, nil},
		{u, f("PUT /cart/%d", lamp.ID), `{"quantity":"7"}`, 200, is{`"cart_item":{`, `"quantity":7`, `"total_price":139.93`}},
		{u, f("PUT /cart/%d", lamp.ID), `{"quantity":7}`, 200, nil}, // the same again is no 404
		{u, f("PUT /cart/%d", lamp.ID), `{"quantity":11}`, 409, is{`"requested":11,"available":10`}},
		{u, f("PUT /cart/%d", mug.ID), `{"quantity":3}`, 200, is{`"total_price":0.30`}},
		{u, f("PUT /cart/%d", mug.ID), `{"quantity":0}`, 200, is{"!cart_item"}},
		{u, f("PUT /cart/%d", mug.ID), `{"quantity":0}`, 404, nil},
		{u, f("PUT /cart/%d", mug.ID), `{"quantity":1}`, 404, nil},
		{u, f("PUT /cart/%d/decrease", mug.ID), "", 404, nil},
		{u, f("DELETE /cart/%d", mug.ID), "", 404, nil},
		{u, f("PUT /cart/%d", lamp.ID), `{"quantity":2}`, 200, nil},
		{u, f("PUT /cart/%d/decrease", lamp.ID), "", 200, is{`"new_quantity":1`}},
		{u, f("PUT /cart/%d/decrease", lamp.ID), `{"ignored":`, 200, is{`"new_quantity":0`}},
		{u, "GET /cart", "", 200, is{"[]"}},
		{u, f("PUT /cart/%d/decrease", lamp.ID), "", 404, nil},
		{u, "POST /cart", f(`{"product_id":%d,"quantity":1}`, lamp.ID), 200, nil},
		{u, f("DELETE /cart/%d", lamp.ID), "", 200, nil},
		{u, "GET /cart", "", 200, is{"[]"}},
		{u, "POST /cart", f(`{"product_id":%d,"quantity":1}`, lamp.ID), 200, nil},
		{u, "POST /cart", f(`{"product_id":%d,"quantity":1}`, mug.ID), 200, nil},
		{u, "DELETE /cart", "", 200, nil},
		{u, "DELETE /cart", "", 200, nil},
		{u, "GET /cart", "", 200, is{"[]"}},
		// None of this was about somebody else's cart, and a cart takes nothing from the stock.
		{other, "GET /cart", "", 200, is{`"quantity":9`, f(`"user_id":%d`, other.ID)}},
		{admin, "GET /cart", "", 200, is{"[]"}},
		{nil, f("GET /products/%d", lamp.ID), "", 200, is{`"stock":10`}},
	})
}

// TestCartToday checks that a cart shows today's names, prices and stocks.
func TestCartToday(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, u := s.Admin(), s.User()
	lamp := s.Product("Lamp", "19.99", 5)
	s.Fill(u, lamp, 3)
	at := f("/products/%d", lamp.ID)
	run(t, s, []step{
		{admin, "PATCH " + at, `{"name":"Torch","price":"33.33","image_url":"http://example.com/t.png"}`, 200, nil},
		{u, "GET /cart", "", 200, is{`"name":"Torch","price":33.33,"quantity":3,"total_price":99.99,"image_url":"http://example.com/t.png","stock":5,"available":true`}},
		{admin, "PATCH " + at, `{"stock":3}`, 200, nil},
		{u, "GET /cart", "", 200, is{`"stock":3,"available":true`}},
		{admin, "PATCH " + at, `{"stock":2}`, 200, nil},
		{u, "GET /cart", "", 200, is{`"stock":2,"available":false`}},
		{u, f("PUT /cart/%d/decrease", lamp.ID), "", 200, is{`"new_quantity":2`}},
		{u, "GET /cart", "", 200, is{`"stock":2,"available":true`}},
		{admin, "PATCH " + at, `{"stock":0}`, 200, nil},
		{u, "POST /cart", f(`{"product_id":%d,"quantity":1}`, lamp.ID), 409, is{`"available":0`}},
		{u, f("PUT /cart/%d/decrease", lamp.ID), "", 200, is{`"new_quantity":1`}}, // less is always possible
	})
}
