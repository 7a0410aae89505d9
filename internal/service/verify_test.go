package service_test

import (
	"slices"
	"strings"
	"testing"

	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// busyShop returns a shop in which everything that moves stock has happened.
func busyShop(t *testing.T) *testkit.Shop {
	t.Helper()
	s := testkit.NewShop(t)
	u, admin, lamp, mug := s.User(), s.Admin(), s.Product("Lamp", "19.99", 50), s.Product("Mug", "7.10", 9)
	s.Order(u, lamp, 3) // 1
	s.Fill(u, mug, 2)
	s.Order(u, lamp, 4) // 2, cancelled
	if _, err := s.Services.Orders.Cancel(t.Context(), u.ID, 2); err != nil {
		t.Fatal(err)
	}
	s.Order(u, lamp, 5) // 3, delivered
	for _, status := range []model.Status{model.Shipped, model.Delivered} {
		if _, err := s.Services.Orders.UpdateStatus(t.Context(), model.Actor{ID: admin.ID}, 3, model.StatusInput{Status: status}); err != nil {
			t.Fatal(err)
		}
	}
	stock, delta, price := model.Int(20), model.Int(-3), model.Money(1)
	for _, patch := range []model.ProductPatch{{Stock: &stock}, {StockDelta: &delta}, {Price: &price}} {
		if _, err := s.Services.Products.Patch(t.Context(), model.Actor{ID: admin.ID}, lamp.ID, patch, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Services.Products.Update(t.Context(), model.Actor{ID: admin.ID}, mug.ID, model.ProductInput{Name: "Mug", Price: &price, Category: "Test", Stock: &stock}, nil); err != nil {
		t.Fatal(err)
	}
	in, key := testkit.OrderInput(), "a-key"
	in.IdempotencyKey = &key
	s.Fill(u, mug, 1)
	if _, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, in); err != nil { // 4
		t.Fatal(err)
	}
	s.Fill(u, lamp, 2)
	return s
}

func mustHold(t *testing.T, s *testkit.Shop) {
	t.Helper()
	found, err := s.Services.Admin.Verify(t.Context())
	if err != nil || found != nil {
		t.Errorf("the books are wrong: %+v, %v", found, err)
	}
}

// TestVerify breaks each rule in turn, and wants just that row named under just that rule.
func TestVerify(t *testing.T) {
	t.Parallel()
	s := busyShop(t)
	mustHold(t, s)
	off := []string{"SET FOREIGN_KEY_CHECKS = 0"}
	unchecked := func(table, name string) []string {
		return []string{"ALTER TABLE " + table + " DROP CONSTRAINT " + name}
	}
	for _, c := range []struct {
		rule, row string
		before    []string
		change    string
		undo      string
	}{
		{"stock_matches_ledger", "product 1", nil, "UPDATE products SET stock = stock + 1 WHERE id = 1", "UPDATE products SET stock = stock - 1 WHERE id = 1"},
		{"stock_matches_ledger", "product 2", nil, "INSERT INTO stock_ledger (product_id, quantity, cause) VALUES (2, 1, 'edited')", "DELETE FROM stock_ledger ORDER BY id DESC LIMIT 1"},
		{"amounts_not_negative", "product 1", unchecked("products", "ck_products_price"), "UPDATE products SET price = -5 WHERE id = 1", "UPDATE products SET price = 5 WHERE id = 1"},
		{"total_is_sum_of_items", "order 1", nil, "UPDATE orders SET total_price = total_price + 0.01 WHERE id = 1", "UPDATE orders SET total_price = total_price - 0.01 WHERE id = 1"},
		{"status_is_last_of_history", "order 3", nil, "UPDATE orders SET status = 'Shipped' WHERE id = 3", "UPDATE orders SET status = 'Delivered' WHERE id = 3"},
		{"history_follows_the_rules", "order 3", nil, "UPDATE order_history SET status = 'Cancelled' WHERE order_id = 3 AND status = 'Shipped'", "UPDATE order_history SET status = 'Shipped' WHERE order_id = 3 AND status = 'Cancelled'"},
		{"history_follows_the_rules", "order 1", nil, "INSERT INTO order_history (order_id, status) VALUES (1, 'Pending')", "DELETE FROM order_history WHERE order_id = 1 ORDER BY id DESC LIMIT 1"},
		{"adopted_as_a_whole", "order item 1", nil, "UPDATE order_items SET adopted = TRUE WHERE id = 1", "UPDATE order_items SET adopted = FALSE WHERE id = 1"},
		{"answers_are_whole", "idempotency key a-key of user 1", nil, "UPDATE idempotency_keys SET user_id = 1, answer = NULL", "UPDATE idempotency_keys SET answer = ''"},
		{"cart_line_has_pieces", "cart of user 1", unchecked("carts", "ck_carts_quantity"), "UPDATE carts SET quantity = 0 WHERE product_id = 1", "UPDATE carts SET quantity = 2"},
		{"no_cart_line_twice", "cart of user 1", []string{"ALTER TABLE carts ADD KEY (user_id)", "ALTER TABLE carts DROP KEY uq_carts_line"},
			"INSERT INTO carts (user_id, product_id, quantity) VALUES (1, 1, 1)", "DELETE FROM carts ORDER BY id DESC LIMIT 1"},
		{"nothing_refers_to_nothing", "cart line 999", off, "INSERT INTO carts (id, user_id, product_id, quantity) VALUES (999, 1, 77, 1)", "DELETE FROM carts WHERE id = 999"},
		{"nothing_refers_to_nothing", "order 999", off, "INSERT INTO orders (id, user_id, total_price, status, payment_status, adopted) VALUES (999, 77, 0, 'Pending', 'Pending', TRUE)", "DELETE FROM orders WHERE id = 999"},
		{"order_has_items", "order 998", nil, "INSERT INTO orders (id, user_id, total_price, status, payment_status) VALUES (998, 1, 0, 'Pending', 'Pending')", ""},
	} {
		s.DB.SetMaxOpenConns(1) // some of it is for a session
		for _, statement := range append(c.before, c.change) {
			s.Exec(statement)
		}
		s.Exec("SET FOREIGN_KEY_CHECKS = 1")
		s.DB.SetMaxOpenConns(0)
		found, err := s.Services.Admin.Verify(t.Context())
		named := slices.ContainsFunc(found, func(v model.Violation) bool { return v.Rule == c.rule && v.Row == c.row && v.Problem != "" })
		if err != nil || !named || (c.undo != "" && len(found) != 1) {
			t.Errorf("%s of %s: found %+v, %v", c.rule, c.row, found, err)
		}
		if c.undo != "" {
			s.Exec(c.undo)
			mustHold(t, s)
		}
	}
}

// TestVerifyParts breaks the parts of rules that have several. Most changes break another rule, too.
func TestVerifyParts(t *testing.T) {
	t.Parallel()
	const refers, answers, history = "nothing_refers_to_nothing", "answers_are_whole", "history_follows_the_rules"
	for name, c := range map[string]struct{ rule, row, change string }{
		"PaidForItem":       {"amounts_not_negative", "order item 1", "ALTER TABLE order_items DROP CONSTRAINT ck_order_items_price; UPDATE order_items SET price = -1 WHERE id = 1"},
		"PaidForOrder":      {"amounts_not_negative", "order 1", "ALTER TABLE orders DROP CONSTRAINT ck_orders_total; UPDATE orders SET total_price = -1 WHERE id = 1"},
		"NoPieces":          {"items_have_pieces", "order item 1", "ALTER TABLE order_items DROP CONSTRAINT ck_order_items_quantity; UPDATE order_items SET quantity = 0 WHERE id = 1"},
		"ItemOfNoOrder":     {refers, "order item 999", "INSERT INTO order_items (id, order_id, product_id, name, price, quantity) VALUES (999, 77, 1, 'Lamp', 1, 1)"},
		"ItemOfNoProduct":   {refers, "order item 999", "INSERT INTO order_items (id, order_id, product_id, name, price, quantity) VALUES (999, 1, 77, 'Lamp', 1, 1)"},
		"CartOfNobody":      {refers, "cart line 999", "INSERT INTO carts (id, user_id, product_id, quantity) VALUES (999, 77, 1, 1)"},
		"LedgerOfNoProduct": {refers, "ledger entry 999", "INSERT INTO stock_ledger (id, product_id, quantity, cause) VALUES (999, 77, 1, 'edited')"},
		"LedgerOfNoOrder":   {refers, "ledger entry 999", "INSERT INTO stock_ledger (id, product_id, quantity, cause, order_id) VALUES (999, 1, -1, 'ordered', 77)"},
		"HistoryOfNoOrder":  {refers, "history row 999", "INSERT INTO order_history (id, order_id, status) VALUES (999, 77, 'Pending')"},
		"TokenOfNobody":     {refers, "a refresh token of user 77", "INSERT INTO refresh_tokens (family, generation, hash, user_id, token_version, created_at, expires_at) VALUES ('a', 0, 'h', 77, 0, NOW(), NOW())"},
		"AnswerOfNobody":    {refers, "idempotency key a-key of user 77", "UPDATE idempotency_keys SET user_id = 77"},
		"AnswerOfNoOrder":   {answers, "idempotency key a-key of user 1", "UPDATE idempotency_keys SET order_id = 77"},
		"AnswerOfNothing":   {answers, "idempotency key a-key of user 1", "UPDATE idempotency_keys SET order_id = NULL"},
		"AnswerOfAnother":   {answers, "idempotency key a-key of user 2", "UPDATE idempotency_keys SET user_id = 2"},
		"HistoryBegins":     {history, "order 1", "UPDATE order_history SET status = 'Shipped' WHERE order_id = 1"},
		"HistoryGoesOn":     {history, "order 3", "UPDATE order_history SET status = 'Cancelled' WHERE order_id = 3 AND status = 'Delivered'"},
		"NoHistory":         {"status_is_last_of_history", "order 1", "DELETE FROM order_history WHERE order_id = 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := busyShop(t)
			s.DB.SetMaxOpenConns(1) // the first is for a session
			s.Exec("SET FOREIGN_KEY_CHECKS = 0")
			for change := range strings.SplitSeq(c.change, "; ") {
				s.Exec(change)
			}
			found, err := s.Services.Admin.Verify(t.Context())
			named := slices.ContainsFunc(found, func(v model.Violation) bool { return v.Rule == c.rule && v.Row == c.row && v.Problem != "" })
			if err != nil || !named {
				t.Errorf("found %+v, %v", found, err)
			}
		})
	}
}

// TestVerifyOrderStock breaks what the ledger says of orders; each change alone leaves another trace, too.
func TestVerifyOrderStock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ change, row, problem string }{
		"NotTaken":       {"DELETE FROM stock_ledger WHERE order_id = 1", "order 1", "it holds 3 pieces of product 1, the ledger says 0"},
		"TakenTooLittle": {"UPDATE stock_ledger SET quantity = -1 WHERE order_id = 1", "order 1", "it holds 3 pieces of product 1, the ledger says 1"},
		"NotReturned":    {"DELETE FROM stock_ledger WHERE cause = 'cancelled'", "order 2", "it holds 0 pieces of product 1, the ledger says 4"},
		"Returned":       {"INSERT INTO stock_ledger (product_id, quantity, cause, order_id) VALUES (1, 3, 'cancelled', 1)", "order 1", "it holds 3 pieces of product 1, the ledger says 0"},
		"OtherProduct":   {"INSERT INTO stock_ledger (product_id, quantity, cause, order_id) VALUES (2, -3, 'ordered', 1)", "order 1", "it holds 0 pieces of product 2, the ledger says 3"},
		"OfAdopted":      {"UPDATE orders SET adopted = TRUE WHERE id = 1", "order 1", "it holds 0 pieces of product 1, the ledger says 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := busyShop(t)
			s.Exec(c.change)
			found, err := s.Services.Admin.Verify(t.Context())
			want := model.Violation{Rule: "orders_took_their_stock", Row: c.row, Problem: c.problem}
			if err != nil || !slices.Contains(found, want) {
				t.Errorf("found %+v, %v", found, err)
			}
		})
	}
}

// TestLedgerOpens begins the ledger of a shop that has sold without one, in one go or after half of it.
func TestLedgerOpens(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]string{"Whole": "TRUE", "Orders": "cause IN ('ordered', 'cancelled')", "Cancelled": "cause = 'cancelled'"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := busyShop(t)
			s.Exec("DELETE FROM stock_ledger WHERE " + lost)
			s.Exec("DELETE FROM goose_db_version WHERE version_id >= 8")
			if applied, err := database.Migrate(t.Context(), s.DB); err != nil || len(applied) == 0 || applied[0].Version != 8 {
				t.Fatalf("applied %v, %v", applied, err)
			}
			mustHold(t, s)
			if _, err := s.Services.Orders.Cancel(t.Context(), 1, 1); err != nil {
				t.Fatal(err)
			}
			mustHold(t, s)
		})
	}
}

// TestVerifyStockNegative needs a database that lacks the CHECK.
func TestVerifyStockNegative(t *testing.T) {
	t.Parallel()
	s := busyShop(t)
	s.Exec("ALTER TABLE products DROP CONSTRAINT ck_products_stock")
	s.Exec("UPDATE products SET stock = -1 WHERE id = 2")
	found, err := s.Services.Admin.Verify(t.Context())
	if err != nil || len(found) != 2 || found[0] != (model.Violation{Rule: "stock_not_negative", Row: "product 2", Problem: "its stock is -1"}) {
		t.Errorf("found %+v, %v", found, err)
	}
}

// TestVerifyAdopted finds nothing wrong with what an earlier backend left behind, nor with what comes after.
func TestVerifyAdopted(t *testing.T) {
	t.Parallel()
	s := adoptedShop(t)
	mustHold(t, s)
	for _, order := range []int64{3, 4} {
		for _, status := range []model.Status{model.Shipped, model.Delivered} {
			if _, err := s.Services.Orders.UpdateStatus(t.Context(), model.Actor{ID: 4}, order, model.StatusInput{Status: status}); err != nil && !strings.Contains(err.Error(), "final") {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.Services.Orders.PlaceOrder(t.Context(), 3, testkit.OrderInput()); err != nil {
		t.Fatal(err)
	}
	mustHold(t, s)
}
