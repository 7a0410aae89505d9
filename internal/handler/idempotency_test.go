package handler_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/testkit"
)

const anOrder = `{"payment_method": "UPI", "shipping_address": "12 MG Road <2>"}`

func placeUnder(s *testkit.Shop, as *testkit.Person, key, body string) testkit.Answer {
	return s.Do(as, "POST", "/orders", body, "Idempotency-Key: "+key)
}

func isReplayOf(got, first testkit.Answer) bool {
	return got.Status == http.StatusCreated && got.Body == first.Body && got.Header.Get("Idempotent-Replayed") == "true" &&
		got.Header.Get("Location") == first.Header.Get("Location")
}

func mustHold(t *testing.T, s *testkit.Shop) {
	t.Helper()
	if found, err := s.Services.Admin.Verify(t.Context()); err != nil || found != nil {
		t.Errorf("the books are wrong: %+v, %v", found, err)
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, other, admin := s.User(), s.User(), s.Admin()
	lamp := s.Product("Lamp <&>", "19.99", 50)
	s.Fill(u, lamp, 2)
	first := placeUnder(s, u, "key-1", anOrder)
	if first.Status != http.StatusCreated || first.Header.Get("Idempotent-Replayed") != "" || first.Header.Get("Location") != "/orders/1" ||
		!strings.Contains(first.Body, "Lamp <&>") {
		t.Fatalf("the first: %+v", first)
	}
	orders := func() int64 { return s.Count("SELECT COUNT(*) FROM orders") }

	t.Run("SameAgain", func(t *testing.T) {
		for range 2 {
			if again := placeUnder(s, u, "key-1", anOrder); !isReplayOf(again, first) {
				t.Errorf("again: %+v", again)
			}
		}
	})
	t.Run("SameAfterChanges", func(t *testing.T) {
		s.Do(admin, "PUT", "/orders/1/status?status=Shipped", "{}")
		s.Fill(u, lamp, 3)
		again := placeUnder(s, u, "key-1", `{"shipping_address":"12 MG Road <2>", "payment_method": "UPI", "unknown": 1}`)
		if !isReplayOf(again, first) || orders() != 1 || s.Count("SELECT quantity FROM carts") != 3 {
			t.Errorf("again: %+v, %d orders", again, orders())
		}
	})
	t.Run("OtherBody", func(t *testing.T) {
		for _, body := range []string{strings.Replace(anOrder, "UPI", "Credit Card", 1), strings.Replace(anOrder, "12", "13", 1),
			strings.Replace(anOrder, "{", `{"expected_total": 59.97, `, 1)} {
			if got := placeUnder(s, u, "key-1", body); got.Status != http.StatusUnprocessableEntity || got.Field("code") != "idempotency_key_reused" || orders() != 1 {
				t.Errorf("%s: %+v", body, got)
			}
		}
	})
	t.Run("OtherUser", func(t *testing.T) {
		s.Fill(other, lamp, 1)
		if got := placeUnder(s, other, "key-1", anOrder); got.Status != http.StatusCreated || got.Header.Get("Idempotent-Replayed") != "" || orders() != 2 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("OtherCase", func(t *testing.T) { // a key is its bytes
		if got := placeUnder(s, u, "KEY-1", anOrder); got.Status != http.StatusCreated || got.Header.Get("Idempotent-Replayed") != "" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("FailureKeepsNone", func(t *testing.T) {
		if got := placeUnder(s, u, "key-2", anOrder); got.Status != http.StatusConflict || got.Field("code") != "empty_cart" {
			t.Errorf("an empty cart: %+v", got)
		}
		s.Fill(u, lamp, 1)
		bad := placeUnder(s, u, "key-2", `{"payment_method": "Cheque"}`)
		if got := placeUnder(s, u, "key-2", anOrder); bad.Status != http.StatusUnprocessableEntity || got.Status != http.StatusCreated || got.Header.Get("Idempotent-Replayed") != "" {
			t.Errorf("after two failures: %+v", got)
		}
	})
	t.Run("BadKey", func(t *testing.T) {
		s.Fill(u, lamp, 1)
		before := orders()
		for _, key := range []string{"", "two words", "clé", "tab\t", "del\x7f", strings.Repeat("k", 256)} {
			got := placeUnder(s, u, key, `{"payment_method": "UPI"}`)
			if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, `"Idempotency-Key"`) || !strings.Contains(got.Body, `"shipping_address"`) {
				t.Errorf("%q: %+v", key, got)
			}
		}
		if got := s.Do(u, "POST", "/orders", `{"-": "x", "payment_method": "UPI", "shipping_address": "12 MG Road"}`); got.Status != http.StatusCreated {
			t.Errorf("a key in the body: %+v", got)
		}
		if n := s.Count("SELECT COUNT(*) FROM idempotency_keys WHERE name = 'x'"); n != 0 || orders() != before+1 {
			t.Errorf("%d keys came from a body; %d orders", n, orders()-before)
		}
		s.Fill(u, lamp, 1)
		if got := placeUnder(s, u, strings.Repeat("~", 255), anOrder); got.Status != http.StatusCreated {
			t.Errorf("the longest key: %+v", got)
		}
	})
	mustHold(t, s)
}

// TestIdempotencyKeyInUse asks again while the first is held up, from another instance: it is told to
// wait, at once, and a first that then fails leaves the key to the next.
func TestIdempotencyKeyInUse(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	second := testkit.NewShopOn(t, s.DB)
	u, lamp := s.User(), s.Product("Lamp", "19.99", 50)
	s.Fill(u, lamp, 2)
	hold := func(meanwhile func(tx *sqlx.Tx)) testkit.Answer {
		t.Helper()
		tx, err := s.DB.BeginTxx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		if _, err := tx.Exec("SELECT 1 FROM products WHERE id = ? FOR UPDATE", lamp.ID); err != nil {
			t.Fatal(err)
		}
		answer := make(chan testkit.Answer, 1)
		go func() { answer <- placeUnder(s, u, "key", anOrder) }()
		for range 500 { // until it has the key
			probe, err := s.DB.BeginTxx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = probe.Exec("SELECT 1 FROM idempotency_keys WHERE user_id = ? FOR UPDATE NOWAIT", u.ID)
			_ = probe.Rollback()
			if err != nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		got := placeUnder(second, u, "key", anOrder)
		if got.Status != http.StatusConflict || got.Field("code") != "request_in_progress" || got.Header.Get("Retry-After") != "1" {
			t.Errorf("while the first is running: %+v", got)
		}
		meanwhile(tx)
		_ = tx.Commit()
		return <-answer
	}
	failed := hold(func(tx *sqlx.Tx) {
		if _, err := tx.Exec("UPDATE products SET stock = 1 WHERE id = ?", lamp.ID); err != nil {
			t.Fatal(err)
		}
	})
	if failed.Status != http.StatusConflict || failed.Field("code") != "out_of_stock" {
		t.Fatalf("the first: %+v", failed)
	}
	s.Exec("UPDATE products SET stock = 50 WHERE id = ?", lamp.ID)
	first := hold(func(*sqlx.Tx) {})
	if first.Status != http.StatusCreated {
		t.Fatalf("the second first: %+v", first)
	}
	if again := placeUnder(second, u, "key", anOrder); !isReplayOf(again, first) {
		t.Errorf("again: %+v", again)
	}
	mustHold(t, s)
}

// TestIdempotencyKeyRace sends one order many times at once to two instances, each until it is answered.
func TestIdempotencyKeyRace(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	instances := []*testkit.Shop{s, testkit.NewShopOn(t, s.DB)}
	u, lamp := s.User(), s.Product("Lamp", "19.99", 100)
	for round := range 5 {
		s.Fill(u, lamp, 2)
		key := "round-" + string(rune('a'+round))
		answers := make([]testkit.Answer, 32)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() {
				for range 1000 {
					answers[i] = placeUnder(instances[i%2], u, key, anOrder)
					if answers[i].Status != http.StatusConflict || answers[i].Field("code") != "request_in_progress" {
						return
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		wg.Wait()
		firsts := 0
		for _, a := range answers {
			if a.Status != http.StatusCreated || a.Body != answers[0].Body {
				t.Errorf("answered %+v, and %+v", a, answers[0])
			}
			if a.Header.Get("Idempotent-Replayed") == "" {
				firsts++
			}
		}
		if n := s.Count("SELECT COUNT(*) FROM orders"); firsts != 1 || n != int64(round+1) || s.Stock(lamp) != 100-2*n {
			t.Fatalf("%d firsts, %d orders, stock %d", firsts, n, s.Stock(lamp))
		}
	}
	mustHold(t, s)
}

// TestIdempotencyKeyLocked asks for an answer that was given long ago while somebody else is reading it.
func TestIdempotencyKeyLocked(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp := s.User(), s.Product("Lamp", "19.99", 50)
	s.Fill(u, lamp, 2)
	first := placeUnder(s, u, "key", anOrder)
	tx, err := s.DB.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec("SELECT 1 FROM idempotency_keys FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	if again := placeUnder(s, u, "key", anOrder); !isReplayOf(again, first) {
		t.Errorf("again: %+v", again)
	}
	if other := placeUnder(s, u, "key", strings.Replace(anOrder, "UPI", "Credit Card", 1)); other.Field("code") != "idempotency_key_reused" {
		t.Errorf("another order: %+v", other)
	}
}

// TestForgetKeys removes what is older than two days and nothing else.
func TestForgetKeys(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp := s.User(), s.Product("Lamp", "19.99", 50)
	for _, key := range []string{"old", "day", "new"} {
		s.Fill(u, lamp, 1)
		if got := placeUnder(s, u, key, anOrder); got.Status != http.StatusCreated {
			t.Fatalf("%s: %+v", key, got)
		}
	}
	s.Exec("UPDATE idempotency_keys SET created_at = UTC_TIMESTAMP() - INTERVAL 49 HOUR WHERE name = 'old'")
	s.Exec("UPDATE idempotency_keys SET created_at = UTC_TIMESTAMP() - INTERVAL 25 HOUR WHERE name = 'day'")
	s.Exec(`INSERT INTO idempotency_keys (user_id, name, request, created_at)
		WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 999)
		SELECT 1, CONCAT('many-', i), '', '2026-01-01' FROM n`)
	s.Exec(`INSERT INTO idempotency_keys (user_id, name, request, created_at)
		SELECT user_id, CONCAT(name, '-too'), request, created_at FROM idempotency_keys WHERE name LIKE 'many-%'`)
	if n, err := s.Services.Orders.ForgetKeys(t.Context()); n != 2*999+1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if n := s.Count("SELECT COUNT(*) FROM idempotency_keys WHERE name IN ('day', 'new')"); n != 2 || s.Count("SELECT COUNT(*) FROM idempotency_keys") != 2 {
		t.Errorf("%d young keys are left", n)
	}
	if got := placeUnder(s, u, "day", anOrder); got.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("after a day: %+v", got)
	}
}
