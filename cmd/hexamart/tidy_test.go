package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"hexamart/internal/testkit"
)

// TestTidy starts a shop on a database with old answers, sessions and failed logins, and young ones: the old ones go by
// themselves.
func TestTidy(t *testing.T) {
	t.Parallel()
	_, cfg := testkit.NewProxy(t, testkit.EmptyDatabase(t)) // for a server without an address of the network
	address := fmt.Sprintf("mysql://%s@%s/%s", url.UserPassword(cfg.User, cfg.Passwd), cfg.Addr, cfg.DBName)
	p := newPlace(t, "DATABASE_URL="+address, "SECRET_KEY="+testkit.SecretKey)
	if code, out := p.run("", "migrate"); code != 0 {
		t.Fatalf("migrate: exit %d, %s", code, out)
	}
	s := testkit.NewShopOn(t, testkit.Open(t, cfg, nil))
	u := s.User()
	s.Exec(`INSERT INTO idempotency_keys (user_id, name, request, created_at)
		VALUES (?, 'old', '', UTC_TIMESTAMP() - INTERVAL 3 DAY), (?, 'young', '', UTC_TIMESTAMP() - INTERVAL 1 DAY)`, u.ID, u.ID)
	s.Login(u)
	s.Exec("UPDATE refresh_tokens SET expires_at = UTC_TIMESTAMP() - INTERVAL 3 DAY ORDER BY hash LIMIT 1")
	s.Exec("INSERT INTO login_failures (name, full_until) VALUES ('old', ?), ('young', ?)", time.Now().Add(-time.Hour).UnixMicro(), time.Now().Add(time.Hour).UnixMicro())
	p.serve()
	for what, query := range map[string]string{"answer": "SELECT COUNT(*) FROM idempotency_keys WHERE name = 'old'",
		"session": "SELECT COUNT(*) FROM refresh_tokens WHERE expires_at < UTC_TIMESTAMP()", "failed login": "SELECT COUNT(*) FROM login_failures WHERE name LIKE 'old%'"} {
		p.await("the old "+what+" is gone", func() bool { return s.Count(query) == 0 })
	}
	for _, table := range []string{"idempotency_keys", "refresh_tokens", "login_failures"} {
		if n := s.Count("SELECT COUNT(*) FROM " + table); n != 1 {
			t.Errorf("%d young %s are left", n, table)
		}
	}
}

// TestCompareClocks has the database's clock ahead, and right.
func TestCompareClocks(t *testing.T) {
	t.Parallel()
	db := testkit.NewShop(t).DB
	db.SetMaxOpenConns(1) // whose clock it is
	for setting, warns := range map[string]bool{"UNIX_TIMESTAMP() + 10": true, "DEFAULT": false} {
		if _, err := db.ExecContext(t.Context(), "SET timestamp = "+setting); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		(&shop{db: db, log: slog.New(slog.NewTextHandler(&said, nil))}).compareClocks(t.Context())
		if warned := strings.Contains(said.String(), "server_ahead_by=9.") || strings.Contains(said.String(), "server_ahead_by=10"); warned != warns || !warns && said.Len() > 0 {
			t.Errorf("at %s it says %q", setting, &said)
		}
	}
}
