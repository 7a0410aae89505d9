package service

import (
	"context"
	"encoding/base64"
	"strings"
	"unicode"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
)

// List returns the sessions that a user has, the one that was begun or refreshed last first. There are at most maxSessions.
func (s *Sessions) List(ctx context.Context, who model.Principal) ([]model.Session, error) {
	var rows []struct {
		model.Session
		Family []byte `db:"family"`
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT r.family, COALESCE(r.begun_at, r.created_at) AS created_at, r.created_at AS refreshed_at, r.expires_at, r.address, r.agent
		FROM refresh_tokens r
		JOIN users u ON u.id = r.user_id AND u.token_version = r.token_version
		WHERE r.user_id = ? AND r.spent_at IS NULL AND r.expires_at > ?
		ORDER BY r.created_at DESC, r.family DESC
		LIMIT ?`, who.UserID, now(), maxSessions)
	list := make([]model.Session, len(rows))
	for i, row := range rows {
		list[i] = row.Session
		list[i].ID = sessionName(row.Family)
		list[i].Current = list[i].ID == who.Session
	}
	return list, fail("list sessions", err)
}

// EndOne ends one of a user's sessions; NotFound if that has none of this id.
func (s *Sessions) EndOne(ctx context.Context, id string, by model.Actor) error {
	family, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(family) != security.SessionSize {
		return errNoSession
	}
	err = database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		user, err := lockCaller(ctx, tx, by)
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `
			DELETE FROM refresh_tokens
			WHERE family = ? AND user_id = ?`, family, user.ID)
		if err := mustMatch(res, err, errNoSession); err != nil || !user.IsAdmin {
			return err
		}
		return auditLogout(ctx, tx, by, false)
	})
	return fail("end session", err)
}

var errNoSession = apperr.New(apperr.NotFound, "You have no session of this id. It may have ended already.")

// maxSessions is how many sessions a user may have. Clients that do not refresh leave one behind with each login.
const maxSessions = 100

// makeRoom ends a user's oldest sessions, so that there is room for one more.
func makeRoom(ctx context.Context, tx *sqlx.Tx, userID int64) error {
	const excess = `
		SELECT family
		FROM refresh_tokens
		WHERE user_id = ? AND spent_at IS NULL
		ORDER BY created_at DESC, family DESC
		LIMIT ? OFFSET ?`
	var families [][]byte
	if err := tx.SelectContext(ctx, &families, excess, userID, 10*maxSessions, maxSessions-1); err != nil || len(families) == 0 {
		return err
	}
	if _, err := lockUser(ctx, tx, userID); err != nil {
		return err
	}
	query, args, err := sqlx.In(`
		DELETE FROM refresh_tokens
		WHERE family IN (?)`, families)
	if err == nil {
		_, err = tx.ExecContext(ctx, query, args...)
	}
	return err
}

// agentOf is what a client calls itself, as one line of text that fits its column.
func agentOf(by model.Actor) string {
	odd := func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}
	name := []rune(strings.TrimSpace(strings.Map(odd, strings.ToValidUTF8(by.Agent, "?"))))
	return string(name[:min(len(name), 255)])
}
