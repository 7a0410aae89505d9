package service_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hexamart/internal/apperr"
	"hexamart/internal/security"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// TestRefusalsAreEven refuses more guesses after too many, which costs no bcrypt: that takes a while whether or not there is the
// account, also for those who wait while others are refused.
func TestRefusalsAreEven(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	for _, email := range []string{u.Email, "nobody@example.com"} {
		for range 10 {
			guess(t, s, email, "wrong", "2001:db8:1::1")
		}
		for _, together := range []int{1, 5} {
			began := time.Now()
			var wg sync.WaitGroup
			for range together {
				wg.Go(func() {
					if got := guess(t, s, email, "wrong", "2001:db8:1::1"); got != apperr.RateLimited {
						t.Errorf("%s: %s", email, got)
					}
				})
			}
			wg.Wait()
			if took := time.Since(began); took < time.Duration(max(2, together))*service.EvenRefusal {
				t.Errorf("%s: %d refused after %v", email, together, took)
			}
		}
	}
}

// TestRefusalsAskTheSame refuses guesses from a network of IPv6: the database is asked the same whether or not there is the account.
func TestRefusalsAskTheSame(t *testing.T) {
	t.Parallel()
	s, asked := observedShop(t)
	const here = "2001:db8:1::1"
	var of [2][]string
	for i, email := range []string{s.User().Email, "nobody@example.com"} {
		for range 10 {
			guess(t, s, email, "wrong", here)
		}
		asked()
		if got := guess(t, s, email, "wrong", here); got != apperr.RateLimited {
			t.Fatalf("%s: %s", email, got)
		}
		of[i] = asked()
	}
	if !slices.Equal(of[0], of[1]) {
		t.Errorf("about an account %q, about none %q", of[0], of[1])
	}
}

// TestLoginsWaitByCustomer has one customer of IPv6 log in again and again from two networks, to ten accounts in which a login is under way: no more
// than a hundred wait, of all of them. Others do.
func TestLoginsWaitByCustomer(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	name, network := func(i int) string { return fmt.Sprintf("nobody%d@example.com", i%10) }, func(i int) string { return fmt.Sprintf("2001:db8:1:%d::1", i%2) }
	hold := func(i int, address string) {
		t.Helper()
		end, err := service.BeginLogin(ctx, s.Services.Auth, name(i), address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(end)
	}
	const elsewhere = "2001:db8:2::1"
	for i := range 10 {
		hold(i, network(i))
	}
	hold(0, elsewhere)
	const most, more = 100, 20
	ended := make(chan error, most+more)
	for i := range most + more {
		go func() {
			_, err := service.BeginLogin(ctx, s.Services.Auth, name(i), network(i))
			ended <- err
		}()
	}
	for range more {
		if err := <-ended; !errors.Is(err, security.ErrBusy) {
			t.Errorf("one more: %v", err)
		}
	}
	brief, over := context.WithTimeout(ctx, 20*time.Millisecond)
	defer over()
	if _, err := service.BeginLogin(brief, s.Services.Auth, name(0), elsewhere); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("somebody else: %v", err)
	}
	cancel()
	for range most {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("one that waits: %v", err)
		}
	}
}
