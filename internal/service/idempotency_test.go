package service_test

import (
	"testing"
	"time"

	"hexamart/internal/testkit"
)

// TestKeyWhileTableIsRead places an order while all of the table of keys may be read but not written, as while a
// migration or a backup has it: that the key can't be had is no sign that somebody uses it.
func TestKeyWhileTableIsRead(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp := s.User(), s.Product("Lamp", "19.99", 5)
	s.Fill(u, lamp, 2)
	other, err := s.DB.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if _, err := other.ExecContext(t.Context(), "LOCK TABLES idempotency_keys READ"); err != nil {
		t.Fatal(err)
	}
	placed, in, key := make(chan error), testkit.OrderInput(), "once"
	in.IdempotencyKey = &key
	go func() {
		_, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, in)
		placed <- err
	}()
	select {
	case err := <-placed:
		t.Errorf("placed while nobody may write: %v", err)
	case <-time.After(2500 * time.Millisecond):
		defer func() {
			if err := <-placed; err != nil || s.Stock(lamp) != 3 {
				t.Errorf("%v, and the stock is %d", err, s.Stock(lamp))
			}
		}()
	}
	if _, err := other.ExecContext(t.Context(), "UNLOCK TABLES"); err != nil {
		t.Error(err)
	}
}
