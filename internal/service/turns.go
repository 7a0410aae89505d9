package service

import (
	"context"
	"strconv"

	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
)

// turns are those of people who ask for what is their own, or ask to be let in: without any, whoever comes many times at once
// would have all connections to the database.
type turns struct {
	places   *security.Queue // by address
	accounts *security.Turns
}

// How many requests are worked on at a time, more than the database has connections for so that some can share one, and
// how many may wait. Of one account it is what a browser sends at once.
const (
	maxTurns      = 2 * database.MaxConns
	waitingToWork = 10_000

	maxOfAccount     = 8
	waitingOfAccount = 1_000

	maxOrderLists      = 8
	maxOrderListsOfOne = 2 // account
)

// newTurns has so many places, and some of them at a time for one account.
func newTurns(places, ofAccount int) *turns {
	return &turns{security.NewQueue(places, waitingToWork), security.NewTurns(ofAccount, waitingOfAccount)}
}

// Turn waits for a turn to ask for, or to change, what is one's own: those who do it from one address, however many accounts
// they have, wait for themselves, and so does one account, however many addresses it has. Unavailable where ctx ends
// first, or too many wait.
func (s *Services) Turn(ctx context.Context, asker model.Asker) (leave func(), err error) {
	leave, err = s.turns.enter(ctx, asker)
	return leave, fail("wait for a turn", err)
}

// TurnToList is the same for a list of one's orders, of which one can have a thousand times as much to read as what anybody
// else wants.
func (s *Services) TurnToList(ctx context.Context, asker model.Asker) (leave func(), err error) {
	leave, err = s.lists.enter(ctx, asker)
	return leave, fail("wait for a turn to list orders", err)
}

// Think waits for a processor to do what needs nothing else, as for reading what somebody has sent: half of them are never
// taken, and those who come from one address wait for themselves. Unavailable where ctx ends first, or too many wait.
func (s *Services) Think(ctx context.Context, asker model.Asker) (leave func(), err error) {
	leave, err = enter(ctx, s.thinking, asker)
	return leave, fail("wait for a processor", err)
}

// enter has the account wait first: who waits for themselves has no place that others wait for.
func (t *turns) enter(ctx context.Context, asker model.Asker) (leave func(), err error) {
	if asker.UserID == 0 {
		return enter(ctx, t.places, asker)
	}
	one, err := t.accounts.Enter(ctx, strconv.FormatInt(asker.UserID, 10), Network(asker.Address))
	if err != nil {
		return nil, err
	}
	place, err := enter(ctx, t.places, asker)
	if err != nil {
		one()
		return nil, err
	}
	return func() { place(); one() }, nil
}

// ask lets a question be asked in a turn, where what follows waits for something else.
func (t *turns) ask(ctx context.Context, by model.Actor, question func() error) error {
	leave, err := t.enter(ctx, model.Asker{Address: by.Address, UserID: by.ID})
	if err != nil {
		return err
	}
	defer leave()
	return question()
}

// enter waits for a turn of whoever asks.
func enter(ctx context.Context, queue *security.Queue, asker model.Asker) (leave func(), err error) {
	leave, err = queue.Enter(ctx, Network(asker.Address))
	if err == nil && asker.Begin != nil {
		if err = asker.Begin(); err != nil {
			leave()
		}
	}
	return leave, err
}
