package service_test

import (
	"testing"
	"time"

	"hexamart/internal/testkit"
)

// TestOrdersBeforeMigration changes a table while an order waits for the row of a product: the change waits for the
// order, which then needs nothing but that row. Were it the other way round, each order in the queue for the row would
// keep all others waiting for as long as it waits for the table.
func TestOrdersBeforeMigration(t *testing.T) {
	t.Parallel()
	key := "key"
	for way, key := range map[string]*string{"AtOnce": nil, "UnderKey": &key} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			lamp, mug, in := s.Product("Lamp", "19.99", 50), s.Product("Mug", "7.10", 90), testkit.OrderInput()
			in.IdempotencyKey = key
			for _, table := range []string{"users", "carts", "products", "orders", "order_items", "order_history", "stock_ledger", "idempotency_keys"} {
				u := s.User()
				s.Fill(u, lamp, 1)
				s.Fill(u, mug, 1)
				release := hold(t, s, mug.ID)
				placed, changed := make(chan error, 1), make(chan error, 1)
				go func() {
					_, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, in)
					placed <- err
				}()
				if !locked(t, s, lamp.ID) {
					t.Errorf("%s: the order does not wait for its second product", table)
				}
				go func() { changed <- change(t, s, table) }()
				if !waits(t, s) {
					t.Errorf("%s: its change does not wait for the order", table)
				}
				release()
				if err := <-placed; err != nil {
					t.Errorf("%s: %v", table, err)
				}
				if err := <-changed; err != nil {
					t.Errorf("%s: %v", table, err)
				}
			}
			mustHold(t, s)
		})
	}
}

// change changes a table in name only, and is patient.
func change(t *testing.T, s *testkit.Shop, table string) error {
	one, err := s.DB.Connx(t.Context())
	if err != nil {
		return err
	}
	defer func() { _ = one.Close() }()
	for _, query := range []string{"SET SESSION lock_wait_timeout = 30", "ALTER TABLE " + table + " COMMENT = 'changed'", "SET SESSION lock_wait_timeout = 1"} {
		if _, err := one.ExecContext(t.Context(), query); err != nil {
			return err
		}
	}
	return nil
}

// waits tells whether a change of a table waits for those who use it.
func waits(t *testing.T, s *testkit.Shop) bool {
	t.Helper()
	for range 200 {
		var n int // MySQL fails while another test's statement with bytes in it runs
		if err := s.DB.Get(&n, `
			SELECT COUNT(*)
			FROM information_schema.processlist
			WHERE db = DATABASE() AND info LIKE 'ALTER TABLE%' AND state LIKE '%metadata lock%'`); err == nil && n > 0 {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}
