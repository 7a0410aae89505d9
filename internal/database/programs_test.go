package database_test

import (
	"slices"
	"strings"
	"testing"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// TestWithoutTexts leaves texts out, of which one may have a quote in it. MySQL shows that as one that ends it: then it can't be told.
func TestWithoutTexts(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"VALUES ('pay it''s users')": "VALUES (  )",
		"VALUES ('pay it's users')":  "VALUES ('pay it's users')",
		"SELECT `a` FROM b -- 'c'":   "SELECT `a` FROM b -- 'c'",
		"SELECT `a'b`, 'users'":      "SELECT `a'b` ,  ",
	} {
		if got := database.WithoutTexts(sql); got != want {
			t.Errorf("%s: got %q, want %q", sql, got, want)
		}
	}
}

// TestAdoptPrograms refuses a database whose triggers and events may get at the shop's tables, and only names those that
// write elsewhere.
func TestAdoptPrograms(t *testing.T) {
	t.Parallel()
	const audit, later = "CREATE TABLE audit (id INT AUTO_INCREMENT PRIMARY KEY, who VARCHAR(255))", " ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' "
	for name, c := range map[string]struct {
		statements []string
		refused    string // "" for an adoption
		warned     string
	}{
		"Admin":   {[]string{"CREATE TRIGGER own BEFORE INSERT ON users FOR EACH ROW SET NEW.is_admin = 1"}, "the trigger own of users may change what HexaMart writes", ""},
		"Carts":   {[]string{"CREATE TRIGGER own BEFORE INSERT ON carts FOR EACH ROW SET NEW.quantity = 1"}, "the trigger own of carts may change what HexaMart writes", ""},
		"After":   {[]string{"CREATE TRIGGER own AFTER INSERT ON orders FOR EACH ROW UPDATE `Users` SET is_admin = 1"}, "the trigger own of orders may change what HexaMart writes", ""},
		"Routine": {[]string{audit, "CREATE PROCEDURE promote() UPDATE users SET is_admin = 1", "CREATE TRIGGER own AFTER INSERT ON orders FOR EACH ROW CALL promote()"}, "the trigger own of orders may change", ""},
		"Function": {[]string{audit, "CREATE FUNCTION promoted() RETURNS INT DETERMINISTIC READS SQL DATA RETURN (SELECT MAX(is_admin) FROM users)",
			"CREATE TRIGGER own AFTER INSERT ON orders FOR EACH ROW INSERT INTO audit (who) VALUES (Promoted())"}, "the trigger own of orders may change", ""},
		"BetweenTexts": {[]string{audit, `CREATE TRIGGER own AFTER INSERT ON orders FOR EACH ROW INSERT INTO audit (who) VALUES (CONCAT("'", (SELECT COUNT(*) FROM users), "'"))`}, "the trigger own of orders may change", ""},
		"OnlyNamed": {[]string{audit, "CREATE PROCEDURE p() SELECT 1", "CREATE TRIGGER own AFTER INSERT ON orders FOR EACH ROW INSERT INTO `audit` (who) VALUES ('pay its users orders')"},
			"", "the trigger own of orders runs after each row that is added there: see what it does (SHOW CREATE TRIGGER `own`)"},
		"Stock": {[]string{"CREATE TRIGGER own AFTER INSERT ON orders FOR EACH ROW UPDATE products SET stock = stock - 1"}, "the trigger own of orders seems to take stock", ""},
		"Delete": {[]string{audit, "CREATE TRIGGER own AFTER DELETE ON carts FOR EACH ROW INSERT INTO audit (who) VALUES ('x')"},
			"the trigger own of carts would run when rows are adopted", ""},
		"Audit": {[]string{audit, "CREATE TRIGGER `own one` AFTER INSERT ON users FOR EACH ROW INSERT INTO audit (who) VALUES (NEW.email)"}, "",
			"the trigger \"own one\" of users runs after each row that is added there: see what it does (SHOW CREATE TRIGGER `own one`)"},
		"Elsewhere":     {[]string{audit, "CREATE TRIGGER own BEFORE UPDATE ON audit FOR EACH ROW SET NEW.who = 'users'"}, "", ""},
		"Event":         {[]string{"CREATE EVENT own" + later + "DO UPDATE users SET is_admin = 1"}, "the event own may change the shop's tables at any time", ""},
		"DisabledEvent": {[]string{"CREATE EVENT own" + later + "DISABLE DO UPDATE users SET is_admin = 1"}, "", "the event own is disabled: see what it does (SHOW CREATE EVENT `own`)"},
		"OtherEvent":    {[]string{audit, "CREATE EVENT own" + later + "DO DELETE FROM audit"}, "", "the event own is enabled: see what it does (SHOW CREATE EVENT `own`)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testkit.EmptyDatabase(t)
			load(t, cfg, append(legacy(t), c.statements...))
			db := testkit.Open(t, cfg, nil)
			if c.refused != "" {
				if got := strings.Split(refusal(t, db), "\n  ")[1:]; len(got) != 1 || !strings.HasPrefix(got[0], c.refused) {
					t.Errorf("got %q", got)
				}
				return
			}
			for _, check := range []bool{true, false} {
				a, err := database.Adopt(t.Context(), db, database.AdoptOptions{Check: check})
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(a.Warnings, "\n"); got != c.warned {
					t.Errorf("check %t: got %q", check, got)
				}
			}
		})
	}
}

// TestPrograms finds what others have made the server do in a shop, and nothing in a new one.
func TestPrograms(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	names := func() (list []string) {
		programs, err := database.Programs(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range programs {
			list = append(list, p.String()+": "+p.Moment+", "+p.Show())
		}
		return list
	}
	if got := names(); len(got) > 0 {
		t.Errorf("a new shop has %q", got)
	}
	run(t, db, "CREATE TRIGGER own BEFORE INSERT ON refresh_tokens FOR EACH ROW SET NEW.expires_at = '2099-01-01 00:00:00'")
	run(t, db, "CREATE TRIGGER `e\x1b[31m` AFTER UPDATE ON users FOR EACH ROW SET @x = 1")
	run(t, db, "CREATE EVENT own ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO UPDATE users SET is_admin = 1")
	want := []string{"the trigger own of refresh_tokens: BEFORE INSERT, SHOW CREATE TRIGGER `own`", `the trigger "e\x1b[31m" of users: AFTER UPDATE, ` + "SHOW CREATE TRIGGER `e\\x1b[31m`",
		"the event own: ENABLED, SHOW CREATE EVENT `own`"}
	if got := names(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
