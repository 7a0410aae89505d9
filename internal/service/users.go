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
	"hexamart/internal/security"
)

// Users are people's own accounts.
type Users struct {
	db        *sqlx.DB
	turns     *turns
	passwords *security.Passwords
	guesses   *guesses
	sessions  *Sessions
	reserved  *reservedEmail
	emails    *emailChanges
}

const userColumns = "id, name, email, address, is_admin"

var errNoUser = apperr.New(apperr.Unauthenticated, "This account does not exist any more.")

// Get returns a user.
func (s *Users) Get(ctx context.Context, userID int64) (model.User, error) {
	var u model.User
	err := s.db.GetContext(ctx, &u, `
		SELECT `+userColumns+`
		FROM users
		WHERE id = ?`, userID)
	if errors.Is(err, sql.ErrNoRows) {
		return u, errNoUser
	}
	return u, fail("get user", err)
}

// UpdateProfile changes the caller's name and e-mail, and the address if the input has one; EmailTaken if the
// e-mail is somebody else's, and RateLimited after some changes of the e-mail: else one could ask of thousands who has an account.
func (s *Users) UpdateProfile(ctx context.Context, by model.Actor, in model.ProfileInput) error {
	if err := in.Validate(); err != nil {
		if u, unknown := s.Get(ctx, by.ID); unknown != nil || in.ValidateFor(u) != nil {
			return err
		}
	}
	counted := false // as a change of the e-mail, however often the transaction is tried
	err := database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		was, err := lockCaller(ctx, tx, by)
		if err != nil {
			return err
		}
		if !counted && !strings.EqualFold(was.Email, in.Email) {
			if err := s.emails.take(by); err != nil {
				return err
			}
			counted = true
		}
		reserved, err := s.reserved.is(ctx, tx, in.Email)
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `
			UPDATE users
			SET name = ?, email = ?, address = IF(?, ?, address)
			WHERE id = ? AND (email_key = LOWER(?) OR NOT ?)`,
			in.Name, in.Email, in.Address.Set, in.Address.Value, was.ID, in.Email, reserved)
		if database.IsDuplicate(err) {
			return errEmailTaken
		}
		if err := mustMatch(res, err, errEmailTaken); err != nil || !was.IsAdmin {
			return err
		}
		return audit(ctx, tx, by, model.AuditAdminProfile, auditUser, was.ID, auditedUser{was.Name, was.Email}, auditedUser{in.Name, in.Email})
	})
	if counted && err != nil && !errors.Is(err, errEmailTaken) {
		s.emails.giveBack(by)
	}
	return fail("update profile", err)
}

// auditedUser is what the audit log keeps of a user.
type auditedUser struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// UpdateAddress changes the caller's address; "" removes it.
func (s *Users) UpdateAddress(ctx context.Context, by model.Actor, in model.AddressInput) error {
	if err := in.Validate(); err != nil {
		return err
	}
	if *in.Address == "" { // by the collation more than that is empty
		in.Address = nil
	}
	err := database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		if _, err := lockCaller(ctx, tx, by); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE users
			SET address = ?
			WHERE id = ?`, in.Address, by.ID)
		return err
	})
	return fail("update address", err)
}

// ChangePassword sets the caller's new password, ends all sessions and tokens, and begins a new session.
// InvalidInput if the old password is wrong, which counts as a failed login: RateLimited.
func (s *Users) ChangePassword(ctx context.Context, by model.Actor, in model.PasswordInput) (model.Token, error) {
	if err := s.turns.judge(ctx, by, in.Validate); err != nil {
		return model.Token{}, fail("change password", err)
	}
	a, hash, err := s.checkPasswords(ctx, by, in)
	if err != nil {
		return model.Token{}, fail("change password", err)
	}
	var token model.Token
	err = database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		// Only over the version that was checked: of two changes at once one wins and the other is told.
		res, err := tx.ExecContext(ctx, `
			UPDATE users
			SET password_hash = ?, token_version = token_version + 1
			WHERE id = ? AND token_version = ?`, hash, a.ID, a.TokenVersion)
		if err := mustMatch(res, err, errStaleToken); err != nil {
			return err
		}
		if err := mustBeOpen(ctx, tx, by.Session); err != nil { // it took a while
			return err
		}
		if err := dropTokens(ctx, tx, a.ID); err != nil {
			return err
		}
		if a.IsAdmin {
			if err := audit(ctx, tx, by, model.AuditAdminPassword, auditUser, a.ID, nil, nil); err != nil {
				return err
			}
		}
		token, err = s.sessions.begin(ctx, tx, a.ID, a.TokenVersion+1, by)
		return err
	})
	return token, fail("change password", err)
}

// checkPasswords judges the old password and the new one, and returns whose they are and the new one's hash.
func (s *Users) checkPasswords(ctx context.Context, by model.Actor, in model.PasswordInput) (a account, hash string, err error) {
	err = s.turns.ask(ctx, by, func() error {
		return s.db.GetContext(ctx, &a, `
			SELECT `+accountColumns+`
			FROM users
			WHERE id = ?`, by.ID)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return a, "", errNoUser
	}
	if err != nil {
		return a, "", err
	}
	if err := s.turns.judge(ctx, by, func() error { return in.ValidateFor(a.User) }); err != nil {
		return a, "", err
	}
	if err := s.checkOldPassword(ctx, by, a, in.OldPassword); err != nil {
		return a, "", err
	}
	hash, err = hashPassword(ctx, s.passwords, in.NewPassword, by.Address)
	return a, hash, err
}

// checkOldPassword is as careful as a login: whoever found a token could guess the password here otherwise.
func (s *Users) checkOldPassword(ctx context.Context, by model.Actor, a account, password string) error {
	try, err := s.guesses.begin(ctx, limitKey(a), by)
	if err != nil {
		return err
	}
	defer try.end()
	ok, err := matches(ctx, s.passwords, a.PasswordHash, password, by.Address)
	if err != nil || ok {
		try.giveBack()
		return err
	}
	if err := try.fail(ctx, by, a, model.AuditWrongPassword); err != nil {
		return err
	}
	return apperr.Invalid([]apperr.Field{apperr.BadField("old_password", "is wrong")})
}

// mustMatch turns a write that matched no row into missing.
func mustMatch(res sql.Result, err, missing error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return missing
	}
	return err
}
