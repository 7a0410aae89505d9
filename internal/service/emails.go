package service

import (
	"strconv"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/security"
)

// emailChanges limits changes of e-mails by account and by address: each tells whether somebody else has that e-mail.
type emailChanges struct {
	byAccount  *security.Limiter
	byAddress  *security.Limiter
	byCustomer *security.Limiter // as guesses are counted
}

func newEmailChanges(logins *security.Limiter) *emailChanges {
	return &emailChanges{logins.Times(1), logins.Times(addressFactor), logins.Times(customerFactor * addressFactor)}
}

// countsOf are the account's, its address's, and its customer's, where that is more than an address.
func (c *emailChanges) countsOf(by model.Actor) []count {
	network := Network(by.Address)
	counts := []count{{strconv.FormatInt(by.ID, 10), c.byAccount}, {network, c.byAddress}}
	if customer := security.Customer(network); customer != network {
		counts = append(counts, count{customer, c.byCustomer})
	}
	return counts
}

// take counts a change; RateLimited if there were too many.
func (c *emailChanges) take(by model.Actor) error {
	if wait := takeAll(c.countsOf(by)); wait > 0 {
		return apperr.Retry(apperr.RateLimited, "Too many changes of the e-mail address. Please wait a moment before you try again.", wait, nil)
	}
	return nil
}

// giveBack says that nothing was changed, nor told.
func (c *emailChanges) giveBack(by model.Actor) {
	for _, one := range c.countsOf(by) {
		one.by.GiveBack(one.name)
	}
}
