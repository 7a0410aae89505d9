package service_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// TestReservedEmail keeps the address that makes an admin at the next start for whoever has it.
func TestReservedEmail(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	boss, mallory := s.User(), s.User()
	s.Services.Auth.ReserveEmail("Boss@example.com")
	profile := func(p *testkit.Person, email string) error {
		return s.Services.Users.UpdateProfile(t.Context(), p.ID, model.ProfileInput{Name: "X", Email: email})
	}
	for _, email := range []string{"boss@example.com", "BOSS@Example.com"} {
		if err := profile(mallory, email); code(err) != apperr.EmailTaken {
			t.Errorf("moving to %s: %v", email, err)
		}
		_, err := s.Services.Auth.Register(t.Context(), model.RegisterInput{Name: "M", Email: email, Password: "thimble-9000"})
		if code(err) != apperr.EmailTaken {
			t.Errorf("registering %s: %v", email, err)
		}
	}
	s.Exec("UPDATE users SET email = 'boss@example.com' WHERE id = ?", boss.ID)
	if err := profile(boss, "Boss@example.com"); err != nil {
		t.Errorf("who has it keeps it: %v", err)
	}
	if err := profile(mallory, "other@example.com"); err != nil {
		t.Errorf("another address: %v", err)
	}
}

// TestRegistrationsLeaveRoom fills all turns to register: one more waits, and stops with its caller, logins go on, and
// where too many wait the answer comes at once.
func TestRegistrationsLeaveRoom(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	register := func(ctx context.Context, n int) error {
		_, err := s.Services.Auth.Register(ctx, model.RegisterInput{Name: "A", Email: fmt.Sprintf("a%d@example.com", n), Password: "thimble-9000"})
		return err
	}
	leave := service.FillRegistrations(s.Services.Auth, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := register(ctx, 1); code(err) != apperr.Unavailable {
		t.Errorf("beyond all turns: %v", err)
	}
	s.Login(u)
	leave()
	leave = service.FillRegistrations(s.Services.Auth, 64)
	if err := register(t.Context(), 2); code(err) != apperr.Unavailable { // it would wait for ever
		t.Errorf("beyond all who wait: %v", err)
	}
	leave()
	if err := register(t.Context(), 3); err != nil {
		t.Error(err)
	}
}
