package service

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
)

// Sessions are what logins begin: a family of refresh tokens, of which one at a time is good, and the
// access tokens that come with them. All of a session ends when it is logged out of or one of its spent
// tokens comes back, and all of a user's with the token version. Whatever spends a token or
// ends a session holds the user's row locked.
type Sessions struct {
	db     *sqlx.DB
	tokens *security.Tokens
	life   time.Duration
}

// refreshGrace is how long a spent token still gets its successor: for two pages of one browser that
// refresh at once, and for an answer that was lost and is asked for again. It is longer than a request may take.
const refreshGrace = 30 * time.Second

// mostUnnamed is how often a session of before tokens named theirs is refreshed at most: all that it spends is kept.
const mostUnnamed = 1000

// keptToken is a row of refresh_tokens: that of a token, or, if that is Forgotten, another one of its session. NextIsGood says of a spent
// one that its successor is not spent yet, Over that its session is too old, or its user's token version is another by now.
type keptToken struct {
	Forgotten  bool      `db:"forgotten"`
	Family     []byte    `db:"family"`
	Generation int64     `db:"generation"`
	UserID     int64     `db:"user_id"`
	Version    int64     `db:"token_version"`
	Salt       []byte    `db:"salt"`
	SpentAgo   *int64    `db:"spent_ago"` // seconds, by the database's clock, which is the same for all instances
	ExpiresAt  time.Time `db:"expires_at"`
	BegunAt    time.Time `db:"begun_at"` // of the session
	NextIsGood bool      `db:"next_is_good"`
	Address    *string   `db:"address"`
	Agent      *string   `db:"agent"`
	Over       bool      `db:"-"`
	IsAdmin    bool      `db:"-"`
}

// begin starts a session for a user as of a token version, and returns its first tokens.
func (s *Sessions) begin(ctx context.Context, tx *sqlx.Tx, userID, version int64, by model.Actor) (model.Token, error) {
	if err := makeRoom(ctx, tx, userID); err != nil {
		return model.Token{}, err
	}
	refresh := security.NewRefreshToken()
	// An access token that lives longer must not die with a session that nobody knows of.
	at := now()
	kept := keptToken{Family: refresh.Session(), UserID: userID, Version: version, BegunAt: at, ExpiresAt: at.Add(max(s.life, s.tokens.Life()))}
	if err := keepToken(ctx, tx, kept, refresh, by, at); err != nil {
		return model.Token{}, err
	}
	return s.answer(kept, refresh)
}

func keepToken(ctx context.Context, tx *sqlx.Tx, k keptToken, refresh security.RefreshToken, by model.Actor, at time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO refresh_tokens (family, generation, hash, user_id, token_version, created_at, expires_at, begun_at, address, agent)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULLIF(?, ''), NULLIF(?, ''))`,
		k.Family, k.Generation, refresh.Hash(), k.UserID, k.Version, at, k.ExpiresAt, k.BegunAt, by.Address, agentOf(by))
	return err
}

func (s *Sessions) answer(k keptToken, refresh security.RefreshToken) (model.Token, error) {
	access, err := s.tokens.New(security.Claims{UserID: k.UserID, Version: k.Version, Session: sessionName(k.Family), Ends: k.ExpiresAt})
	left := k.ExpiresAt.Sub(now())
	return model.Token{
		AccessToken: access, TokenType: "bearer", ExpiresIn: int64(min(left, s.tokens.Life()).Seconds()),
		RefreshToken: refresh.String(), RefreshExpiresIn: int64(left.Seconds()),
	}, err
}

func sessionName(family []byte) string { return base64.RawURLEncoding.EncodeToString(family) }

// Refresh spends a refresh token for a new one with a fresh access token. The same token again gets the
// same successor for a moment; later, or after that was spent as well, it must have been copied, and the
// session ends. Unauthenticated if it is not good.
func (s *Sessions) Refresh(ctx context.Context, in model.RefreshInput, by model.Actor) (model.Token, error) {
	if err := in.Validate(); err != nil {
		return model.Token{}, err
	}
	refresh, err := security.ParseRefreshToken(in.RefreshToken)
	if err != nil {
		return model.Token{}, errStaleToken
	}
	var answer model.Token
	var copied bool
	err = database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		kept, err := findToken(ctx, tx, refresh)
		if err == nil && (kept.Over || refresh.Session() == nil && kept.Generation >= mostUnnamed) {
			err = errStaleToken
		}
		if err != nil {
			return err
		}
		if copied = kept.isCopied(by); copied {
			return endCopied(ctx, tx, kept, by)
		}
		if kept.SpentAgo == nil {
			kept.Salt = make([]byte, 32)
			_, _ = rand.Read(kept.Salt) // never fails
			if err := spend(ctx, tx, kept, refresh.Next(kept.Salt), by); err != nil {
				return err
			}
		}
		answer, err = s.answer(kept, refresh.Next(kept.Salt))
		return err
	})
	if err == nil && copied {
		err = errStaleToken
	}
	return answer, fail("refresh", err)
}

// owner is whose token it is, 0 if nobody's.
func (s *Sessions) owner(ctx context.Context, refresh security.RefreshToken) (userID int64, err error) {
	family, err := familyOf(ctx, s.db, refresh)
	if err == nil {
		err = s.db.GetContext(ctx, &userID, `
			SELECT user_id
			FROM refresh_tokens
			WHERE family = ?
			LIMIT 1`, family)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return userID, err
}

// familyOf is the name of a token's session; sql.ErrNoRows if it names none, and is forgotten.
func familyOf(ctx context.Context, db sqlx.QueryerContext, refresh security.RefreshToken) (family []byte, err error) {
	if family = refresh.Session(); family != nil {
		return family, nil
	}
	err = sqlx.GetContext(ctx, db, &family, `
		SELECT family
		FROM refresh_tokens
		WHERE hash = ?`, refresh.Hash())
	return family, err
}

// findToken locks the user whose token it is and reads what is kept of it, or of any other one of its session. errStaleToken if it is of no session.
func findToken(ctx context.Context, tx *sqlx.Tx, refresh security.RefreshToken) (k keptToken, err error) {
	var user account
	family, err := familyOf(ctx, tx, refresh)
	if err == nil {
		err = tx.GetContext(ctx, &user, `
			SELECT is_admin, token_version
			FROM users
			WHERE id = (SELECT user_id FROM refresh_tokens WHERE family = ? LIMIT 1)
			FOR UPDATE`, family)
	}
	if err == nil {
		err = tx.GetContext(ctx, &k, `
			SELECT r.hash <> ? AS forgotten, r.family, r.generation, r.user_id, r.token_version, r.salt,
				TIMESTAMPDIFF(SECOND, r.spent_at, UTC_TIMESTAMP()) AS spent_ago, r.expires_at,
				COALESCE(r.begun_at, r.created_at) AS begun_at, n.family IS NOT NULL AS next_is_good, n.address, n.agent
			FROM refresh_tokens r
			LEFT JOIN refresh_tokens n ON n.family = r.family AND n.generation = r.generation + 1 AND n.spent_at IS NULL
			WHERE r.family = ?
			ORDER BY forgotten
			LIMIT 1`, refresh.Hash(), family)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return k, errStaleToken
	}
	k.IsAdmin = user.IsAdmin
	k.Over = k.Version != user.TokenVersion || !k.ExpiresAt.After(now())
	return k, err
}

// isCopied reports whether the token was spent too long ago for whoever has it to be the one who spent it, or from
// another network or by another program.
func (k keptToken) isCopied(by model.Actor) bool {
	return k.Forgotten || k.SpentAgo != nil && (!k.NextIsGood || k.Salt == nil || *k.SpentAgo > int64(refreshGrace/time.Second) ||
		k.Address != nil && (Network(*k.Address) != Network(by.Address) || k.agent() != agentOf(by))) // or nobody knows where it was spent
}

// agent is the program that spent the token; it may have had no name.
func (k keptToken) agent() string {
	if k.Agent == nil {
		return ""
	}
	return *k.Agent
}

// spend exchanges a token for its successor. Of those before nothing is kept where they name their session.
func spend(ctx context.Context, tx *sqlx.Tx, k keptToken, next security.RefreshToken, by model.Actor) error {
	// On a cluster the session may have been ended on another node, where the lock on the user does not count.
	res, err := tx.ExecContext(ctx, `
		UPDATE refresh_tokens
		SET spent_at = UTC_TIMESTAMP(), salt = ?, address = NULL, agent = NULL
		WHERE family = ? AND generation = ?`, k.Salt, k.Family, k.Generation)
	if err := mustMatch(res, err, errStaleToken); err != nil {
		return err
	}
	if err := forgetSpent(ctx, tx, k, next.Session() != nil); err != nil {
		return err
	}
	k.Generation++
	return keepToken(ctx, tx, k, next, by, now())
}

// forgetSpent forgets the tokens before the one that was spent just now; of a session that they do not name, what leads to their successors.
func forgetSpent(ctx context.Context, tx *sqlx.Tx, k keptToken, named bool) (err error) {
	switch {
	case k.Generation == 0:
	case named:
		_, err = tx.ExecContext(ctx, `
			DELETE FROM refresh_tokens
			WHERE family = ? AND generation < ?`, k.Family, k.Generation)
	default:
		_, err = tx.ExecContext(ctx, `
			UPDATE refresh_tokens
			SET salt = NULL
			WHERE family = ? AND generation = ?`, k.Family, k.Generation-1)
	}
	return err
}

// endCopied ends a session of which somebody has a copied token: nobody knows who of both is asking.
func endCopied(ctx context.Context, tx *sqlx.Tx, k keptToken, by model.Actor) error {
	if err := endSession(ctx, tx, k.Family); err != nil || !k.IsAdmin {
		return err
	}
	by.ID = 0 // whoever's access token came along
	return audit(ctx, tx, by, model.AuditTokenReused, auditUser, k.UserID, nil, nil)
}
