package service_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
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
		return s.Services.Users.UpdateProfile(t.Context(), model.Actor{ID: p.ID}, model.ProfileInput{Name: "X", Email: email})
	}
	for _, email := range []string{"boss@example.com", "BOSS@Example.com"} {
		if err := profile(mallory, email); code(err) != apperr.EmailTaken {
			t.Errorf("moving to %s: %v", email, err)
		}
		_, err := s.Services.Auth.Register(t.Context(), model.RegisterInput{Name: "M", Email: email, Password: "thimble-9000"}, model.Actor{})
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

// TestLookalikeAdmin has an account whose e-mail is another one for people, and the same for the database: of İ it makes an i.
func TestLookalikeAdmin(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	mallory, by := s.User(), model.Actor{Command: "test"}
	const wanted, lookalike = "chief@example.com", "ch\u0130ef@example.com"
	_, err := s.Services.Auth.Register(t.Context(), model.RegisterInput{Name: "M", Email: lookalike, Password: "thimble-9000"}, model.Actor{})
	if code(err) != apperr.InvalidInput {
		t.Errorf("registering it: %v", err)
	}
	if err := s.Services.Users.UpdateProfile(t.Context(), model.Actor{ID: mallory.ID}, model.ProfileInput{Name: "M", Email: lookalike}); code(err) != apperr.InvalidInput {
		t.Errorf("moving to it: %v", err)
	}
	s.Exec("UPDATE users SET email = ?, is_admin = TRUE WHERE id = ?", lookalike, mallory.ID) // as it was before that was refused
	if s.Count("SELECT COUNT(*) FROM users WHERE email_key = ?", wanted) == 0 {
		t.Fatal("for the database it is another one, too")
	}
	if err := s.Services.Users.UpdateProfile(t.Context(), model.Actor{ID: mallory.ID}, model.ProfileInput{Name: "Mallory", Email: lookalike}); err != nil {
		t.Errorf("keeping it: %v", err)
	}
	s.Exec("DELETE FROM audit_log")
	for name, do := range map[string]func() error{
		"Promote":  func() error { return s.Services.Auth.PromoteUser(t.Context(), by, wanted) },
		"Ensure":   func() error { return s.Services.Auth.EnsureAdmin(t.Context(), by, wanted, "thimble-9000") },
		"Demote":   func() error { _, err := s.Services.Auth.DemoteUser(t.Context(), by, wanted); return err },
		"Password": func() error { return s.Services.Auth.SetPassword(t.Context(), by, wanted, "thimble-9000") },
		"EndAll":   func() error { return s.Services.Sessions.EndAll(t.Context(), by, wanted) },
	} {
		if err := do(); code(err) != apperr.EmailTaken || !strings.Contains(err.Error(), lookalike) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := s.Count("SELECT COUNT(*) FROM audit_log"); n != 0 {
		t.Errorf("%d entries", n)
	}
}

// TestSetPasswordOvertaken moves an address to somebody else while a password is set for who has it: the other's is left alone.
func TestSetPasswordOvertaken(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	direct := testkit.Open(t, cfg, nil)
	if _, err := database.Migrate(t.Context(), direct); err != nil {
		t.Fatal(err)
	}
	before, by := testkit.NewShopOn(t, direct), model.Actor{Command: "test"}
	had, has := before.User(), before.User()
	var once sync.Once
	s := testkit.NewShopOn(t, testkit.Open(t, cfg, func(_ context.Context, st database.Statement) {
		if strings.Contains(st.SQL, "password_hash") {
			once.Do(func() {
				before.Exec("UPDATE users SET email = 'elsewhere@example.com' WHERE id = ?", had.ID)
				before.Exec("UPDATE users SET email = ? WHERE id = ?", had.Email, has.ID)
			})
		}
	}))
	if err := s.Services.Auth.SetPassword(t.Context(), by, had.Email, "thimble-9000"); err != nil {
		t.Fatal(err)
	}
	for login, want := range map[model.LoginInput]apperr.Code{
		{Username: "elsewhere@example.com", Password: had.Password}: "",
		{Username: had.Email, Password: "thimble-9000"}:             "",
		{Username: had.Email, Password: has.Password}:               apperr.InvalidCredentials,
	} {
		if _, err := before.Services.Auth.Login(t.Context(), login, by); code(err) != want {
			t.Errorf("%+v: %v", login, err)
		}
	}
}

// TestHashingIsFair floods the shop from one subscriber's network: who comes from there is told to wait, and others are
// let in, for whatever needs a password.
func TestHashingIsFair(t *testing.T) {
	t.Parallel()
	const flood, here, there = "2001:db8:0:1::/64", "2001:db8:0:1::7", "2001:db8:0:2::7"
	s := testkit.NewShop(t)
	u := s.User()
	ways := map[string]func(ctx context.Context, address string) error{
		"Login": func(ctx context.Context, address string) error {
			_, err := s.Services.Auth.Login(ctx, model.LoginInput{Username: u.Email, Password: u.Password}, model.Actor{Address: address})
			return err
		},
		"LoginUnknown": func(ctx context.Context, address string) error { // takes as long as any other
			_, err := s.Services.Auth.Login(ctx, model.LoginInput{Username: "nobody@example.com", Password: u.Password}, model.Actor{Address: address})
			return err
		},
		"Register": func(ctx context.Context, address string) error {
			_, err := s.Services.Auth.Register(ctx, model.RegisterInput{Name: "A", Email: "a@example.com", Password: "thimble-9000"}, model.Actor{Address: address})
			return err
		},
		"ChangePassword": func(ctx context.Context, address string) error {
			_, err := s.Services.Users.ChangePassword(ctx, model.Actor{ID: u.ID, Address: address}, model.PasswordInput{OldPassword: u.Password, NewPassword: "thimble-9000"})
			return err
		},
	}
	leave := service.FillHashing(s.Services.Auth, func(int) string { return flood })
	for name, do := range ways {
		if name == "Register" { // waits in another line
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // for ever, if it waited
		defer cancel()
		for range 12 { // more often than may fail: these are no failures
			if err := do(ctx, here); code(err) != apperr.Unavailable || !errors.Is(err, security.ErrBusy) {
				t.Errorf("%s from the network that floods: %v", name, err)
			}
		}
	}
	for name, do := range ways {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := do(ctx, there); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s from elsewhere does not wait for a slot: %v", name, err)
		}
		cancel()
	}
	leave()
	for _, name := range []string{"Login", "Register", "ChangePassword"} {
		if err := ways[name](t.Context(), here); err != nil {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
}

// TestRegistrationsAreFair lets logins and registrations from one address wait for a processor: whoever registers elsewhere is
// served soon.
func TestRegistrationsAreFair(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	slot := service.Slot(s.Services.Auth)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var held []func()
	for {
		leave, err := slot(gone, "198.51.100.1")
		if err != nil {
			break
		}
		held = append(held, leave)
	}
	const flood, elsewhere = "198.51.100.7", "198.51.100.8"
	const logins, registrations = 20, 4
	went := make(chan string, logins+registrations+1)
	var waiting sync.WaitGroup
	for range logins {
		waiting.Go(func() {
			leave, err := slot(t.Context(), flood)
			if err != nil {
				t.Error(err)
				return
			}
			went <- flood
			time.Sleep(5 * time.Millisecond)
			leave()
		})
	}
	register := func(n int, address string) {
		waiting.Go(func() {
			in := model.RegisterInput{Name: "A", Email: fmt.Sprintf("a%d@example.com", n), Password: "thimble-9000"}
			if _, err := s.Services.Auth.Register(t.Context(), in, model.Actor{Address: address}); err != nil {
				t.Error(err)
			}
			went <- address
		})
	}
	for i := range registrations {
		register(i, flood)
	}
	time.Sleep(100 * time.Millisecond) // until they wait
	register(registrations, elsewhere)
	time.Sleep(100 * time.Millisecond)
	held[0]()
	waiting.Wait()
	for n := range logins + registrations + 1 {
		if address := <-went; address == elsewhere && n > 12 { // those from there have some turns before, and every other one is a login
			t.Errorf("it went as number %d", n)
		}
	}
	for _, leave := range held[1:] {
		leave()
	}
}

// TestKnownAddress fills the room for those who wait to log in with strangers, each from an address of its own: an address
// from which somebody has logged in before gets in all the same, and one that failed does not.
func TestKnownAddress(t *testing.T) {
	t.Parallel()
	const home, elsewhere = "198.51.100.7", "198.51.100.8"
	s := testkit.NewShop(t)
	u := s.User()
	login := func(ctx context.Context, address, password string) error {
		_, err := s.Services.Auth.Login(ctx, model.LoginInput{Username: u.Email, Password: password}, model.Actor{Address: address})
		return err
	}
	if err := login(t.Context(), home, u.Password); err != nil {
		t.Fatal(err)
	}
	if err := login(t.Context(), elsewhere, "not the password"); code(err) != apperr.InvalidCredentials {
		t.Fatal(err)
	}
	leave := service.FillHashing(s.Services.Auth, func(i int) string { return fmt.Sprint("stranger ", i) })
	defer leave()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // for ever, if it waited
	defer cancel()
	if err := login(ctx, elsewhere, u.Password); !errors.Is(err, security.ErrBusy) {
		t.Errorf("a stranger: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := login(ctx, home, u.Password); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who was here before does not wait for a slot: %v", err)
	}
}
