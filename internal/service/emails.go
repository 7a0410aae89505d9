package service

import (
	"strconv"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
	"hexamart/internal/security"
)

// emailChanges limits changes of e-mails by account and by address: each tells whether somebody else has that e-mail.
type emailChanges struct {
	byAccount *security.Limiter
	byAddress *security.Limiter
}

func newEmailChanges(logins *security.Limiter) *emailChanges {
	return &emailChanges{logins.Times(1), logins.Times(addressFactor)}
}

// take counts a change; RateLimited if there were too many.
func (c *emailChanges) take(by model.Actor) error {
	account, network := strconv.FormatInt(by.ID, 10), security.Customer(Network(by.Address))
	wait := c.byAddress.Take(network)
	if wait == 0 {
		if wait = c.byAccount.Take(account); wait == 0 {
			return nil
		}
		c.byAddress.GiveBack(network)
	}
	return apperr.Retry(apperr.RateLimited, "Too many changes of the e-mail address. Please wait a moment before you try again.", wait, nil)
}

// giveBack says that nothing was changed, nor told.
func (c *emailChanges) giveBack(by model.Actor) {
	c.byAccount.GiveBack(strconv.FormatInt(by.ID, 10))
	c.byAddress.GiveBack(security.Customer(Network(by.Address)))
}
