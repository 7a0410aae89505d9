package main

import (
	"os"
	"testing"
	"time"

	"hexamart/internal/bench/fill"
	"hexamart/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// TestFill checks that a filled shop is one that HexaMart could have written itself.
func TestFill(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	if err := fill.Shop(t.Context(), s.DB, fill.Size{Products: 1_000, Orders: 200}, ""); err != nil {
		t.Fatal(err)
	}
	if wrong, err := s.Services.Admin.Verify(t.Context()); err != nil || len(wrong) > 0 {
		t.Errorf("%v %v", wrong, err)
	}
	for query, want := range map[string]int64{
		"SELECT COUNT(*) FROM products":                                1_000,
		"SELECT COUNT(DISTINCT name) FROM products":                    1_000,
		"SELECT COUNT(*) FROM orders":                                  200,
		"SELECT COUNT(*) FROM order_items":                             300,
		"SELECT COUNT(*) FROM orders WHERE user_id = 5":                fill.ReadersOrders,
		"SELECT COUNT(*) FROM carts WHERE user_id = 5":                 3,
		"SELECT COUNT(*) FROM users WHERE is_admin AND id = 1":         1,
		"SELECT COUNT(*) FROM products WHERE category = 'Category 07'": 10,
	} {
		if n := s.Count(query); n != want {
			t.Errorf("%s: %d, not %d", query, n, want)
		}
	}
}

func TestResult(t *testing.T) {
	t.Parallel()
	const text = `{"requests": 3000, "duration": 2000000, "p50": 1500, "p99": 9000, "connect": 1, "read": 2, "write": 0, "status": 4, "timeout": 8}`
	a, err := parseResult([]byte(text), 2*time.Second)
	if err != nil || a.Rate != 1500 || a.P50 != 1500*time.Microsecond || a.P99 != 9*time.Millisecond || a.Bad != 15 {
		t.Errorf("%+v %v", a, err)
	}
	if a, err := parseResult([]byte(`{"duration": 2000000}`), 2*time.Second); err != nil || a.Bad == 0 || a.P50 != 2*time.Second {
		t.Errorf("no answer at all: %+v %v", a, err)
	}
}
