package service

import (
	"context"
	"database/sql"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
)

// Auth registers people and tells who is asking.
type Auth struct {
	db        *sqlx.DB
	turns     *turns
	passwords *security.Passwords
	tokens    *security.Tokens
	guesses   *guesses
	sessions  *Sessions
	reserved  *reservedEmail

	bearers coalescer[Bearer, bool]
}

// account is what a login needs of a user.
type account struct {
	model.User
	PasswordHash string `db:"password_hash"`
	TokenVersion int64  `db:"token_version"`
}

const accountColumns = userColumns + ", password_hash, token_version"

// Register makes an account without rights and returns its id; EmailTaken if there is one.
func (s *Auth) Register(ctx context.Context, in model.RegisterInput, by model.Actor) (int64, error) {
	if err := s.turns.judge(ctx, by, in.Validate); err != nil {
		return 0, fail("register", err)
	}
	hash, err := hashIn(ctx, s.passwords.SlotToRegister, s.passwords, in.Password, by.Address)
	if err != nil {
		return 0, fail("register", err)
	}
	reserved, err := s.reserved.is(ctx, s.db, in.Email)
	if err != nil {
		return 0, fail("register", err)
	}
	if reserved {
		return 0, errEmailTaken
	}
	id, err := newUser(database.Exec(ctx, s.db, insertUser, in.Name, in.Email, hash, false, now()))
	return id, fail("register", err)
}

const insertUser = `
	INSERT INTO users (name, email, password_hash, is_admin, created_at)
	VALUES (?, ?, ?, ?, ?)`

// newUser returns the id that insertUser gave; EmailTaken if there is such an account.
func newUser(res sql.Result, err error) (int64, error) {
	if database.IsDuplicate(err) {
		return 0, errEmailTaken
	}
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

var errEmailTaken = apperr.New(apperr.EmailTaken, "There is already an account with this e-mail address.")

// Login checks a password and begins a session. InvalidCredentials has one text and takes one time
// for every cause. Failures are limited per account and client address, and per address: RateLimited. What admins do, or
// somebody who tries to be one, is audited.
func (s *Auth) Login(ctx context.Context, in model.LoginInput, by model.Actor) (model.Login, error) {
	if err := in.Validate(); err != nil {
		return model.Login{}, err
	}
	began := time.Now()
	a, err := s.lookUp(ctx, in.Username, by)
	if err != nil {
		return model.Login{}, fail("log in", err)
	}
	try, err := s.guesses.begin(ctx, limitKey(a), by)
	if err != nil {
		sleepUntil(ctx, began.Add(2*evenRefusal))
		return model.Login{}, fail("log in", err)
	}
	defer try.end()
	ok, err := matches(ctx, s.passwords, a.PasswordHash, in.Password, by.Address)
	if err == nil && !ok {
		if err = try.fail(ctx, by, a, model.AuditAdminRefused); err == nil {
			err = errWrongLogin
		}
		return model.Login{}, fail("log in", err)
	}
	try.giveBack()
	if err != nil {
		return model.Login{}, fail("log in", err)
	}
	s.know(by.Address, a.ID)
	login := model.Login{IsAdmin: a.IsAdmin, UserID: a.ID, Name: a.Name, Email: a.Email}
	err = database.InTx(ctx, s.db, func(tx *sqlx.Tx) (err error) {
		// As of the version of the password that was checked: a change meanwhile ends this session, too.
		if login.Token, err = s.sessions.begin(ctx, tx, a.ID, a.TokenVersion, by); err != nil || !a.IsAdmin {
			return err
		}
		by.ID = a.ID
		return audit(ctx, tx, by, model.AuditAdminLogin, auditUser, a.ID, nil, nil)
	})
	if database.IsMissingReference(err) { // deleted meanwhile
		err = errWrongLogin
	}
	if err != nil {
		return model.Login{}, fail("log in", err)
	}
	return login, nil
}

// evenRefusal is how long it takes at least to refuse one more guess once it is its turn, and half of how long it takes in all: there is more
// to ask the database about an account than about none, which many refusals, that cost no bcrypt, would tell, one by one or by how
// many there are in a second.
const evenRefusal = 20 * time.Millisecond

// sleepUntil sleeps until then, or ctx ends.
func sleepUntil(ctx context.Context, then time.Time) {
	timer := time.NewTimer(time.Until(then))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

var errWrongLogin = apperr.New(apperr.InvalidCredentials, "E-mail or password is wrong.")

// matches is Passwords.Matches in a slot of the address's.
func matches(ctx context.Context, p *security.Passwords, hash, password, address string) (bool, error) {
	release, err := p.Slot(ctx, Network(address))
	if err != nil {
		return false, err
	}
	defer release()
	return p.Matches(hash, password), nil
}

// hashPassword is Passwords.Hash in a slot of the address's.
func hashPassword(ctx context.Context, p *security.Passwords, password, address string) (string, error) {
	return hashIn(ctx, p.Slot, p, password, address)
}

func hashIn(ctx context.Context, slot func(ctx context.Context, address string) (func(), error), p *security.Passwords, password, address string) (string, error) {
	release, err := slot(ctx, Network(address))
	if err != nil {
		return "", err
	}
	defer release()
	return p.Hash(password)
}

// limitKey is an account, in whatever way its e-mail was written; no name that a client makes up is one.
func limitKey(a account) string {
	if a.ID != 0 {
		return strconv.FormatInt(a.ID, 10)
	}
	return "\x00" + a.Email
}

// lookUp finds the account that somebody wants to log in to. If there is none it has no id, and the name in small letters: the
// database's, so that two spellings are one name whether or not it is somebody's.
func (s *Auth) lookUp(ctx context.Context, username string, by model.Actor) (a account, err error) {
	var found []account
	err = s.turns.ask(ctx, by, func() error {
		return s.db.SelectContext(ctx, &found, `
			SELECT `+accountColumns+`
			FROM users
			WHERE email_key = LOWER(?)
			UNION ALL
			SELECT 0, '', LOWER(?), NULL, FALSE, '', 0`, username, username)
	})
	for _, f := range found {
		if a.ID == 0 {
			a = f
		}
	}
	return a, err
}

// findAccount returns the account of an e-mail, in any case; sql.ErrNoRows if there is none.
func findAccount(ctx context.Context, db sqlx.ExtContext, email string) (account, error) {
	var a account
	err := sqlx.GetContext(ctx, db, &a, `
		SELECT `+accountColumns+`
		FROM users
		WHERE email_key = LOWER(?)`, email)
	return a, err
}

// Bearer is what a token says of its holder; Authenticate knows whether that still holds. It is of no session if it has no family.
type Bearer struct {
	UserID int64

	version int64
	session string
	family  []byte
}

// Read returns what a token says. Unauthenticated if it is forged, expired or not one of ours.
func (s *Auth) Read(token string) (Bearer, error) {
	claims, err := s.tokens.Read(token)
	if err != nil {
		return Bearer{}, errStaleToken
	}
	b := Bearer{UserID: claims.UserID, version: claims.Version, session: claims.Session}
	if claims.Session != "" {
		if b.family, err = base64.RawURLEncoding.DecodeString(claims.Session); err != nil {
			return Bearer{}, errStaleToken
		}
	}
	return b, nil
}

// Know says that somebody who is no stranger asked from an address: with a good token, it may be that they have logged in at
// another instance, or before this one was restarted. Their turns there come sooner from now on.
func (s *Auth) Know(address string, userID int64) {
	if !s.turns.work.Knows(Network(address)) {
		s.know(address, userID)
	}
}

func (s *Auth) know(address string, userID int64) {
	s.passwords.Know(Network(address), strconv.FormatInt(userID, 10))
	s.turns.know(address, userID)
}

// Authenticate returns who a bearer is, as the database knows them now. Unauthenticated if its user is gone or has changed
// the password since, or its session is over. All of that is one question to the database, for all who ask at one time.
func (s *Auth) Authenticate(ctx context.Context, b Bearer) (model.Principal, error) {
	isAdmin, err := s.bearers.do(ctx, b)
	return model.Principal{UserID: b.UserID, IsAdmin: isAdmin, Session: b.session}, fail("authenticate", err)
}

// identify tells of each bearer whether it is an admin, or errStaleToken.
func (s *Auth) identify(ctx context.Context, calls []*call[Bearer, bool]) {
	var users, families []any
	for _, c := range calls {
		users = append(users, c.ask.UserID)
		if c.ask.family != nil {
			families = append(families, c.ask.family)
		}
	}
	query := `
		SELECT id, token_version, is_admin, NULL AS family
		FROM users
		WHERE id IN (` + rows("?", len(users)) + `)`
	if families != nil { // one token of each will do: a session has two, or hundreds if they do not name it
		query += `
		UNION ALL
		SELECT 0, 0, FALSE, f.family
		FROM (SELECT ? AS family` + strings.Repeat(" UNION ALL SELECT ?", len(families)-1) + `) f
		WHERE (SELECT TRUE FROM refresh_tokens r WHERE r.family = f.family LIMIT 1)`
	}
	var found []bearerRow
	err := s.db.SelectContext(ctx, &found, query, append(users, families...)...)
	known, open := map[int64]bearerRow{}, map[string]bool{}
	for _, row := range found {
		known[row.ID] = row
		open[string(row.Family)] = true
	}
	for _, c := range calls {
		u, ok := known[c.ask.UserID]
		switch {
		case err != nil:
			c.err = err
		case !ok || u.Version != c.ask.version || (c.ask.family != nil && !open[string(c.ask.family)]):
			c.err = errStaleToken
		default:
			c.answer, c.err = u.IsAdmin, nil
		}
	}
}

// bearerRow is a user, or a session that is open.
type bearerRow struct {
	ID      int64  `db:"id"`
	Version int64  `db:"token_version"`
	IsAdmin bool   `db:"is_admin"`
	Family  []byte `db:"family"`
}

var errStaleToken = apperr.New(apperr.Unauthenticated, "Your session has ended. Please log in again.")
