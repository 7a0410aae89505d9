package service

import (
	"cmp"
	"context"
	"crypto/sha256"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
)

// guesses limits failed logins for an account as seen from an address, and for an address, whatever the
// account. What one instance counts in memory bounds guesses that are made at once; what is
// written with each failure tells others, and this one after a restart. Logins that succeed write nothing.
type guesses struct {
	db        *sqlx.DB
	turns     *turns
	byAccount *security.Limiter
	byAddress *security.Limiter

	// The same for a customer of IPv6's, who has many networks that count as addresses.
	byAccountOfCustomer *security.Limiter
	byCustomer          *security.Limiter
}

// How many accounts' failures one address may have, which many people can share, and how many addresses' those of one customer.
const (
	addressFactor  = 10
	customerFactor = 3
)

func newGuesses(db *sqlx.DB, logins *security.Limiter, turns *turns) *guesses {
	return &guesses{db, turns, logins, logins.Times(addressFactor), logins.Times(customerFactor), logins.Times(customerFactor * addressFactor)}
}

// try is a login under way, counted as a failure until giveBack says that it was none.
type try struct {
	*guesses
	counts []count
	end    func() // lets the next one begin
}

// count is what a failure counts for. Its name is a hash: what a client calls itself may be long, and stays in memory for a while.
type count struct {
	name string
	by   *security.Limiter
}

// countsOf are all of an account, as seen from an address, in the order in which they are written: the account goes first. Where the
// account's owner is at home, what neighbours of that network do does not count, but what is done in all homes of the account does:
// whoever has a token of its is at home in any network that they like.
func (g *guesses) countsOf(account, address string, atHome bool) []count {
	network := Network(address)
	customer := security.Customer(network)
	here, all := count{nameOf(account + "\x00" + network), g.byAccount}, count{nameOf("\x00" + network), g.byAddress}
	switch {
	case customer == network:
		return []count{here, all}
	case atHome:
		return []count{here, {nameOf(account + "\x00" + customer + "\x00home"), g.byAccountOfCustomer}, all}
	default:
		return []count{here, {nameOf(account + "\x00" + customer), g.byAccountOfCustomer}, all, {nameOf("\x00" + customer), g.byCustomer}}
	}
}

// begin waits until no other login to the account is under way from the address, so that guesses made at
// once count as well, and counts this one before the password is looked at. RateLimited if there
// were too many. How many of one customer wait there is bounded: each keeps a connection.
func (g *guesses) begin(ctx context.Context, account string, by model.Actor) (*try, error) {
	t := &try{g, g.countsOf(account, by.Address, false), nil}
	if g.byAccount.Off() {
		t.end = func() {}
		return t, nil
	}
	done, err := g.byAccount.Turn(ctx, t.counts[0].name, security.Customer(Network(by.Address)))
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err = g.turns.ask(ctx, by, func() error { return t.admit(ctx, account, by.Address) }); err != nil {
		time.Sleep(time.Until(began.Add(evenRefusal))) // whoever else waits for this, too, also where the client has hung up
		done()
		return nil, err
	}
	t.end = done
	return t, nil
}

// admit counts a login before the password is looked at; RateLimited if there were too many.
func (t *try) admit(ctx context.Context, account, address string) error {
	refused, err := t.take(ctx)
	if refused == nil || err != nil {
		return err
	}
	if home, err := t.isAtHome(ctx, account, address); err != nil || !home {
		return cmp.Or(err, refused)
	}
	t.counts = t.countsOf(account, address, true)
	refused, err = t.take(ctx)
	return cmp.Or(err, refused)
}

// isAtHome reports whether an account has a session that was last used in an address's network, which is one of IPv6's.
func (g *guesses) isAtHome(ctx context.Context, account, address string) (bool, error) {
	userID, err := strconv.ParseInt(account, 10, 64)
	if err != nil {
		userID = 0 // of nobody: to ask takes the same time
	}
	network := Network(address)
	if security.Customer(network) == network { // it makes no difference
		return false, nil
	}
	var addresses []string
	err = g.db.SelectContext(ctx, &addresses, `
		SELECT address
		FROM refresh_tokens
		WHERE user_id = ? AND spent_at IS NULL AND expires_at > ? AND address IS NOT NULL`, userID, now())
	return slices.ContainsFunc(addresses, func(a string) bool { return Network(a) == network }), err
}

// Network is the part of an address that belongs to one subscriber: with IPv6 they have 2^64 addresses each.
func Network(address string) string {
	if ip, err := netip.ParseAddr(address); err == nil && ip.Is6() && !ip.Is4In6() {
		if prefix, err := ip.WithZone("").Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return address
}

// take counts a login in all counts, or in none and says that it is refused.
func (t *try) take(ctx context.Context) (refused, err error) {
	if err := t.learn(ctx); err != nil {
		return nil, err
	}
	if wait := takeAll(t.counts); wait > 0 {
		return apperr.Retry(apperr.RateLimited, "Too many failed logins. Please wait a moment before you try again.", wait, nil), nil
	}
	return nil, nil
}

// takeAll takes one of each count, or none and returns how long to wait.
func takeAll(counts []count) (wait time.Duration) {
	for i, c := range counts {
		if wait = c.by.Take(c.name); wait > 0 {
			for _, taken := range counts[:i] {
				taken.by.GiveBack(taken.name)
			}
			return wait
		}
	}
	return 0
}

// databaseNow is the time by the clock that all instances share, in microseconds since 1970.
const databaseNow = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"

// learn reads what other instances, or this one before it was restarted, know.
func (t *try) learn(ctx context.Context) error {
	var known []struct {
		Name []byte `db:"name"`
		Left int64  `db:"time_left"`
	}
	names := make([]any, len(t.counts))
	for i, c := range t.counts {
		names[i] = []byte(c.name)
	}
	if err := t.db.SelectContext(ctx, &known, `
		SELECT name, full_until - `+databaseNow+` AS time_left
		FROM login_failures
		WHERE name IN (`+rows("?", len(names))+`)`, names...); err != nil {
		return err
	}
	for _, k := range known {
		for _, c := range t.counts {
			if c.name == string(k.Name) {
				c.by.Learn(c.name, time.Duration(k.Left)*time.Microsecond)
			}
		}
	}
	return nil
}

func nameOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return string(sum[:])
}

// giveBack says that the login was no failure.
func (t *try) giveBack() {
	for _, c := range t.counts {
		c.by.GiveBack(c.name)
	}
}

// recordTime is how long a failure may take to be written.
const recordTime = 10 * time.Second

// fail makes the failure known to all instances and, of an admin's account, audits it as the action: also of a client
// who has hung up, as one does who guesses and wants to leave no trace.
func (t *try) fail(ctx context.Context, by model.Actor, a account, action string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	return database.InTx(ctx, t.db, func(tx *sqlx.Tx) error {
		if err := t.record(ctx, tx); err != nil || !a.IsAdmin {
			return err
		}
		return audit(ctx, tx, by, action, auditUser, a.ID, nil, nil)
	})
}

// record makes the failure known to all. The account goes first, which no other login here is at: what
// waits for the address holds nothing that others of that address need.
func (t *try) record(ctx context.Context, tx *sqlx.Tx) error {
	if t.byAccount.Off() {
		return nil
	}
	for _, c := range t.counts {
		step, longest, believed := c.by.Step().Microseconds(), c.by.Longest().Microseconds(), c.by.Believed().Microseconds()
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO login_failures (name, full_until)
			VALUES (?, `+databaseNow+` + ?)
			ON DUPLICATE KEY UPDATE full_until = LEAST(`+databaseNow+` + ?,
				? + IF(full_until > `+databaseNow+` + ?, `+databaseNow+`, GREATEST(full_until, `+databaseNow+`)))`,
			[]byte(c.name), step, longest, step, believed); err != nil {
			return err
		}
	}
	return nil
}

// ForgetFailures removes limits that are not used up at all any more, and returns how many there were.
func (s *Auth) ForgetFailures(ctx context.Context) (removed int64, err error) {
	return forget(ctx, s.db, "old failed logins", `
		DELETE FROM login_failures
		WHERE full_until < `+databaseNow+`
		ORDER BY full_until
		LIMIT ?`)
}
