package handler_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// countedShop returns a shop and how many statements read products so far.
func countedShop(t *testing.T) (*testkit.Shop, *atomic.Int64) {
	t.Helper()
	var reads atomic.Int64
	cfg := testkit.EmptyDatabase(t)
	db := testkit.Open(t, cfg, func(_ context.Context, s database.Statement) {
		if strings.HasPrefix(s.SQL, "SELECT id, name, price") {
			reads.Add(1)
		}
	})
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return testkit.NewShopOn(t, db), &reads
}

// TestPageKept reads a page that is asked for again from memory, and never one that has changed.
func TestPageKept(t *testing.T) {
	t.Parallel()
	s, reads := countedShop(t)
	u, admin, lamp := s.User(), s.Admin(), s.Product("Lamp", "19.99", 100)
	get := func() string { return s.Do(nil, "GET", "/products", "").Body }
	for range 3 {
		get() // twice it was not known yet that it would be asked for again
	}
	start, n := time.Now(), reads.Load()
	for range 20 {
		get()
	}
	if more := reads.Load() - n; time.Since(start) < 500*time.Millisecond && more > 1 {
		t.Errorf("20 answers took %d reads", more)
	}
	for i, write := range []func(){
		func() { s.Order(u, lamp, 1) },
		func() { s.Do(u, "POST", "/orders/1/cancel", "") },
		func() { s.Do(admin, "PATCH", "/products/1", `{"price": "20.99"}`) },
		func() { s.Do(admin, "PUT", "/products/1", `{"name":"Torch","price":"1","category":"Home","stock":3}`) },
		func() { s.Do(admin, "POST", "/products", `{"name":"Mug","price":"1","category":"Home","stock":3}`) },
		func() { s.Do(admin, "DELETE", "/products/1", "") },
	} {
		before := get()
		write()
		if after := get(); after == before {
			t.Errorf("write %d does not show in the next read: %s", i, after)
		}
	}
}

// TestPageFromElsewhere waits for a write that this instance knows nothing of.
func TestPageFromElsewhere(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	other := testkit.NewShopOn(t, s.DB)
	admin, lamp := s.Admin(), s.Product("Lamp", "19.99", 100)
	for i, write := range []func(){
		func() { other.Do(admin, "PATCH", "/products/1", `{"price": "20.99"}`) },
		func() { s.Exec("UPDATE products SET name = 'Torch' WHERE id = ?", lamp.ID) },
	} {
		var before string
		for range 3 {
			before = s.Do(nil, "GET", "/products", "").Body
		}
		write()
		time.Sleep(1100 * time.Millisecond) // what is promised is a second
		if after := s.Do(nil, "GET", "/products", "").Body; after == before {
			t.Errorf("write %d does not show after a second: %s", i, after)
		}
	}
}

// TestPageAtOnce lets many ask at once for what nobody has read yet: it is read a few times, not each time.
func TestPageAtOnce(t *testing.T) {
	t.Parallel()
	s, reads := countedShop(t)
	for i := range 100 {
		s.Product(fmt.Sprint("Lamp ", i), "19.99", 100)
	}
	for _, path := range []string{"/products", "/products?sort_by=newest", "/products?search=lamp"} {
		n := reads.Load()
		start := make(chan struct{})
		var asking sync.WaitGroup
		for range 200 {
			asking.Go(func() {
				<-start
				if got := s.Do(nil, "GET", path, ""); got.Status != http.StatusOK || !strings.Contains(got.Body, "Lamp 0") && !strings.Contains(got.Body, "Lamp 99") {
					t.Errorf("%s: %+v", path, got)
				}
			})
		}
		close(start)
		asking.Wait()
		if more := reads.Load() - n; more > 20 {
			t.Errorf("%s: 200 answers took %d reads", path, more)
		}
	}
}

// TestPageClientGone lets the client leave for whom a page is read that others wait for, too.
func TestPageClientGone(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.Product("Lamp", "19.99", 100)
	for range 10 {
		ctx, leave := context.WithCancel(t.Context())
		var asking sync.WaitGroup
		asking.Go(func() {
			r := httptest.NewRequestWithContext(ctx, "GET", "/products?search=lamp", nil)
			s.Handler.ServeHTTP(httptest.NewRecorder(), r)
		})
		for range 20 {
			asking.Go(func() {
				if got := s.Do(nil, "GET", "/products?search=lamp", ""); got.Status != http.StatusOK {
					t.Errorf("%+v", got)
				}
			})
		}
		leave()
		asking.Wait()
		s.API.Routes() // forgets what was kept
	}
}
