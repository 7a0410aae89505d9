package service_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/security"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// guess logs in from an address and returns the error's code.
func guess(t *testing.T, s *testkit.Shop, email, password, address string) apperr.Code {
	t.Helper()
	_, err := s.Services.Auth.Login(t.Context(), model.LoginInput{Username: email, Password: password}, model.Actor{Address: address})
	return code(err)
}

// TestLoginLimitIsShared fails at one instance as often as is allowed: another one, and one that was
// restarted, allow no more, until time has passed.
func TestLoginLimitIsShared(t *testing.T) {
	t.Parallel()
	first := testkit.NewShop(t)
	u, other := first.User(), first.User()
	const here, there = "198.51.100.1", "198.51.100.2"
	second := testkit.NewShopOn(t, first.DB)
	for i := range 10 {
		if got := guess(t, []*testkit.Shop{first, second}[i%2], u.Email, "wrong", here); got != apperr.InvalidCredentials {
			t.Fatalf("guess %d: %s", i, got)
		}
	}
	for name, s := range map[string]*testkit.Shop{"first": first, "second": second, "restarted": testkit.NewShopOn(t, first.DB)} {
		if got := guess(t, s, u.Email, u.Password, here); got != apperr.RateLimited {
			t.Errorf("%s: got %q", name, got)
		}
		if got := guess(t, s, u.Email, u.Password, there) + guess(t, s, other.Email, other.Password, here); got != "" {
			t.Errorf("%s: others are locked out: %q", name, got)
		}
	}
	// As if a step had passed: the shopper gets in with the right password, however often somebody failed.
	first.Exec("UPDATE login_failures SET full_until = full_until - ?", (7 * time.Minute).Microseconds())
	if got := guess(t, testkit.NewShopOn(t, first.DB), u.Email, u.Password, here); got != "" {
		t.Errorf("a step later: %q", got)
	}
}

// TestLoginLimitClocks fails once, and finds what a clock that was a day ahead, or a longer limit, has left of it: nobody is
// locked out by that, and from the next failure on all is as ever.
func TestLoginLimitClocks(t *testing.T) {
	t.Parallel()
	first := testkit.NewShop(t)
	u, other := first.User(), first.User()
	const here = "198.51.100.1"
	guess(t, first, u.Email, "wrong", here)
	first.Exec("UPDATE login_failures SET full_until = full_until + ?", (24 * time.Hour).Microseconds())
	s := testkit.NewShopOn(t, first.DB)
	if got := guess(t, s, u.Email, u.Password, here) + guess(t, s, other.Email, other.Password, here); got != "" {
		t.Errorf("somebody is locked out: %q", got)
	}
	for i := range 11 {
		if got := guess(t, s, u.Email, "wrong", here); (got == apperr.RateLimited) != (i == 10) {
			t.Errorf("guess %d: %s", i, got)
		}
	}
	if got := guess(t, testkit.NewShopOn(t, first.DB), u.Email, u.Password, here); got != apperr.RateLimited {
		t.Errorf("after a restart: %q", got)
	}
}

// TestLoginLimitIsByTheDatabase moves the database's clock: what an instance writes and reads goes by that, which all share.
func TestLoginLimitIsByTheDatabase(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	s.DB.SetMaxOpenConns(1) // whose clock it is
	const here, hours = "198.51.100.1", 50
	s.Exec("SET timestamp = UNIX_TIMESTAMP() + ?", hours*3600)
	for i := range 11 {
		if got := guess(t, s, u.Email, "wrong", here); (got == apperr.RateLimited) != (i == 10) {
			t.Errorf("guess %d: %s", i, got)
		}
	}
	if n := s.Count("SELECT COUNT(*) FROM login_failures WHERE full_until > ?", time.Now().Add((hours-1)*time.Hour).UnixMicro()); n != 2 {
		t.Errorf("%d rows are of the database's time", n)
	}
	again := testkit.NewShopOn(t, s.DB)
	if got := guess(t, again, u.Email, u.Password, here); got != apperr.RateLimited {
		t.Errorf("after a restart: %q", got)
	}
	if n, err := s.Services.Auth.ForgetFailures(t.Context()); n != 0 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	s.Exec("SET timestamp = UNIX_TIMESTAMP() + ?", 2*3600)
	if n, err := s.Services.Auth.ForgetFailures(t.Context()); n != 2 || err != nil {
		t.Errorf("two hours later: forgot %d, %v", n, err)
	}
}

// TestLoginLimitAddress tries one password on many accounts, that exist and that don't, from one address,
// and from what is one subscriber's with IPv6.
func TestLoginLimitAddress(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(i int) string{
		"IPv4": func(int) string { return "198.51.100.1" },
		"IPv6": func(i int) string { return fmt.Sprintf("2001:db8:0:1::%x", i) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			u := s.User()
			got := atOnce(110, func(i int) error { // more at once than one after the other may fail
				email := fmt.Sprintf("nobody%d@example.com", i)
				_, err := s.Services.Auth.Login(t.Context(), model.LoginInput{Username: email, Password: "wrong"}, model.Actor{Address: address(i)})
				for code(err) == apperr.Unavailable { // too many at once for the processors
					time.Sleep(time.Millisecond)
					_, err = s.Services.Auth.Login(t.Context(), model.LoginInput{Username: email, Password: "wrong"}, model.Actor{Address: address(i)})
				}
				return err
			})
			if got[apperr.InvalidCredentials] != 100 || got[apperr.RateLimited] != 10 {
				t.Errorf("answers were %v", got)
			}
			again := testkit.NewShopOn(t, s.DB)
			if got := guess(t, again, u.Email, u.Password, address(7)); got != apperr.RateLimited {
				t.Errorf("after a restart: %q", got)
			}
			for _, elsewhere := range []string{"198.51.100.2", "2001:db8:0:2::1"} {
				if got := guess(t, again, u.Email, u.Password, elsewhere); got != "" {
					t.Errorf("from %s: %q", elsewhere, got)
				}
			}
		})
	}
}

// TestLoginLimitNeighbours goes on guessing at one account when it is limited: what is refused does not use up the
// address, which others share.
func TestLoginLimitNeighbours(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, neighbour := s.User(), s.User()
	const here = "198.51.100.1"
	for i := range 150 {
		if got := guess(t, s, u.Email, "wrong", here); i < 10 && got != apperr.InvalidCredentials || i >= 10 && got != apperr.RateLimited {
			t.Fatalf("guess %d: %q", i, got)
		}
	}
	if got := guess(t, s, neighbour.Email, neighbour.Password, here); got != "" {
		t.Errorf("somebody else at the same address: %s", got)
	}
}

// TestLoginLimitCustomer guesses from all networks that one customer of IPv6's has, at two instances: three addresses' guesses are all.
// The account is let in where its owner has logged in before.
func TestLoginLimitCustomer(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	instances := []*testkit.Shop{s, testkit.NewShopOn(t, s.DB)}
	u, other := s.User(), s.User()
	const home = "2001:db8:7:aa::1"
	if got := guess(t, s, u.Email, u.Password, home); got != "" {
		t.Fatal(got)
	}
	judged := 0
	for i := range 60 {
		switch got := guess(t, instances[i%2], u.Email, "wrong", fmt.Sprintf("2001:db8:7:%x::1", i/5)); got {
		case apperr.InvalidCredentials:
			judged++
		case apperr.RateLimited:
		default:
			t.Fatalf("guess %d: %q", i, got)
		}
	}
	if judged < 30 || judged > 31 { // one may grow back meanwhile
		t.Errorf("%d guesses were judged", judged)
	}
	for address, want := range map[string]apperr.Code{"2001:db8:7:ff::1": apperr.RateLimited, home: "", "2001:db8:8:1::1": "", "198.51.100.1": ""} {
		if got := guess(t, s, u.Email, u.Password, address); got != want {
			t.Errorf("the right password from %s: %q", address, got)
		}
	}
	if got := guess(t, s, other.Email, other.Password, "2001:db8:7:ff::1"); got != "" {
		t.Errorf("a neighbour's own account: %q", got)
	}
	restarted := testkit.NewShopOn(t, s.DB)
	for address, want := range map[string]apperr.Code{"2001:db8:7:ff::1": apperr.RateLimited, "2001:db8:7:aa::2": ""} {
		if got := guess(t, restarted, u.Email, u.Password, address); got != want {
			t.Errorf("the right password from %s at an instance that has seen nobody: %q", address, got)
		}
	}
	counted := 0
	for i := range 400 { // at many accounts
		_, err := service.LimitKeys(t.Context(), s.Services.Auth, fmt.Sprintf("nobody%d@example.com", i), fmt.Sprintf("2001:db8:9:%x::1", i/60))
		if err == nil {
			counted++
		}
	}
	if counted < 300 || counted > 390 { // five grow back in a second
		t.Errorf("%d tries at many accounts were let in", counted)
	}
}

// TestLoginLimitAtHomes has an account at home in many networks of one customer of IPv6's, as whoever found its token can: all together
// they have as many guesses as three addresses, once as strangers and once at home, also those of the old password.
func TestLoginLimitAtHomes(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	const home = "2001:db8:7:%x::1"
	for i := range 20 {
		if got := guess(t, s, u.Email, u.Password, fmt.Sprintf(home, i)); got != "" {
			t.Fatal(got)
		}
	}
	judged := 0
	for i := range 160 {
		address := fmt.Sprintf(home, i%20)
		got := guess
		if i%2 == 0 {
			got = func(t *testing.T, s *testkit.Shop, _, password, address string) apperr.Code {
				t.Helper()
				_, err := s.Services.Users.ChangePassword(t.Context(), model.Actor{ID: u.ID, Address: address}, model.PasswordInput{OldPassword: password, NewPassword: "thimble and lamp"})
				if apperr.Is(err, apperr.InvalidInput) {
					return apperr.InvalidCredentials
				}
				if apperr.Is(err, apperr.RateLimited) {
					return apperr.RateLimited
				}
				t.Fatal(err)
				return ""
			}
		}
		if got(t, s, u.Email, "wrong", address) == apperr.InvalidCredentials {
			judged++
		}
	}
	if judged < 60 || judged > 62 { // some may grow back meanwhile
		t.Errorf("%d guesses were judged", judged)
	}
}

// TestLoginLimitCrowd has a customer's neighbours fail with many accounts, at the homes of these, until no stranger is let in there:
// who is at home is.
func TestLoginLimitCrowd(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	const home, network = "2001:db8:7:ff::1", "2001:db8:7:%x::1"
	if got := guess(t, s, u.Email, u.Password, home); got != "" {
		t.Fatal(got)
	}
	crowd := make([]*testkit.Person, 66)
	for i := range crowd {
		crowd[i] = s.User()
		if got := guess(t, s, crowd[i].Email, crowd[i].Password, fmt.Sprintf(network, i)); got != "" {
			t.Fatal(got)
		}
	}
	for i, p := range crowd {
		for range 10 {
			guess(t, s, p.Email, "wrong", fmt.Sprintf(network, i))
		}
	}
	if got := guess(t, s, u.Email, u.Password, home); got != "" {
		t.Errorf("at home: %q", got)
	}
	if got := guess(t, s, "nobody@example.com", "wrong", "2001:db8:7:fe::1"); got != apperr.RateLimited {
		t.Errorf("a stranger: %q", got)
	}
}

// TestLoginLimitCost checks that only failures are written, no address and no e-mail with them, and that they go.
func TestLoginLimitCost(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	for range 3 {
		guess(t, s, u.Email, u.Password, "198.51.100.1")
	}
	if n := s.Count("SELECT COUNT(*) FROM login_failures"); n != 0 {
		t.Errorf("%d rows after logins that succeeded", n)
	}
	guess(t, s, u.Email, "wrong", "198.51.100.1")
	guess(t, s, "nobody@example.com", "wrong", "198.51.100.1")
	if n := s.Count("SELECT COUNT(*) FROM login_failures WHERE LENGTH(name) = 32 AND name NOT LIKE '%nobody%'"); n != 3 {
		t.Errorf("%d rows after two failures", n)
	}
	if n, err := s.Services.Auth.ForgetFailures(t.Context()); n != 0 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	s.Exec("UPDATE login_failures SET full_until = full_until - ?", time.Hour.Microseconds())
	if n, err := s.Services.Auth.ForgetFailures(t.Context()); n != 3 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
}

// TestLoginLimitNames logs in under names that are made up: none of them counts for an account whose number it is,
// and however long they are, what is remembered of them is short.
func TestLoginLimitNames(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	const here = "198.51.100.1"
	for range 10 {
		if got := guess(t, s, strconv.FormatInt(u.ID, 10), "wrong", here); got != apperr.InvalidCredentials {
			t.Fatalf("a number: %s", got)
		}
	}
	if got := guess(t, s, u.Email, "wrong", here); got != apperr.InvalidCredentials {
		t.Errorf("the account of that number: %s", got)
	}
	keys, err := service.LimitKeys(t.Context(), s.Services.Auth, strings.Repeat("x", 1<<20), here)
	if err != nil || len(keys) > 100 {
		t.Errorf("%d bytes are kept of a long name, %v", len(keys), err)
	}
}

// TestLoginLimitSpellings goes on guessing under another spelling of a name, which the database takes for the same or not, but for
// those of accounts and others alike.
func TestLoginLimitSpellings(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	for i, spellings := range [][2]string{{"stra\u00dfe", "stra\u1e9ee"}, {"andr\u00e9", "ANDR\u00c9"}, {"ann", "ANN"}, {"\U00010428x", "\U00010400x"}, {"\u03c3x", "\u03a3x"}} {
		var got [2]apperr.Code
		for j, domain := range []string{"@known.example", "@nowhere.example"} {
			if j == 0 {
				u := s.User()
				s.Exec("UPDATE users SET email = ? WHERE id = ?", spellings[0]+domain, u.ID)
			}
			here := fmt.Sprintf("198.51.%d.%d", i, j)
			for range 11 {
				guess(t, s, spellings[0]+domain, "wrong", here)
			}
			got[j] = guess(t, s, spellings[1]+domain, "wrong", here)
		}
		if got[0] != got[1] {
			t.Errorf("%q: %v", spellings, got)
		}
	}
}

// TestChangePasswordLimit guesses the old password with a token that was found: that counts as failed logins do,
// and together with them.
func TestChangePasswordLimit(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	const here, there = "198.51.100.1", "198.51.100.2"
	change := func(old, address string) apperr.Code {
		_, err := s.Services.Users.ChangePassword(t.Context(), model.Actor{ID: u.ID, Address: address},
			model.PasswordInput{OldPassword: old, NewPassword: "another one"})
		return code(err)
	}
	for i := range 9 {
		if got := change("wrong", here); got != apperr.InvalidInput {
			t.Fatalf("guess %d: %s", i, got)
		}
	}
	if got := guess(t, s, u.Email, "wrong", here); got != apperr.InvalidCredentials {
		t.Fatalf("the tenth, at the login: %s", got)
	}
	if got := change(u.Password, here) + " " + guess(t, s, u.Email, u.Password, here); got != apperr.RateLimited+" "+apperr.RateLimited {
		t.Errorf("after ten: %s", got)
	}
	again := testkit.NewShopOn(t, s.DB)
	if got := guess(t, again, u.Email, u.Password, here); got != apperr.RateLimited {
		t.Errorf("after a restart: %q", got)
	}
	if got := change(u.Password, there); got != "" {
		t.Errorf("from elsewhere: %s", got)
	}
}

// TestLoginLimitHungUp guesses an admin's password and hangs up while it is compared: the failure is written all the same.
func TestLoginLimitHungUp(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin := s.Admin()
	slow := service.New(s.DB, security.NewPasswords(12), s.Tokens, security.NewLimiter(10, time.Hour), testkit.SessionLife)
	if err := slow.Auth.SetPassword(t.Context(), model.Actor{Command: "test"}, admin.Email, admin.Password); err != nil {
		t.Fatal(err)
	}
	written := func() (failures, entries int64) {
		return s.Count("SELECT COUNT(*) FROM login_failures"), s.Count("SELECT COUNT(*) FROM audit_log WHERE action = 'admin.login_failed'")
	}
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(try)*40*time.Millisecond) // a hash takes longer
		_, err := slow.Auth.Login(ctx, model.LoginInput{Username: admin.Email, Password: "wrong"}, model.Actor{Address: "198.51.100.1"})
		hungUp := ctx.Err() != nil
		cancel()
		if failures, entries := written(); failures == 2 && entries > 0 && hungUp {
			return
		} else if try == 6 || !hungUp {
			t.Fatalf("%d limits and %d entries after %d guesses, hung up: %t, %v", failures, entries, try, hungUp, err)
		}
	}
}
