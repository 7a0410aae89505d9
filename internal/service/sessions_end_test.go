package service_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hexamart/internal/model"
	"hexamart/internal/security"
)

// TestLogoutTriedAgain logs out with a token that is good at the first try, which ends in a deadlock, and was spent from elsewhere at the
// second: it is a copy, and who brought it is nobody.
func TestLogoutTriedAgain(t *testing.T) {
	t.Parallel()
	s, asked := observedShop(t)
	admin := s.Admin()
	token, err := security.ParseRefreshToken(admin.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	s.Exec("CREATE TABLE much (n INT PRIMARY KEY AUTO_INCREMENT, x INT)")
	tx, err := s.DB.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	do := func(query string, args ...any) {
		t.Helper()
		if _, err := tx.ExecContext(t.Context(), query, args...); err != nil {
			t.Error(err)
		}
	}
	do("INSERT INTO much (x) VALUES " + strings.Repeat("(1), ", 999) + "(1)") // so that it is not this one that the deadlock ends
	do("UPDATE refresh_tokens SET spent_at = UTC_TIMESTAMP(), salt = REPEAT('a', 32) WHERE family = ?", token.Session())
	asked()
	ended := make(chan error, 1)
	go func() {
		ended <- s.Services.Sessions.End(t.Context(), model.LogoutInput{RefreshToken: admin.Refresh}, model.Actor{Address: "192.0.2.1"})
	}()
	audits := func(statement string) bool { return strings.HasPrefix(statement, "INSERT INTO audit_log") }
	for start := time.Now(); !slices.ContainsFunc(asked(), audits); time.Sleep(time.Millisecond) {
		if time.Since(start) > time.Minute {
			t.Fatal("it does not come to the token")
		}
	}
	do("UPDATE users SET address = 'elsewhere' WHERE id = ?", admin.ID) // whose lock the logout has, which waits for the token's
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if n := s.Count("SELECT COUNT(*) FROM refresh_tokens WHERE family = ?", token.Session()); n != 0 {
		t.Errorf("%d tokens are left", n)
	}
	var entries []string
	if err := s.DB.Select(&entries, "SELECT CONCAT(action, ' by ', COALESCE(actor_id, 'nobody')) FROM audit_log WHERE action <> 'admin.promote' AND action <> 'admin.login'"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(entries, []string{"admin.token_reused by nobody"}) {
		t.Errorf("the log has %q", entries)
	}
}
