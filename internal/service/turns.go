package service

import (
	"context"
	"runtime"
	"strconv"

	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
)

// turns are those of people who ask for what is their own, or ask to be let in: without any, whoever comes many times at once
// would have all connections to the database.
type turns struct {
	work     *security.Queue
	lists    *security.Queue // of orders
	thinking *security.Queue

	all []*security.Queue // those of products, too
}

// How many requests are worked on at a time, more than the database has connections for so that some can share one, and
// how many may wait. Of one account it is what a browser sends at once.
const (
	maxTurns     = 2 * database.MaxConns
	maxOfAccount = 8

	maxOrderLists          = 8
	maxOrderListsOfAccount = 2

	waitingToWork = 10_000
)

func newTurns() *turns {
	t := &turns{
		work:     security.NewQueue(maxTurns, waitingToWork).AtMost(maxOfAccount),
		lists:    security.NewQueue(maxOrderLists, waitingToWork).AtMost(maxOrderListsOfAccount),
		thinking: security.NewQueue(max(1, runtime.GOMAXPROCS(0)/2), waitingToWork),
	}
	t.all = []*security.Queue{t.work, t.lists, t.thinking}
	return t
}

// know has whoever has logged in from an address wait for half of the strangers at most.
func (t *turns) know(address string, userID int64) {
	for _, queue := range t.all {
		queue.Know(Network(address), strconv.FormatInt(userID, 10))
	}
}

// Turn waits for a turn to ask for, or to change, what is one's own: those who do it from one address, however many accounts
// they have, wait for themselves, and so does one account, however many addresses it has. Unavailable where ctx ends
// first, or too many wait.
func (s *Services) Turn(ctx context.Context, asker model.Asker) (leave func(), err error) {
	leave, err = enter(ctx, s.turns.work, asker)
	return leave, fail("wait for a turn", err)
}

// TurnOf is Turn for whose refresh token it is, who is looked up in a turn of the address's; if it is nobody's, for asker.
func (s *Services) TurnOf(ctx context.Context, refresh string, asker model.Asker) (leave func(), err error) {
	if token, err := security.ParseRefreshToken(refresh); err == nil {
		var owner int64
		if err := s.turns.ask(ctx, model.Actor{Address: asker.Address}, func() (err error) {
			owner, err = s.Sessions.owner(ctx, token)
			return err
		}); err != nil {
			return nil, fail("look for the owner of a token", err)
		}
		if owner != 0 {
			asker.UserID = owner
		}
	}
	return s.Turn(ctx, asker)
}

// TurnToList is Turn for a list of one's orders, of which one can have a thousand times as much to read as what anybody
// else wants.
func (s *Services) TurnToList(ctx context.Context, asker model.Asker) (leave func(), err error) {
	leave, err = enter(ctx, s.turns.lists, asker)
	return leave, fail("wait for a turn to list orders", err)
}

// Think waits for a processor to do what needs nothing else, as for reading what somebody has sent: half of them are never
// taken, and those who come from one address wait for themselves. Unavailable where ctx ends first, or too many wait.
func (s *Services) Think(ctx context.Context, asker model.Asker) (leave func(), err error) {
	leave, err = enter(ctx, s.turns.thinking, asker)
	return leave, fail("wait for a processor", err)
}

// judge lets a new password be judged in such a turn: one can be made for that to take a hundred times what it usually does.
func (t *turns) judge(ctx context.Context, by model.Actor, validate func() error) error {
	return inTurn(ctx, t.thinking, by, validate)
}

// ask lets a question be asked in a turn, where what follows waits for something else.
func (t *turns) ask(ctx context.Context, by model.Actor, question func() error) error {
	return inTurn(ctx, t.work, by, question)
}

func inTurn(ctx context.Context, queue *security.Queue, by model.Actor, do func() error) error {
	leave, err := enter(ctx, queue, model.Asker{Address: by.Address, UserID: by.ID})
	if err != nil {
		return err
	}
	defer leave()
	return do()
}

// enter waits for a turn of whoever asks.
func enter(ctx context.Context, queue *security.Queue, asker model.Asker) (leave func(), err error) {
	who := ""
	if asker.UserID != 0 {
		who = strconv.FormatInt(asker.UserID, 10)
	}
	leave, err = queue.EnterAs(ctx, Network(asker.Address), who)
	if err == nil && asker.Begin != nil {
		if err = asker.Begin(); err != nil {
			leave()
		}
	}
	return leave, err
}
