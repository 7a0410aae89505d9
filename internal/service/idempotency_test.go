package service_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
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

// keyHeld returns a shop that lets each statement be seen, a user of it with two lamps in the cart, and a transaction that
// has taken that user's key "once".
func keyHeld(t *testing.T, observe database.Observer) (*testkit.Shop, *testkit.Person, *sqlx.Tx) {
	t.Helper()
	db := testkit.Open(t, testkit.EmptyDatabase(t), observe)
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	s := testkit.NewShopOn(t, db)
	u := s.User()
	s.Fill(u, s.Product("Lamp", "19.99", 5), 2)
	holder, err := s.DB.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = holder.Rollback() })
	if _, err := holder.Exec("INSERT INTO idempotency_keys (user_id, name, request, created_at) VALUES (?, 'once', '', NOW(6))", u.ID); err != nil {
		t.Fatal(err)
	}
	return s, u, holder
}

// TestKeyInUseIsSaidAtOnce asks for a key that somebody has: there is nothing to try again.
func TestKeyInUseIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	var reads atomic.Int64
	s, u, _ := keyHeld(t, func(_ context.Context, st database.Statement) {
		if strings.Contains(st.SQL, "NOWAIT") {
			reads.Add(1)
		}
	})
	in, key := testkit.OrderInput(), "once"
	in.IdempotencyKey = &key
	if _, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, in); !apperr.Is(err, apperr.KeyInUse) || reads.Load() != 2 {
		t.Errorf("%v after %d attempts to have it", err, reads.Load())
	}
}

// TestKeyGivenBack asks for a key that is given back between two looks at it. A server may have ended the transaction for
// the lock that it did not get (innodb_rollback_on_timeout): what follows must be in one of its own.
func TestKeyGivenBack(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var said []string
	var holder *sqlx.Tx
	s, u, h := keyHeld(t, func(_ context.Context, st database.Statement) {
		mu.Lock()
		said = append(said, st.SQL)
		now := holder
		mu.Unlock()
		if now != nil && strings.Contains(st.SQL, "SKIP LOCKED") {
			_ = now.Rollback()
		}
	})
	mu.Lock()
	said, holder = nil, h
	mu.Unlock()
	in, key := testkit.OrderInput(), "once"
	in.IdempotencyKey = &key
	if _, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, in); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if _, after, _ := strings.Cut(strings.Join(said, "\n"), "SKIP LOCKED"); !strings.Contains(strings.Split(after, "INSERT")[0], "\nBEGIN\n") {
		t.Errorf("it went on in a transaction that may be over: %s", after)
	}
}
