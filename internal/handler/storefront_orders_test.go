package handler_test

import (
	"testing"
	"time"

	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

func TestStorefrontCart(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp := s.Product("Lamp", "19.90", 5)
	add := func(who *testkit.Person, quantity, status int) testkit.Answer {
		t.Helper()
		return visit(t, s, step{who, "POST /cart/", f(`{"product_id":%d,"quantity":%d}`, lamp.ID, quantity), status, nil})
	}
	t.Run("Empty", func(t *testing.T) {
		if got := ids(visit(t, s, step{s.User(), "GET /cart/", "", 200, nil})); got != "" {
			t.Errorf("the cart has %q", got)
		}
	})
	t.Run("LoggedOut", func(t *testing.T) {
		visit(t, s, step{stranger, "GET /cart/", "", 401, nil})
		add(stranger, 1, 401)
	})
	t.Run("Add", func(t *testing.T) {
		u := s.User()
		add(u, 1, 200)
		a := add(u, 1, 200)
		reads(t, a.Body, "message string", "cart_item object")
		reads(t, string(members(a.Body)["cart_item"]), "id number", "user_id number", "product_id number", "quantity number", "total_price number")
		line := only(t, visit(t, s, step{u, "GET /cart/", "", 200, is{`"quantity":2,"total_price":39.80`}}).Body)
		reads(t, line, "id number", "user_id number", "product_id number", "name string", "price number", "quantity number", "total_price number")
	})
	t.Run("AddBeyondStock", func(t *testing.T) { reads(t, add(s.User(), 6, 409).Body, "detail string") })
	t.Run("Decrease", func(t *testing.T) {
		u := s.User()
		s.Fill(u, lamp, 2)
		reads(t, visit(t, s, step{u, f("PUT /cart/%d/decrease", lamp.ID), "{}", 200, is{`"new_quantity":1`}}).Body, "message string")
		visit(t, s, step{u, "GET /cart/", "", 200, is{`"quantity":1`}})
	})
	t.Run("Remove", func(t *testing.T) {
		u := s.User()
		s.Fill(u, lamp, 1)
		reads(t, visit(t, s, step{u, f("DELETE /cart/%d", lamp.ID), "", 200, nil}).Body, "message string")
		visit(t, s, step{u, "GET /cart/", "", 200, is{"[]"}})
		visit(t, s, step{u, f("DELETE /cart/%d", lamp.ID), "", 404, nil})
	})
	t.Run("ProductGone", func(t *testing.T) { // the page shows and removes the line all the same
		u, mug := s.User(), s.Product("Mug", "7", 5)
		s.Fill(u, mug, 1)
		visit(t, s, step{s.Admin(), f("DELETE /products/%d", mug.ID), "", 200, nil})
		reads(t, only(t, visit(t, s, step{u, "GET /cart/", "", 200, nil}).Body), "product_id number", "name string", "price number", "quantity number")
		visit(t, s, step{u, f("DELETE /cart/%d", mug.ID), "", 200, nil})
	})
}

// readsOrder checks what the pages with orders read.
func readsOrder(t *testing.T, object string) {
	t.Helper()
	reads(t, object, "id number", "order_id number", "total_price number", "status string", "payment_status string",
		"shipping_address string|null", "created_at string|null", "products array")
	for _, line := range elements(t, string(members(object)["products"])) {
		reads(t, line, "product_id number", "name string", "quantity number", "price number", "total_price number")
	}
}

func TestStorefrontCheckout(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp := s.Product("Lamp", "19.90", 100)
	const body = `{"payment_method":"Cash on Delivery","shipping_address":"1 Main St"}`
	t.Run("PlaceOrder", func(t *testing.T) {
		u := s.User()
		s.Fill(u, lamp, 2)
		a := visit(t, s, step{u, "POST /orders/", body, 201, is{`"shipping_address":"1 Main St"`}})
		reads(t, a.Body, "message string", "order_id number", "payment_status string", "shipping_address string")
		order := only(t, visit(t, s, step{u, "GET /orders/", "", 200, is{`"quantity":2,"price":19.90,"total_price":39.80`}}).Body)
		readsOrder(t, order)
		if at, err := time.Parse(time.RFC3339, text(members(order)["created_at"])); err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("the page shows it placed at %s: %v", members(order)["created_at"], err)
		}
		visit(t, s, step{u, "GET /cart/", "", 200, is{"[]"}})
	})
	t.Run("NoOrders", func(t *testing.T) { visit(t, s, step{s.User(), "GET /orders/", "", 200, is{"[]"}}) })
	t.Run("LoggedOut", func(t *testing.T) {
		visit(t, s, step{stranger, "GET /orders/", "", 401, nil})
		visit(t, s, step{stranger, "POST /orders/", body, 401, nil})
	})
	for name, c := range map[string]struct {
		body           string
		filled, status int
	}{
		"EmptyCart":     {body, 0, 409},
		"NoAddress":     {`{"payment_method":"UPI","shipping_address":""}`, 1, 422},
		"UnknownMethod": {`{"payment_method":"Bitcoin","shipping_address":"1 Main St"}`, 1, 422},
		"NothingFilled": {`{}`, 1, 422},
	} {
		t.Run(name, func(t *testing.T) { // the page shows the detail, which must be no list
			u := s.User()
			if c.filled > 0 {
				s.Fill(u, lamp, c.filled)
			}
			reads(t, visit(t, s, step{u, "POST /orders/", c.body, c.status, nil}).Body, "detail string")
			visit(t, s, step{u, "GET /orders/", "", 200, is{"[]"}})
		})
	}
	t.Run("EarlierOrders", func(t *testing.T) { // as the earlier backend leaves them
		u := s.User()
		s.Order(u, lamp, 1)
		s.Exec("UPDATE orders SET created_at = NULL, updated_at = NULL, shipping_address = NULL WHERE user_id = ?", u.ID)
		s.Exec("DELETE i FROM order_items i JOIN orders o ON o.id = i.order_id WHERE o.user_id = ?", u.ID)
		readsOrder(t, only(t, visit(t, s, step{u, "GET /orders/", "", 200, is{`"products":[]`}}).Body))
	})
}

func TestStorefrontAdminProducts(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, u := s.Admin(), s.User()
	const thing = `{"name":"Thing","price":"19.9","category":"Toys","stock":"5","image_url":""}` // all of them text, as forms are
	t.Run("Add", func(t *testing.T) {
		a := visit(t, s, step{admin, "POST /products", thing, 201, nil})
		reads(t, a.Body, "message string", "product_id number")
		p := only(t, visit(t, s, step{nil, "GET /products", "", 200, is{`"price":19.90,"category":"Toys","stock":5`}}).Body)
		if string(members(p)["id"]) != string(members(a.Body)["product_id"]) {
			t.Errorf("%s was added, %s is there", a.Body, p)
		}
	})
	t.Run("AddRefused", func(t *testing.T) {
		visit(t, s, step{u, "POST /products", thing, 403, nil})
		visit(t, s, step{stranger, "POST /products", thing, 401, nil})
		reads(t, visit(t, s, step{admin, "POST /products", `{"name":"Thing","price":"","category":"Toys","stock":"","image_url":""}`, 422, nil}).Body, "detail string")
	})
	t.Run("Edit", func(t *testing.T) {
		p := s.Product("Old", "1", 1)
		reads(t, visit(t, s, step{admin, f("PUT /products/%d", p.ID), thing, 200, nil}).Body, "message string")
		visit(t, s, step{nil, f("GET /products/%d", p.ID), "", 200, is{`"name":"Thing","price":19.90`}})
	})
	t.Run("Delete", func(t *testing.T) {
		p := s.Product("Sold", "1", 5)
		s.Order(u, p, 1)
		s.Fill(u, p, 1) // neither an order nor a cart is in the way, as they were
		visit(t, s, step{u, f("DELETE /products/%d", p.ID), "", 403, nil})
		reads(t, visit(t, s, step{admin, f("DELETE /products/%d", p.ID), "", 200, nil}).Body, "message string")
		visit(t, s, step{nil, "GET /products", "", 200, is{`!"Sold"`}})
		visit(t, s, step{u, "GET /orders/", "", 200, is{`"Sold"`}})
	})
}

func TestStorefrontAdminOrders(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, u, lamp := s.Admin(), s.User(), s.Product("Lamp", "19.90", 100)
	// put sends what the page makes of a choice: a doubled slash, the status in the query, an empty object.
	put := func(who *testkit.Person, order any, to string, status int) testkit.Answer {
		t.Helper()
		return visit(t, s, step{who, f("PUT /orders//%v/status?status=%s", order, to), "{}", status, nil})
	}
	t.Run("List", func(t *testing.T) { // of the admin's own, by /orders/
		s.Order(admin, lamp, 1)
		readsOrder(t, only(t, visit(t, s, step{admin, "GET /orders/", "", 200, nil}).Body))
	})
	t.Run("Ship", func(t *testing.T) {
		o := s.Order(u, lamp, 1)
		for _, to := range []model.Status{model.Pending, model.Shipped, model.Shipped, model.Delivered} {
			reads(t, put(admin, o.ID, string(to), 200).Body, "message string")
			visit(t, s, step{u, f("GET /orders/%d", o.ID), "", 200, is{f(`"status":%q,"payment_method"`, to)}})
		}
	})
	t.Run("Refused", func(t *testing.T) {
		o := s.Order(u, lamp, 1)
		for _, a := range []testkit.Answer{
			put(admin, o.ID, "Delivered", 409),
			put(admin, o.ID, "Processing", 422), // the page offers it, the shop has no such status
			put(admin, "undefined", "Shipped", 400),
			put(u, o.ID, "Shipped", 403),
			put(stranger, o.ID, "Shipped", 401),
		} {
			reads(t, a.Body, "detail string")
		}
		visit(t, s, step{u, f("GET /orders/%d", o.ID), "", 200, is{`"status":"Pending"`}})
	})
	t.Run("Panel", func(t *testing.T) { // what an admin's saved requests find
		o := s.Order(u, lamp, 1)
		reads(t, visit(t, s, step{admin, "GET /admin/dashboard", "", 200, nil}).Body, "message string")
		for _, p := range elements(t, visit(t, s, step{admin, "GET /admin/products", "", 200, is{"Lamp"}}).Body) {
			reads(t, p, "id number", "name string", "price number", "category string", "stock number", "image_url string|null")
		}
		for _, o := range elements(t, visit(t, s, step{admin, "GET /admin/orders", "", 200, is{"Lamp"}}).Body) {
			readsOrder(t, o)
			reads(t, o, "user_id number")
		}
		reads(t, visit(t, s, step{admin, f("PUT /admin/orders/%d/status?status=Shipped", o.ID), "", 200, is{`"status":"Shipped"`}}).Body, "message string")
	})
}
