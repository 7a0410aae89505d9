package service

import "context"

// TakeStock is takeStock for its test: what it guards against, PlaceOrder has judged before.
var TakeStock = takeStock

// BoundedSelect is boundedSelect.
const BoundedSelect = boundedSelect

// FillSearches takes all turns to search until the returned function is called.
func FillSearches(p *Products) (leave func()) {
	for range maxSearches {
		p.searches <- struct{}{}
	}
	return func() {
		for range maxSearches {
			<-p.searches
		}
	}
}

// LimitKeys are the keys under which a login is counted, together.
func LimitKeys(ctx context.Context, a *Auth, username, address string) (string, error) {
	try, err := a.guesses.begin(ctx, limitKey(account{}, username), address)
	if err != nil {
		return "", err
	}
	defer try.end()
	return try.account + try.address, nil
}

// FillRegistrations takes all turns to register, and so many places to wait, until the returned function is called.
func FillRegistrations(a *Auth, waiting int) (leave func()) {
	for range registering {
		a.registrations.running <- struct{}{}
	}
	for range registering + waiting {
		a.registrations.waiting <- struct{}{}
	}
	return func() {
		for range registering {
			<-a.registrations.running
		}
		for range registering + waiting {
			<-a.registrations.waiting
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
