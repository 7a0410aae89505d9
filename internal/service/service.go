// Package service is what the shop can do: one struct a noun, one exported method a verb. All SQL and
// all transactions are here. Exported methods own their transaction; unexported functions that take a
// tx neither begin nor commit one.
//
// Errors are *apperr.Error where the caller can do something about them; everything else is internal.
package service

import (
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
)

// Services are all of them, over one database.
type Services struct {
	Auth     *Auth
	Sessions *Sessions
	Users    *Users
	Products *Products
	Cart     *Cart
	Orders   *Orders
	Admin    *Admin

	turns *turns
}

// New wires the services. Failed logins are limited as logins says for one account and address, and to
// addressFactor times that for one address. A session, which begins with a login, lasts for the given time at most.
func New(db *sqlx.DB, passwords *security.Passwords, tokens *security.Tokens, logins *security.Limiter, sessionLife time.Duration) *Services {
	sessions := &Sessions{db, tokens, sessionLife}
	turns := newTurns()
	guesses := newGuesses(db, logins, turns)
	kept := &reservedEmail{}
	products := &Products{db: db, lists: security.NewQueue(maxLists, waitingToRead), searches: security.NewQueue(maxSearches, waitingToRead), walks: security.NewQueue(maxWalks, waitingToRead), names: newNames(db)}
	auth := &Auth{db: db, turns: turns, passwords: passwords, tokens: tokens, guesses: guesses, sessions: sessions, reserved: kept}
	turns.all = append(turns.all, products.lists, products.searches, products.walks)
	auth.bearers = coalescer[Bearer, bool]{atOnce: 1, most: 64, patience: 20 * time.Millisecond, work: auth.identify}
	orders := &Orders{db: db, products: products}
	orders.placing = coalescer[newOrder, model.PlacedOrder]{atOnce: 2, most: 32, patience: 20 * time.Millisecond, work: orders.placeAtOnce}
	cart := &Cart{db: db}
	cart.adding = coalescer[newLine, model.CartItem]{atOnce: 2, most: 32, patience: 20 * time.Millisecond, work: cart.addAtOnce}
	return &Services{
		Auth:     auth,
		Sessions: sessions,
		Users:    &Users{db, turns, passwords, guesses, sessions, kept, newEmailChanges(logins)},
		Products: products,
		Cart:     cart,
		Orders:   orders,
		Admin:    &Admin{db, newFigures(db), newCounts(db, products)},
		turns:    turns,
	}
}

// fail says what was being done when err happened. What the caller can act on passes through, a
// database that can't do the work now becomes Unavailable, everything else is internal.
func fail(doing string, err error) error {
	var known *apperr.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case database.IsMissingReference(err): // to whom it was done, or by whom: nothing else ever goes
		return errStaleToken
	case database.IsUnavailable(err) || errors.Is(err, security.ErrBusy):
		return apperr.Retry(apperr.Unavailable, "The shop is very busy or being restarted. Please try again in a moment.",
			time.Second, fmt.Errorf("%s: %w", doing, err))
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// now is the present as the database keeps it: UTC, whole seconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
