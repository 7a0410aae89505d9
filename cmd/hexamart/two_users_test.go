package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// servingUser returns the README's statements that make the user who only serves the shop, for a database of this name.
func servingUser(t *testing.T, name, password string) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	own := strings.NewReplacer(" ON hexamart.", " ON "+name+".", "'...'", "'"+password+"'")
	return strings.Split(own.Replace(strings.Join(regexp.MustCompile(`(?m)^    (?:CREATE USER|GRANT .* TO) hexamart_serve@.*$`).FindAllString(string(text), -1), "\n")), "\n")
}

// TestTwoUsers serves a shop as the README's user without the rights to migrate, and with none to change the audit log.
func TestTwoUsers(t *testing.T) {
	t.Parallel()
	// A server of its own: on another one the tests may have no right to make users.
	server, err := database.StartServer(t.Context(), database.ServerOptions{Mode: database.ServerScratch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	cfg, err := database.CreateDatabase(t.Context(), server.Config(), "shop_two_users")
	if err != nil {
		t.Fatal(err)
	}
	db := testkit.Open(t, cfg, nil)
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	exec := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	serving := cfg.Clone()
	serving.User, serving.Passwd = "hexamart_serve", "T0tally-random"
	statements := servingUser(t, cfg.DBName, serving.Passwd)
	for _, s := range statements {
		exec(s)
	}
	t.Cleanup(func() { _, _ = db.Exec("DROP USER hexamart_serve@'%'") })
	p := newPlace(t, "DATABASE_URL="+databaseURL(serving), "SECRET_KEY="+randomKey)
	useShop(p)
	if code, out := p.run("", "doctor"); code != 0 || !strings.Contains(out, "ok    rights") || !strings.Contains(out, "it may only add to audit_log") {
		t.Errorf("exit %d, %s", code, out)
	}
	for _, s := range rewriteLog(t, testkit.Open(t, serving, nil)) {
		t.Errorf("the audit log can be changed: %s", s)
	}
	exec("REVOKE UPDATE ON carts FROM hexamart_serve@'%'")
	if code, out := p.run("", "doctor"); code != 1 || !strings.Contains(out, "lacks UPDATE on carts\n") || !strings.Contains(out, "GRANT UPDATE ON <the database>.carts TO") {
		t.Errorf("exit %d, %s", code, out)
	}
	exec("GRANT UPDATE, ALTER ON carts TO hexamart_serve@'%'")
	exec("GRANT DROP ON audit_log TO hexamart_serve@'%'")
	if _, out := p.run("", "doctor"); !strings.Contains(out, "warn  rights       this user may not change entries of audit_log, but DROP can") {
		t.Error(out)
	}
	exec(fmt.Sprintf("DELETE FROM goose_db_version WHERE version_id = %d", database.LatestVersion()))
	if code, out := p.run("", "serve"); code != 1 || !strings.Contains(out, "denied") {
		t.Errorf("serve with a migration pending: exit %d, %s", code, out)
	}
	if code, out := p.run("", "doctor"); code != 1 || !strings.Contains(out, "this user can't migrate it") {
		t.Errorf("exit %d, %s", code, out)
	}
}

// useShop does what shoppers and admins do, and wants nothing in the log of the shop that is not as usual.
func useShop(p *place) {
	p.t.Helper()
	for _, c := range []struct{ stdin, args string }{{"", "migrate"}, {"", "seed"}, {"long enough to be one\n", "admin boss@example.com"}, {"", "verify"}} {
		if code, out := p.run(c.stdin, strings.Fields(c.args)...); code != 0 {
			p.t.Errorf("hexamart %s: exit %d, %s", c.args, code, out)
		}
	}
	proc := p.serve()
	ann := p.shopper("ann")
	id := ann.order()
	ann.want(200, "POST", fmt.Sprintf("/orders/%d/cancel", id), "", nil)
	id = ann.order()
	ann.want(200, "PUT", "/users/profile", `{"name":"Ann B","email":"ann@example.com"}`, nil)
	ann.want(401, "POST", "/auth/login", `{"email":"ann@example.com","password":"not this one"}`, nil)
	ann.want(200, "POST", "/cart", `{"product_id":2,"quantity":3}`, nil)
	ann.want(200, "PUT", "/cart/2/decrease", "", nil)
	ann.want(200, "PUT", "/cart/2", `{"quantity":0}`, nil)
	boss := p.login("boss@example.com", "long enough to be one")
	boss.want(200, "PUT", fmt.Sprintf("/orders/%d/status", id), `{"status":"Shipped"}`, nil)
	boss.want(200, "PATCH", "/products/1", `{"stock_delta":5}`, nil)
	boss.want(200, "DELETE", "/products/3", "", nil)
	boss.want(200, "GET", "/admin/dashboard", "", nil)
	boss.want(200, "GET", "/admin/audit", "", nil)
	for _, c := range []*client{ann, boss} {
		c.want(200, "POST", "/auth/logout", "{}", nil)
	}
	if code := p.stop(proc, syscall.SIGTERM); code != 0 || regexp.MustCompile(`level=(WARN|ERROR)|denied`).MatchString(proc.out.String()) {
		p.t.Errorf("exit %d, %s", code, proc.out)
	}
}

// rewriteLog tries ways to change or remove what is in the audit log, and returns those that were not denied.
func rewriteLog(t *testing.T, db *sqlx.DB) (done []string) {
	t.Helper()
	for _, s := range []string{
		"UPDATE audit_log SET actor_id = 4711",
		"DELETE FROM audit_log",
		"TRUNCATE TABLE audit_log",
		"REPLACE INTO audit_log (id, action, object_type, object_id, created_at) VALUES (1, 'x', 'x', 1, NOW())",
		"INSERT INTO audit_log (id, action, object_type, object_id, created_at) VALUES (1, 'x', 'x', 1, NOW()) ON DUPLICATE KEY UPDATE action = 'y'",
		"ALTER TABLE audit_log DROP COLUMN actor_id",
		"RENAME TABLE audit_log TO away",
		"DROP TABLE audit_log",
		"CREATE TABLE audit_copy LIKE audit_log",
		"CREATE TRIGGER own BEFORE INSERT ON audit_log FOR EACH ROW SET NEW.actor_id = 4711",
		"DROP DATABASE shop_two_users",
	} {
		if _, err := db.Exec(s); err == nil || !regexp.MustCompile("denied|privilege").MatchString(err.Error()) {
			done = append(done, fmt.Sprintf("%s: %v", s, err))
		}
	}
	return done
}
