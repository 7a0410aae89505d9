// Package security holds the parts of authentication that are not the shop's own: password hashes,
// tokens and the limit on guessing.
package security

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

// PasswordCost is bcrypt's cost for new hashes: about a quarter of a second of one core.
const PasswordCost = 12

// MaxCost is bcrypt's cost of the hashes that are looked at: eight times the work of a new one. Who can write to the database, or
// wrote what it was adopted from, could stop all logins with one that takes days.
const MaxCost = PasswordCost + 3

const (
	maxPassword = 72     // bytes
	ownPrefix   = "$2a$" // of the hashes that are made here; the earlier backend's is another
)

// Passwords makes and checks bcrypt hashes.
type Passwords struct {
	cost  int
	dummy func() []byte

	slots         *Queue // in which logins and registrations have every other turn
	logins        *Queue // and changes of passwords, by address, before that
	registrations *Queue // by address
}

// queuePerSlot is how many may wait for one: as many as get through, at PasswordCost, while a request lasts.
const queuePerSlot = 64

// NewPasswords returns a Passwords that hashes at the given cost, PasswordCost outside of tests.
func NewPasswords(cost int) *Passwords {
	slots := max(1, runtime.GOMAXPROCS(0)/2)
	line := func() *Queue { return NewQueue(2*slots, queuePerSlot*slots) } // of each some wait for the slots themselves
	return &Passwords{cost: cost, slots: NewQueue(slots, 4*slots), logins: line(), registrations: line(), dummy: sync.OnceValue(func() []byte {
		hash, err := bcrypt.GenerateFromPassword([]byte("nobody has this password"), cost)
		if err != nil {
			panic(fmt.Sprintf("bcrypt at cost %d: %v", cost, err)) // a wrong constant in our own code
		}
		return hash
	})}
}

// Slot waits for a processor's time to hash or compare, in turns with other addresses; release gives it back. Half
// of the processors are never taken, so that logins, however many, leave the shop the rest. It fails when ctx
// ends first, and with ErrBusy when too many wait.
func (p *Passwords) Slot(ctx context.Context, address string) (release func(), err error) {
	return p.slot(ctx, p.logins, "logins", address)
}

// SlotToRegister is Slot for a new account. Those wait among themselves, and have no more than half of the turns where others log in:
// whoever floods the shop with new accounts, from however many addresses, keeps nobody from logging in, nor the other way round.
func (p *Passwords) SlotToRegister(ctx context.Context, address string) (release func(), err error) {
	return p.slot(ctx, p.registrations, "registrations", address)
}

func (p *Passwords) slot(ctx context.Context, line *Queue, of, address string) (release func(), err error) {
	done, err := line.Enter(ctx, address)
	if err != nil {
		return nil, err
	}
	leave, err := p.slots.Enter(ctx, of)
	if err != nil {
		done()
		return nil, err
	}
	return func() {
		leave()
		done()
	}, nil
}

// Know remembers an address from which somebody's password was right: its turns come sooner than those of strangers.
func (p *Passwords) Know(address, who string) {
	p.logins.Know(address, who)
	p.registrations.Know(address, who)
}

// Hash returns the hash of a password of at most 72 bytes.
func (p *Passwords) Hash(password string) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), p.cost)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return string(hash), nil
}

// Matches reports whether the password is the hash's. An empty or unreadable hash, as of a user that
// does not exist, takes as long as any other and never matches; so does one of a lower cost that does not match. bcrypt looks at 72 bytes and goes round from a NUL to the
// beginning: what is beyond the first counts in hashes of the earlier backend alone, which cut it, and no password has the second.
func (p *Passwords) Matches(hash, password string) bool {
	odd := len(password) > maxPassword && strings.HasPrefix(hash, ownPrefix) || strings.Contains(password, "\x00")
	cost, err := bcrypt.Cost([]byte(hash))
	if err == nil && cost > MaxCost {
		err = fmt.Errorf("a hash of cost %d", cost)
	}
	if err == nil {
		err = bcrypt.CompareHashAndPassword([]byte(hash), []byte(password))
	}
	switch {
	case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword):
		p.makeUp(cost, password)
	case err != nil:
		_ = bcrypt.CompareHashAndPassword(p.dummy(), []byte(password))
	}
	return err == nil && !odd
}

// makeUp does what was less work at a cost than with our own, for the time would tell that there is such an account: each step of
// the cost is twice the one before, so that one of each is all that is missing.
func (p *Passwords) makeUp(cost int, password string) {
	for ; cost < p.cost; cost++ {
		_ = bcrypt.CompareHashAndPassword(atCost(p.dummy(), cost), []byte(password))
	}
}

func atCost(hash []byte, cost int) []byte {
	return fmt.Appendf(nil, "%s%02d%s", hash[:4], cost, hash[6:])
}

// Prepare makes what Matches compares with where there is no hash, so that the first one does not take longer than others.
func (p *Passwords) Prepare() { p.dummy() }
