package service_test

import (
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/security"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// TestBearersTogether asks for many tokens at one time: each is judged for itself.
func TestBearersTogether(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, admin, gone, changed, out, demoted := s.User(), s.Admin(), s.User(), s.User(), s.User(), s.Admin()
	old, err := s.Tokens.New(security.Claims{UserID: u.ID})
	if err != nil {
		t.Fatal(err)
	}
	s.Exec("DELETE FROM refresh_tokens WHERE user_id IN (?, ?)", gone.ID, out.ID)
	s.Exec("DELETE FROM users WHERE id = ?", gone.ID)
	s.Exec("UPDATE users SET token_version = 1 WHERE id = ?", changed.ID)
	s.Exec("UPDATE users SET is_admin = FALSE WHERE id = ?", demoted.ID)
	asks := []struct {
		token   string
		user    int64
		isAdmin bool
	}{
		{u.Token, u.ID, false}, {admin.Token, admin.ID, true}, {gone.Token, 0, false}, {changed.Token, 0, false},
		{out.Token, 0, false}, {old, u.ID, false}, {demoted.Token, demoted.ID, false}, {u.Token, u.ID, false},
	}
	for _, size := range []int{1, len(asks)} {
		_, _, bearers := service.Coalescers(s.Services)
		for first := 0; first < len(asks); first += size {
			together(t, bearers, size, func(i int) {
				a := asks[first+i]
				p, err := service.Authenticate(t.Context(), s.Services, a.token)
				if (a.user == 0) != (code(err) == apperr.Unauthenticated) || p.IsAdmin != a.isAdmin || (err == nil && p.UserID != a.user) {
					t.Errorf("%d of %d: %+v, %v", first+i, size, p, err)
				}
			})
		}
	}
}
