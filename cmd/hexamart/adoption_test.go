package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"hexamart/internal/testkit"
)

// TestMigrateNamesWhatIsLeft prints what stays as it is, in a check and in an adoption, and gives the terminal no orders.
func TestMigrateNamesWhatIsLeft(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db := testkit.Open(t, cfg, nil)
	db.SetMaxOpenConns(1) // the sample turns the check of foreign keys off for one connection
	sample, err := os.ReadFile("../../internal/database/testdata/legacy-hexamart.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(strings.Split(string(sample), ";\n"), "UPDATE users SET password_hash = REPLACE(password_hash, '$12$', '$31$'), email = 'ben\x1b[2J@example.com' WHERE id = 2",
		"CREATE TABLE audit (who VARCHAR(255))", "CREATE TRIGGER own AFTER INSERT ON users FOR EACH ROW INSERT INTO audit VALUES (NEW.email)") {
		if strings.TrimSpace(s) == "" {
			continue
		}
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	p := newPlace(t, "DATABASE_URL="+databaseURL(cfg), "SECRET_KEY="+testkit.SecretKey)
	for _, args := range [][]string{{"migrate", "--check"}, {"migrate"}} {
		code, out := p.run("", args...)
		lines := strings.Split(out, "\n")
		i := slices.Index(lines, "Left as it is, and yours to look at:")
		if code != 0 || i < 0 || len(lines) < i+3 || strings.Contains(out, "\x1b") {
			t.Fatalf("%s: exit %d, %q", args, code, out)
		}
		if want := "  the trigger own of users runs after each row"; !strings.HasPrefix(lines[i+1], want) {
			t.Errorf("%s: %q, want %q", args, lines[i+1], want)
		}
		if want := `  user 2 ("ben\x1b[2J@example.com") can't log in until hexamart password sets a new password`; !strings.HasPrefix(lines[i+2], want) {
			t.Errorf("%s: %q, want %q", args, lines[i+2], want)
		}
	}
}
