package handler_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"hexamart/internal/testkit"
)

// TestThinkingTakesTurns has somebody from elsewhere hold the processors: what takes one for a while waits, by address, and what
// is quickly done, or has other turns, does not.
func TestThinkingTakesTurns(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	people := []*testkit.Person{s.User(), s.User(), s.User(), s.User()} // some of whom a logout ends
	testkit.TakeAll(t, s.Services.Think)
	long := `{"` + strings.Repeat("x", 1<<10) + `": 1}`
	for i, c := range []struct {
		body     string
		waits    bool
		requests []string
	}{
		{long, true, []string{"POST /auth/register", "POST /auth/login", "POST /auth/refresh", "POST /auth/logout", "POST /cart", "PUT /cart/1",
			"POST /orders", "PUT /users/profile", "PUT /users/address", "PUT /users/change-password"}},
		{"{}", true, []string{"POST /auth/register", "PUT /users/change-password"}}, // new passwords are judged
		{"{}", false, []string{"POST /auth/login", "POST /auth/refresh", "POST /auth/logout", "POST /cart", "POST /orders"}},
		{"", false, []string{"GET /docs/postman.json", "GET /", "GET /openapi.json", "GET /errors", "GET /cart", "GET /products", "GET /healthz",
			"GET /readyz", "GET /nowhere"}},
	} {
		u := people[i]
		for _, request := range c.requests {
			t.Run(f("%d/%s", len(c.body), request), func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				method, path, _ := strings.Cut(request, " ")
				r := httptest.NewRequest(method, path, io.MultiReader(strings.NewReader(c.body))).WithContext(ctx) // of no known length
				r.Header.Set("Authorization", "Bearer "+u.Token)
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				if s.Handler.ServeHTTP(w, r); (w.Code == http.StatusServiceUnavailable) != c.waits {
					t.Errorf("status %d", w.Code)
				}
			})
		}
	}
}

// TestThinkingHoldsNoTurn has several accounts wait for a processor, who hold all turns for the database otherwise: others have theirs.
func TestThinkingHoldsNoTurn(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	var people []*testkit.Person
	for range manyTurns / 8 {
		people = append(people, s.User())
	}
	other := s.User()
	testkit.TakeAll(t, s.Services.Think)
	long := `{"` + strings.Repeat("x", 2<<10) + `": 1}`
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for _, u := range people {
		for range 8 {
			waiting.Go(func() {
				r, w := httptest.NewRequest("POST", "/cart", strings.NewReader(long)).WithContext(ctx), httptest.NewRecorder()
				r.Header.Set("Authorization", "Bearer "+u.Token)
				r.Header.Set("Content-Type", "application/json")
				s.Handler.ServeHTTP(w, r)
			})
		}
	}
	time.Sleep(300 * time.Millisecond) // until they wait
	soon, end := context.WithTimeout(t.Context(), 5*time.Second)
	defer end()
	r, w := httptest.NewRequest("GET", "/cart", nil).WithContext(soon), httptest.NewRecorder()
	r.Header.Set("Authorization", "Bearer "+other.Token)
	if s.Handler.ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
	cancel()
	waiting.Wait()
}

// TestTurnIsTakenAgain lets others have all turns for the database while a request waits for a processor: it waits for one again.
func TestTurnIsTakenAgain(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	stopThinking := testkit.TakeAll(t, s.Services.Think)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	status := make(chan int)
	go func() {
		r, w := httptest.NewRequest("PUT", "/users/address", strings.NewReader(`{"address": "Here", "padding": "`+strings.Repeat("x", 2<<10)+`"}`)).WithContext(ctx), httptest.NewRecorder()
		r.Header.Set("Authorization", "Bearer "+u.Token)
		r.Header.Set("Content-Type", "application/json")
		s.Handler.ServeHTTP(w, r)
		status <- w.Code
	}()
	time.Sleep(200 * time.Millisecond) // until it waits
	testkit.TakeAll(t, s.Services.Turn)
	stopThinking()
	if got := <-status; got != http.StatusServiceUnavailable || s.Count("SELECT COUNT(*) FROM users WHERE address = 'Here'") != 0 {
		t.Errorf("status %d", got)
	}
}
