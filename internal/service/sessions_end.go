package service

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
)

func endSession(ctx context.Context, tx *sqlx.Tx, family []byte) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM refresh_tokens
		WHERE family = ?`, family)
	return err
}

// mustBeOpen refuses what is done in a session that has ended by now. Its user is locked.
func mustBeOpen(ctx context.Context, tx *sqlx.Tx, session string) error {
	if session == "" { // a token from before there were any
		return nil
	}
	family, err := base64.RawURLEncoding.DecodeString(session)
	if err != nil {
		return errStaleToken
	}
	var open bool
	err = tx.GetContext(ctx, &open, `
		SELECT TRUE
		FROM refresh_tokens
		WHERE family = ?
		LIMIT 1`, family)
	if errors.Is(err, sql.ErrNoRows) {
		return errStaleToken
	}
	return err
}

// endSessions ends all of a user's, and the access tokens that belong to none.
func endSessions(ctx context.Context, tx *sqlx.Tx, userID int64) error {
	res, err := tx.ExecContext(ctx, `
		UPDATE users
		SET token_version = token_version + 1
		WHERE id = ?`, userID)
	if err := mustMatch(res, err, errNoUser); err != nil {
		return err
	}
	return dropTokens(ctx, tx, userID)
}

func dropTokens(ctx context.Context, tx *sqlx.Tx, userID int64) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM refresh_tokens
		WHERE user_id = ?`, userID)
	return err
}

// End ends the session that a refresh token belongs to, spent or not; it is no error if that is over
// already. To end all of the user's, the token must be good: Unauthenticated.
func (s *Sessions) End(ctx context.Context, in model.LogoutInput, by model.Actor) error {
	if err := in.Validate(); err != nil {
		return err
	}
	var known, good bool
	refresh, err := security.ParseRefreshToken(in.RefreshToken)
	if err == nil {
		err = database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
			kept, err := findToken(ctx, tx, refresh)
			if known, good = err == nil, false; !known {
				return err
			}
			if !kept.Over && kept.isCopied(by) {
				return endCopied(ctx, tx, kept, by)
			}
			owner := by
			owner.ID = kept.UserID
			if good = !kept.Over; good && kept.IsAdmin {
				if err := auditLogout(ctx, tx, owner, in.Everywhere); err != nil {
					return err
				}
			}
			if in.Everywhere && good {
				return endSessions(ctx, tx, kept.UserID)
			}
			return endSession(ctx, tx, kept.Family)
		})
	}
	if errors.Is(err, security.ErrToken) || errors.Is(err, errStaleToken) || known && err == nil && !good {
		if !in.Everywhere {
			return nil
		}
		err = errStaleToken
	}
	return fail("log out", err)
}

func auditLogout(ctx context.Context, tx *sqlx.Tx, by model.Actor, everywhere bool) error {
	return audit(ctx, tx, by, model.AuditAdminLogout, auditUser, by.ID, nil, map[string]bool{"everywhere": everywhere})
}

// EndOf ends the session of whoever is asking, or all of the user's.
func (s *Sessions) EndOf(ctx context.Context, who model.Principal, everywhere bool, by model.Actor) error {
	family, err := base64.RawURLEncoding.DecodeString(who.Session)
	if err != nil {
		return fail("log out", fmt.Errorf("session %q: %w", who.Session, err))
	}
	err = database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		user, err := lockUser(ctx, tx, who.UserID)
		if err != nil {
			return err
		}
		all := everywhere || len(family) == 0 // an access token without a session ends in no other way
		if all {
			if err := mustBeOpen(ctx, tx, who.Session); err != nil { // else it ends those that were begun since
				return err
			}
		}
		if user.IsAdmin {
			if err := auditLogout(ctx, tx, by, all); err != nil {
				return err
			}
		}
		if all {
			return endSessions(ctx, tx, who.UserID)
		}
		return endSession(ctx, tx, family)
	})
	return fail("log out", err)
}

// lockCaller locks whoever asks. Unauthenticated if the session that they do it in has ended meanwhile, as all do when the password is
// changed: what waited for that is not done any more.
func lockCaller(ctx context.Context, tx *sqlx.Tx, by model.Actor) (model.User, error) {
	u, err := lockUser(ctx, tx, by.ID)
	if err != nil {
		return u, err
	}
	return u, mustBeOpen(ctx, tx, by.Session)
}

func lockUser(ctx context.Context, tx *sqlx.Tx, userID int64) (u model.User, err error) {
	err = tx.GetContext(ctx, &u, `
		SELECT `+userColumns+`
		FROM users
		WHERE id = ?
		FOR UPDATE`, userID)
	if errors.Is(err, sql.ErrNoRows) {
		return u, errNoUser
	}
	return u, err
}

// Forget removes the tokens of sessions that are over by the database's clock, and of which no access token is left, some at a
// time so that nobody waits for it, and returns how many there were.
func (s *Sessions) Forget(ctx context.Context) (removed int64, err error) {
	return forget(ctx, s.db, "old refresh tokens", `
		DELETE FROM refresh_tokens
		WHERE expires_at < UTC_TIMESTAMP() - INTERVAL ? SECOND
		ORDER BY expires_at
		LIMIT ?`, s.tokens.Life()/time.Second)
}
