package handler_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// TestAdminsEndMeanwhile demotes an admin while lists and dashboards wait for their turns or are read: those are not for them any
// more.
func TestAdminsEndMeanwhile(t *testing.T) {
	t.Parallel()
	const many = 10                             // more than there are turns for what may take long
	for path, table := range map[string]string{ // for which it has to wait
		"/admin/products?count=true&in_stock=true": "products",
		"/admin/dashboard":                         "order_items",
		"/admin/orders":                            "order_items",
		"/admin/audit":                             "audit_log",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			admin := s.Admin()
			s.Order(s.User(), s.Product("Lamp", "19.99", 5), 1)
			conn, err := s.DB.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := conn.ExecContext(t.Context(), "LOCK TABLES "+table+" WRITE"); err != nil {
				t.Fatal(err)
			}
			statuses := make(chan int, many)
			for range many {
				go func() { statuses <- s.Do(admin, "GET", path, "").Status }()
			}
			time.Sleep(300 * time.Millisecond) // until they wait
			s.Exec("UPDATE users SET is_admin = FALSE WHERE id = ?", admin.ID)
			if _, err := conn.ExecContext(t.Context(), "UNLOCK TABLES"); err != nil {
				t.Fatal(err)
			}
			for range many {
				if status := <-statuses; status != 403 {
					t.Errorf("%d", status)
				}
			}
		})
	}
}

// statusOf sends a method, a path and a body, with spaces between them.
func statusOf(s *testkit.Shop, as *testkit.Person, request string) int {
	parts := strings.SplitN(request, " ", 3)
	return s.Do(as, parts[0], parts[1], parts[2]).Status
}

// TestAdminsChangeMeanwhile takes an admin's rights, or ends the session, while a change waits for somebody else's: it is not made.
func TestAdminsChangeMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end    string
		status int
	}{
		"Demoted":   {"UPDATE users SET is_admin = FALSE WHERE id = ?", 403},
		"LoggedOut": {"DELETE FROM refresh_tokens WHERE user_id = ?", 401},
	} {
		for _, request := range []string{
			`PUT /products/1 {"name": "Torch", "price": 1, "category": "Test", "stock": 1}`,
			`PATCH /products/1 {"stock_delta": -3}`,
			`DELETE /products/1 `,
			`POST /products {"name": "Torch", "price": 1, "category": "Test", "stock": 1}`,
			`PUT /orders/1/status {"status": "Shipped"}`,
			`PUT /orders/1/status {"status": "Pending"}`,
			`PUT /admin/orders/1/status {"status": "Cancelled"}`,
		} {
			if name == "LoggedOut" && !strings.HasPrefix(request, "PATCH") { // it is judged in the same place: one will do
				continue
			}
			t.Run(name+"/"+request, func(t *testing.T) {
				t.Parallel()
				s := testkit.NewShop(t)
				admin := s.Admin()
				s.Order(s.User(), s.Product("Lamp", "19.99", 5), 1)
				entries := s.Count("SELECT COUNT(*) FROM audit_log")
				conn, err := s.DB.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				if _, err := conn.ExecContext(t.Context(), "LOCK TABLES products WRITE, order_items WRITE"); err != nil {
					t.Fatal(err)
				}
				status := make(chan int)
				go func() { status <- statusOf(s, admin, request) }()
				time.Sleep(200 * time.Millisecond) // until it waits
				s.Exec(c.end, admin.ID)
				if _, err := conn.ExecContext(t.Context(), "UNLOCK TABLES"); err != nil {
					t.Fatal(err)
				}
				if got := <-status; got != c.status {
					t.Errorf("status %d", got)
				}
				const as = "SELECT COUNT(*) FROM products p, orders o WHERE p.name = 'Lamp' AND p.stock = 4 AND p.archived_at IS NULL AND o.status = 'Pending'"
				if s.Count(as) != 1 || s.Count("SELECT COUNT(*) FROM products") != 1 || s.Count("SELECT COUNT(*) FROM audit_log") != entries {
					t.Error("something has changed")
				}
			})
		}
	}
}

// TestCallersEndMeanwhile lets what somebody does with an old token wait while its owner changes the password: nothing of it is done.
func TestCallersEndMeanwhile(t *testing.T) {
	t.Parallel()
	for _, request := range []string{
		`PUT /users/profile {"name": "Eve", "email": "eve@example.com"}`,
		`PUT /users/address {"address": "Elsewhere"}`,
		`POST /auth/logout {"everywhere": true}`,
		`DELETE /auth/sessions/AAAAAAAAAAAAAAAAAAAAAA `,
	} {
		t.Run(request, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			u := s.User()
			owner, err := s.DB.BeginTxx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = owner.Rollback() }()
			if _, err := owner.ExecContext(t.Context(), "UPDATE users SET token_version = token_version + 1 WHERE id = ?", u.ID); err != nil {
				t.Fatal(err)
			}
			status := make(chan int)
			go func() { status <- statusOf(s, u, request) }()
			time.Sleep(300 * time.Millisecond) // until it waits
			if _, err := owner.ExecContext(t.Context(), "DELETE FROM refresh_tokens WHERE user_id = ?", u.ID); err != nil {
				t.Fatal(err)
			}
			if err := owner.Commit(); err != nil {
				t.Fatal(err)
			}
			if got := <-status; got != 401 {
				t.Errorf("status %d", got)
			}
			if s.Count("SELECT COUNT(*) FROM users WHERE id = ? AND name = ? AND email = ? AND address IS NULL AND token_version = 1", u.ID, u.Name, u.Email) != 1 {
				t.Error("something has changed")
			}
		})
	}
}

// TestTokensEndMeanwhile ends a token between the head of a request, when it was good, and the rest: what comes then, or has
// waited for its turn until then, is not done any more.
func TestTokensEndMeanwhile(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp := s.Product("Lamp", "19.99", 5)
	for name, c := range map[string]struct {
		end    func(p *testkit.Person)
		status int // of an admin's request
	}{
		"Demoted": {func(p *testkit.Person) { s.Exec("UPDATE users SET is_admin = FALSE WHERE id = ?", p.ID) }, 403},
		"LoggedOut": {func(p *testkit.Person) {
			send(t, s, step{p, "POST /auth/logout", `{"everywhere": true}`, 200, nil})
		}, 401},
		"NewPassword": {func(p *testkit.Person) {
			send(t, s, step{p, "PUT /users/change-password", f(`{"old_password": %q, "new_password": "thimble and lamp"}`, p.Password), 200, nil})
		}, 401},
	} {
		for _, request := range []struct{ call, body string }{
			{f("PATCH /products/%d", lamp.ID), `{"stock_delta": 7}`},
			{"POST /products", `{"name": "Free", "price": "0.01", "category": "Home", "stock": 1}`},
			{"POST /orders", `{"payment_method": "UPI", "shipping_address": "Thief Street 1"}`},
			{"PUT /users/address", `{"address": "Thief Street 1"}`},
			{"PUT /users/change-password", `{"old_password": "x", "new_password": "thimble and mug"}`},
		} {
			if c.status == 403 && !strings.Contains(request.call, "/products") {
				continue // everybody's, whatever their role
			}
			t.Run(name+"/"+request.call, func(t *testing.T) {
				p := s.Admin()
				s.Fill(p, lamp, 1)
				method, path, _ := strings.Cut(request.call, " ")
				var once sync.Once
				late := readerFunc(func([]byte) (int, error) {
					once.Do(func() { c.end(p) })
					return 0, io.EOF
				})
				r := httptest.NewRequest(method, path, io.MultiReader(strings.NewReader(request.body), late))
				r.Header.Set("Authorization", "Bearer "+p.Token)
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				if s.Handler.ServeHTTP(w, r); w.Code != c.status {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
			})
		}
	}
	if n := s.Count("SELECT COUNT(*) FROM orders") + s.Count("SELECT COUNT(*) FROM users WHERE address LIKE 'Thief%'") +
		s.Count("SELECT COUNT(*) FROM products WHERE name = 'Free'"); n > 0 || s.Stock(lamp) != 5 {
		t.Errorf("%d things were done, and the stock is %d", n, s.Stock(lamp))
	}
	t.Run("InTurn", func(t *testing.T) {
		p := s.User()
		var all []func()
		for range 2 * database.MaxConns {
			leave, err := s.Services.Turn(t.Context(), model.Asker{Address: "198.51.100.1"})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, leave)
		}
		done := make(chan testkit.Answer)
		go func() { done <- s.Do(p, "PUT", "/users/address", `{"address": "Thief Street 1"}`) }()
		time.Sleep(100 * time.Millisecond) // until it waits
		s.Exec("UPDATE users SET token_version = token_version + 1 WHERE id = ?", p.ID)
		for _, leave := range all {
			leave()
		}
		if a := <-done; a.Status != 401 {
			t.Errorf("status %d: %s", a.Status, a.Body)
		}
	})
}

// TestTokensEndWhileThinking ends tokens, and an admin's rights, while what was sent with them waits to be decoded.
func TestTokensEndWhileThinking(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp := s.Product("Lamp", "19.99", 5)
	admin, demoted, gone, still := s.Admin(), s.Admin(), s.User(), s.User()
	stopThinking := testkit.TakeAll(t, s.Services.Think)
	padding := strings.Repeat("x", 2<<10)
	waiting := map[*testkit.Person]chan testkit.Answer{}
	for _, p := range []*testkit.Person{admin, demoted, gone, still} {
		answer := make(chan testkit.Answer)
		waiting[p] = answer
		go func() {
			if p == admin || p == demoted {
				answer <- s.Do(p, "PATCH", f("/products/%d", lamp.ID), `{"stock_delta": 7, "padding": "`+padding+`"}`)
			} else {
				answer <- s.Do(p, "PUT", "/users/address", `{"address": "Thief Street 1", "padding": "`+padding+`"}`)
			}
		}()
	}
	time.Sleep(200 * time.Millisecond) // until they wait
	s.Exec("UPDATE users SET is_admin = FALSE WHERE id = ?", demoted.ID)
	s.Exec("UPDATE users SET token_version = token_version + 1 WHERE id = ?", gone.ID)
	stopThinking()
	for p, status := range map[*testkit.Person]int{admin: 200, demoted: 403, gone: 401, still: 200} {
		if a := <-waiting[p]; a.Status != status {
			t.Errorf("user %d: status %d, want %d: %s", p.ID, a.Status, status, a.Body)
		}
	}
	if stock := s.Stock(lamp); stock != 12 {
		t.Errorf("the stock is %d", stock)
	}
}
