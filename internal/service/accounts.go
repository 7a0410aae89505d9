package service

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
)

// reservedEmail is the address that makes somebody an admin at the next start. Nobody else may take it:
// addresses are not verified.
type reservedEmail struct{ email string }

// is lets the database tell, by whose rules two e-mails are the same: it takes some letters for one that Go does not.
func (r *reservedEmail) is(ctx context.Context, db sqlx.QueryerContext, email string) (is bool, err error) {
	if r.email != "" {
		err = sqlx.GetContext(ctx, db, &is, `
			SELECT CAST(LOWER(?) AS BINARY) = CAST(LOWER(?) AS BINARY)`, email, r.email)
	}
	return is, err
}

// ReserveEmail keeps an address from being registered or moved to. Call it before the services are used.
func (s *Auth) ReserveEmail(email string) { s.reserved.email = strings.TrimSpace(email) }

// lockNamed locks the account of an e-mail, in any case; NotFound if there is none, EmailTaken if it only looks the same.
func lockNamed(ctx context.Context, tx *sqlx.Tx, email string) (u model.User, err error) {
	err = tx.GetContext(ctx, &u, `
		SELECT `+userColumns+`
		FROM users
		WHERE email_key = LOWER(?)
		FOR UPDATE`, email)
	if errors.Is(err, sql.ErrNoRows) {
		err = noAccount(email)
	}
	if err == nil && !strings.EqualFold(u.Email, email) { // by the database's letters it is the same, for people it is not
		err = apperr.Newf(apperr.EmailTaken, "There is an account with the e-mail address %s, which is another one.", u.Email)
	}
	return u, err
}

func noAccount(email string) error {
	return apperr.Newf(apperr.NotFound, "There is no account with the e-mail address %s.", email)
}

func setAdmin(ctx context.Context, tx *sqlx.Tx, by model.Actor, u model.User, isAdmin bool) error {
	if _, err := tx.ExecContext(ctx, `
		UPDATE users
		SET is_admin = ?
		WHERE id = ?`, isAdmin, u.ID); err != nil {
		return err
	}
	action := model.AuditAdminPromote
	if !isAdmin {
		action = model.AuditAdminDemote
	}
	return audit(ctx, tx, by, action, auditUser, u.ID, auditedRights{u.Email, u.IsAdmin}, auditedRights{u.Email, isAdmin})
}

// auditedRights is what the audit log keeps of a user whose rights change.
type auditedRights struct {
	Email   string `json:"email"`
	IsAdmin bool   `json:"is_admin"`
}

// DemoteUser takes the admin's rights from the user with this e-mail, at once, and reports whether there were any;
// NotFound if there is no such user.
func (s *Auth) DemoteUser(ctx context.Context, by model.Actor, email string) (was bool, err error) {
	err = database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		u, err := lockNamed(ctx, tx, email)
		if was = u.IsAdmin; err != nil || !was {
			return err
		}
		return setAdmin(ctx, tx, by, u, false)
	})
	return was, fail("demote user", err)
}

// EndAll ends all sessions of the user with this e-mail; NotFound if there is none.
func (s *Sessions) EndAll(ctx context.Context, by model.Actor, email string) error {
	err := database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		u, err := lockNamed(ctx, tx, email)
		if err != nil {
			return err
		}
		if err := endSessions(ctx, tx, u.ID); err != nil {
			return err
		}
		return audit(ctx, tx, by, model.AuditUserLogout, auditUser, u.ID, nil, nil)
	})
	return fail("end sessions", err)
}

// beyondVersions is more than any token version has been raised by since a backup was made: what it was raised to then is nobody's
// again.
const beyondVersions = 1_000_000

// EndEverybody ends all sessions of all users, and the access tokens that belong to none: of some users at a time, so that nobody
// waits for all, and returns how many users there were. After an error some may be left, and it can be run again.
func (s *Sessions) EndEverybody(ctx context.Context, by model.Actor) (users int64, err error) {
	err = database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		return audit(ctx, tx, by, model.AuditShopLogout, auditShop, 0, nil, nil)
	})
	for first, last := int64(0), int64(0); err == nil; first = last {
		if last, err = s.lastOfSome(ctx, first); err == nil && last == 0 {
			return users, nil
		}
		if err == nil {
			var res sql.Result
			if res, err = database.Exec(ctx, s.db, `
				UPDATE users
				SET token_version = token_version + ?
				WHERE id > ? AND id <= ?`, beyondVersions, first, last); err == nil {
				n, _ := res.RowsAffected() // never fails
				users += n
			}
		}
		if err == nil { // what is of another version is good for nothing any more, and may be a lot
			_, err = forget(ctx, s.db, "ended sessions", `
				DELETE FROM refresh_tokens
				WHERE user_id > ? AND user_id <= ? AND token_version <> (SELECT u.token_version FROM users u WHERE u.id = refresh_tokens.user_id)
				LIMIT ?`, first, last)
		}
	}
	return users, fail("end all sessions", err)
}

// lastOfSome returns the last of the next thousand users, or fewer, after one; 0 if there are none.
func (s *Sessions) lastOfSome(ctx context.Context, after int64) (last int64, err error) {
	err = s.db.GetContext(ctx, &last, `
		SELECT COALESCE(MAX(id), 0)
		FROM (
			SELECT id
			FROM users
			WHERE id > ?
			ORDER BY id
			LIMIT 1000
		) some`, after)
	return last, err
}

// SetPassword gives the user with this e-mail a new password, for somebody who has forgotten the old one, and ends all
// sessions. NotFound if there is no such user, InvalidInput if the password is not good enough.
func (s *Auth) SetPassword(ctx context.Context, by model.Actor, email, password string) error {
	a, err := findAccount(ctx, s.db, email)
	if errors.Is(err, sql.ErrNoRows) {
		return noAccount(email)
	}
	if err != nil {
		return fail("set password", err)
	}
	if err := model.CheckPassword(a.User, password); err != nil {
		return err
	}
	hash, err := hashPassword(ctx, s.passwords, password, by.Address)
	if err != nil {
		return fail("set password", err)
	}
	err = database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		u, err := lockNamed(ctx, tx, email) // whose it is now
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE users
			SET password_hash = ?
			WHERE id = ?`, hash, u.ID); err != nil {
			return err
		}
		if err := endSessions(ctx, tx, u.ID); err != nil {
			return err
		}
		return audit(ctx, tx, by, model.AuditUserPassword, auditUser, u.ID, nil, nil)
	})
	return fail("set password", err)
}
