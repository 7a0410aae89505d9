package handler_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"hexamart/internal/testkit"
)

// TestRefreshLost loses the connection around each command of a refresh in turn. The client asks again
// with the token that it has, and ends with one that is good.
func TestRefreshLost(t *testing.T) {
	t.Parallel()
	for name, cut := range cuts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy := cutShop(t)
			u := s.User()
			for at := int64(1); ; at++ {
				var seen atomic.Int64
				proxy.Decide(func(string) testkit.Cut {
					if seen.Add(1) == at {
						return cut
					}
					return testkit.NoCut
				})
				a := s.Do(nil, "POST", "/auth/refresh", refreshBody(u))
				for tries := 1; a.Status == http.StatusServiceUnavailable && tries < 20; tries++ {
					a = s.Do(nil, "POST", "/auth/refresh", refreshBody(u))
				}
				proxy.Decide(nil)
				if a.Status != http.StatusOK {
					t.Fatalf("cut at %d: %+v", at, a)
				}
				u.Token, u.Refresh = a.Field("access_token").(string), a.Field("refresh_token").(string)
				send(t, s, step{u, "GET /users/profile", "", 200, nil})
				if n := s.Count("SELECT COUNT(*) FROM refresh_tokens WHERE spent_at IS NULL"); n != 1 {
					t.Fatalf("cut at %d: %d good tokens", at, n)
				}
				if seen.Load() < at {
					if at < 6 {
						t.Errorf("only %d commands were seen", at)
					}
					break
				}
			}
		})
	}
}
