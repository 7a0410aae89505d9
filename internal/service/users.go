package service

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
)

// Users are people's own accounts.
type Users struct {
	db        *sqlx.DB
	passwords *security.Passwords
	tokens    *security.Tokens
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

// UpdateProfile changes name and e-mail, and the address if the input has one; EmailTaken if the
// e-mail is somebody else's.
func (s *Users) UpdateProfile(ctx context.Context, userID int64, in model.ProfileInput) error {
	if err := in.Validate(); err != nil {
		return err
	}
	res, err := database.Exec(ctx, s.db, `
		UPDATE users
		SET name = ?, email = ?, address = IF(?, ?, address)
		WHERE id = ?`, in.Name, in.Email, in.Address.Set, in.Address.Value, userID)
	if database.IsDuplicate(err) {
		return errEmailTaken
	}
	return fail("update profile", mustMatch(res, err, errNoUser))
}

// UpdateAddress changes the address; "" removes it.
func (s *Users) UpdateAddress(ctx context.Context, userID int64, in model.AddressInput) error {
	if err := in.Validate(); err != nil {
		return err
	}
	res, err := database.Exec(ctx, s.db, `
		UPDATE users
		SET address = NULLIF(?, '')
		WHERE id = ?`, in.Address, userID)
	return fail("update address", mustMatch(res, err, errNoUser))
}

// ChangePassword sets a new password, ends all tokens given out before, and returns a fresh one.
// InvalidInput if the old password is wrong.
func (s *Users) ChangePassword(ctx context.Context, userID int64, in model.PasswordInput) (model.Token, error) {
	if err := in.Validate(); err != nil {
		return model.Token{}, err
	}
	version, err := s.setPassword(ctx, userID, in)
	if err != nil {
		return model.Token{}, fail("change password", err)
	}
	token, err := newToken(s.tokens, security.Claims{UserID: userID, Version: version})
	return token, fail("change password", err)
}

// setPassword returns the user's new token version.
func (s *Users) setPassword(ctx context.Context, userID int64, in model.PasswordInput) (version int64, err error) {
	var a account
	err = s.db.GetContext(ctx, &a, `
		SELECT `+accountColumns+`
		FROM users
		WHERE id = ?`, userID)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errNoUser
	}
	if err != nil {
		return 0, err
	}
	if err := in.ValidateFor(a.User); err != nil {
		return 0, err
	}
	ok, err := matches(ctx, s.passwords, a.PasswordHash, in.OldPassword)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, apperr.Invalid([]apperr.Field{apperr.BadField("old_password", "is wrong")})
	}
	hash, err := hashPassword(ctx, s.passwords, in.NewPassword)
	if err != nil {
		return 0, err
	}
	// Only over the version that was checked: of two changes at once one wins and the other is told.
	res, err := database.Exec(ctx, s.db, `
		UPDATE users
		SET password_hash = ?, token_version = token_version + 1
		WHERE id = ? AND token_version = ?`, hash, userID, a.TokenVersion)
	return a.TokenVersion + 1, mustMatch(res, err, errStaleToken)
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
