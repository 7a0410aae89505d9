package database

import (
	"context"
	"fmt"
	"strings"
)

// aHash is a regular expression of a hash of bcrypt's, with the cost's digits left open. The shop spends no more than a cost of
// 15 on a login: each step takes twice the time of the one before, and the last ones days.
const aHash = "^[$]2[^$]?[$]%s[$][./A-Za-z0-9]{53}$"

// oddities are SELECTs of rows, like obstacles, that are adopted as they are.
var oddities = []obstacle{
	{"orders with a total below zero", "SELECT id FROM orders WHERE total_price < 0", "they stay, and hexamart verify names them"},
	{"order items with a price below zero, or of no pieces", "SELECT id FROM order_items WHERE price < 0 OR quantity < 1", "they stay, and hexamart verify names them"},
	{"users whose e-mail begins or ends with a tab or the like", `
		SELECT id
		FROM users
		WHERE TRIM(CONVERT(email USING utf8mb4)) REGEXP '^[[:space:]]|[[:space:]]$'`, "they can't log in until it is taken away"},
}

// findWarnings notes what stops nothing and should be known: odd rows, whose password is lost, and what this user may not see.
func (a *adopter) findWarnings(ctx context.Context) error {
	var users []struct {
		ID    int64  `db:"id"`
		Email string `db:"email"`
		Cost  string `db:"cost"` // "" of what is not bcrypt's
	}
	query := fmt.Sprintf(`
		SELECT id, TRIM(CONVERT(email USING utf8mb4)) AS email, IF(hash REGEXP '`+aHash+`', SUBSTRING(hash, LOCATE('$', hash, 2) + 1, 2), '') AS cost
		FROM (
			SELECT id, email, CONVERT(password_hash USING utf8mb4) AS hash
			FROM users
		) u
		WHERE hash NOT REGEXP '`+aHash+`' OR CHAR_LENGTH(hash) > 60
		ORDER BY id`, "[0-9]{2}", "(0[4-9]|1[0-5])")
	if err := a.db.SelectContext(ctx, &users, query); err != nil {
		return err
	}
	for _, u := range users {
		what := "is no hash of bcrypt's"
		if u.Cost != "" {
			what = "is a hash of bcrypt's of cost " + u.Cost + ", and HexaMart takes 4 to 15"
		}
		a.warnings = append(a.warnings, fmt.Sprintf("user %d (%q) can't log in until hexamart password sets a new password: what is stored %s", u.ID, u.Email, what))
	}
	for _, o := range oddities {
		text, err := o.find(ctx, a, 0)
		if err != nil {
			return err
		}
		if text != "" {
			a.warnings = append(a.warnings, text)
		}
	}
	return a.noteUnseen(ctx)
}

// noteUnseen says so where a trigger or an event could be there and nobody would know.
func (a *adopter) noteUnseen(ctx context.Context) error {
	lent, err := a.db.Connx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = lent.Close() }()
	var f Facts
	if err := f.readRights(ctx, lent); err != nil {
		return err
	}
	if len(f.Unseen) > 0 {
		a.warnings = append(a.warnings, "the database's user may not see triggers and events (it lacks "+strings.Join(f.Unseen, ", ")+"): "+
			"look for them as an administrator, with SHOW TRIGGERS and SHOW EVENTS")
	}
	return nil
}
