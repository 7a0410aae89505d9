package main

import (
	"fmt"
	"net/url"
	"testing"

	"hexamart/internal/testkit"
)

// TestTidy starts a shop on a database with an old answer and a young one: the old one goes by itself.
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
	p.serve()
	p.await("the old answer is gone", func() bool { return s.Count("SELECT COUNT(*) FROM idempotency_keys WHERE name = 'old'") == 0 })
	if n := s.Count("SELECT COUNT(*) FROM idempotency_keys"); n != 1 {
		t.Errorf("%d young answers are left", n)
	}
}
