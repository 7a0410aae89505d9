package service

import (
	"context"
	"errors"
	"sync"
	"time"

	"hexamart/internal/model"
	"hexamart/internal/security"
)

// TakeStock is takeStock for its test: what it guards against, PlaceOrder has judged before.
var TakeStock = takeStock

// BoundedSelect is boundedSelect.
const BoundedSelect = boundedSelect

// FillSearches takes all turns to search until the returned function is called, FillWalks those to walk along an index.
func FillSearches(p *Products) (leave func()) { return fill(p.searches, maxSearches) }

// MaxWalks is maxWalks, and EvenRefusal is evenRefusal.
const (
	MaxWalks    = maxWalks
	EvenRefusal = evenRefusal
)

// Walk, Search and List wait for a turn to read products so.
func Walk(p *Products) func(context.Context, model.Asker) (func(), error) { return entering(p.walks) }
func Search(p *Products) func(context.Context, model.Asker) (func(), error) {
	return entering(p.searches)
}
func List(p *Products) func(context.Context, model.Asker) (func(), error) { return entering(p.lists) }

func entering(q *security.Queue) func(context.Context, model.Asker) (func(), error) {
	return func(ctx context.Context, asker model.Asker) (func(), error) { return enter(ctx, q, asker) }
}

// FillWalks is like FillSearches.
func FillWalks(p *Products) (leave func()) { return fill(p.walks, maxWalks) }

// FillWalksForGood is FillWalks of which one turn alone is given back: from then on one goes after another. waiting is how many
// wait for it.
func FillWalksForGood(p *Products) (leave func(), waiting func() int) {
	fill(p.walks, maxWalks-1)
	return fill(p.walks, 1), p.walks.Waiting
}

// FillSearchesForGood is the same for searches.
func FillSearchesForGood(p *Products) (leave func(), waiting func() int) {
	fill(p.searches, maxSearches-1)
	return fill(p.searches, 1), p.searches.Waiting
}

// FillListsForGood is the same for all other lists.
func FillListsForGood(p *Products) (leave func(), waiting func() int) {
	fill(p.lists, maxLists-1)
	return fill(p.lists, 1), p.lists.Waiting
}

// FillOrderListsForGood is the same for lists of orders.
func FillOrderListsForGood(s *Services) (leave func(), waiting func() int) {
	fill(s.turns.lists, maxOrderLists-1)
	return fill(s.turns.lists, 1), s.turns.lists.Waiting
}

// MaxOfAccount and MaxOrderListsOfAccount are those without capitals.
const (
	MaxOfAccount           = maxOfAccount
	MaxOrderListsOfAccount = maxOrderListsOfAccount
)

// FillTurnsForGood is the same for what is one's own.
func FillTurnsForGood(s *Services) (leave func(), waiting func() int) {
	fill(s.turns.work, maxTurns-1)
	return fill(s.turns.work, 1), s.turns.work.Waiting
}

func fill(turns *security.Queue, places int) (leave func()) {
	var left []func()
	for range places {
		leave, err := turns.Enter(context.Background(), "filler")
		if err != nil {
			panic(err)
		}
		left = append(left, leave)
	}
	return func() {
		for _, leave := range left {
			leave()
		}
	}
}

// BeginLogin begins one under a name that is nobody's, and returns what ends it.
func BeginLogin(ctx context.Context, a *Auth, username, address string) (end func(), err error) {
	try, err := a.guesses.begin(ctx, limitKey(account{User: model.User{Email: username}}), model.Actor{Address: address})
	if err != nil {
		return nil, err
	}
	return try.end, nil
}

// LimitKeys are the keys under which a login is counted, together.
func LimitKeys(ctx context.Context, a *Auth, username, address string) (string, error) {
	try, err := a.guesses.begin(ctx, limitKey(account{User: model.User{Email: username}}), model.Actor{Address: address})
	if err != nil {
		return "", err
	}
	defer try.end()
	var all string
	for _, c := range try.counts {
		all += c.name
	}
	return all, nil
}

// Slot waits for a processor's time to hash in.
func Slot(a *Auth) func(ctx context.Context, address string) (release func(), err error) {
	return a.passwords.Slot
}

// FillHashing takes all slots to hash in, and lets so many wait as there is room for, each from an address, until the
// returned function is called.
func FillHashing(a *Auth, address func(i int) string) (leave func()) {
	ctx, cancel := context.WithCancel(context.Background())
	gone, goneNow := context.WithCancel(ctx)
	goneNow()
	var entered []func()
	for {
		leave, err := a.passwords.Slot(gone, "filler")
		if err != nil {
			break
		}
		entered = append(entered, leave)
	}
	var all sync.WaitGroup
	full := make(chan struct{})
	var once sync.Once
	filled := false
	for i := 0; !filled; i++ {
		all.Go(func() {
			leave, err := a.passwords.Slot(ctx, address(i))
			if err == nil {
				leave()
			}
			if errors.Is(err, security.ErrBusy) {
				once.Do(func() { close(full) })
			}
		})
		select {
		case <-full:
			filled = true
		case <-time.After(time.Millisecond):
		}
	}
	return func() {
		cancel()
		all.Wait()
		for _, leave := range entered {
			leave()
		}
	}
}

// Gather keeps all who come from being worked for, until the returned function is called: then they are one group.
func (c *coalescer[Q, A]) Gather() (release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.underWay
	c.underWay, c.atOnce = own+1, own+1
	return c.next
}

// Waiting is how many wait for their turn.
func (c *coalescer[Q, A]) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting)
}

// Gatherer is a coalescer of any kind.
type Gatherer interface {
	Gather() (release func())
	Waiting() int
}

// Coalescers are those of orders, cart lines and tokens.
func Coalescers(s *Services) (placing, adding, bearers Gatherer) {
	return &s.Orders.placing, &s.Cart.adding, &s.Auth.bearers
}

// NameIndex is the index of names, made of texts of letters.
type NameIndex = nameIndex

// ReplaceNames is the index's replace.
func ReplaceNames(x *NameIndex, from, to int64, ids []int64, texts []string) *NameIndex {
	var names []name
	for i, id := range ids {
		names = append(names, name{id, []byte(texts[i])})
	}
	return x.replace(from, to, names)
}

// FindNames is the index's find.
func FindNames(x *NameIndex, text string, after int64, descending bool, most int) ([]int64, bool) {
	return x.find([]byte(text), after, descending, most)
}

// NameOf is the index's get.
func NameOf(x *NameIndex, id int64) string { return string(x.get(id)) }

// HasNames reports whether there is an index of names.
func HasNames(p *Products) bool { return p.names.at.Load().whole }

// ManyChanges is how many changes an index of names takes at once.
const ManyChanges = manyChanges

// FewCandidates is how many products are looked at one by one.
const FewCandidates = fewCandidates

// NamesAtOnce is how many names are read at once.
const NamesAtOnce = namesAtOnce

// Authenticate is Read and Authenticate.
func Authenticate(ctx context.Context, s *Services, token string) (model.Principal, error) {
	b, err := s.Auth.Read(token)
	if err != nil {
		return model.Principal{}, err
	}
	return s.Auth.Authenticate(ctx, b)
}

// CountIndex is countIndex.
func CountIndex(ctx context.Context, p *Products, f model.ProductFilter) (string, error) {
	return p.countIndex(ctx, f)
}
