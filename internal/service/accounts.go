package service

import "strings"

// reservedEmail is the address that makes somebody an admin at the next start. Nobody else may take it:
// addresses are not verified.
type reservedEmail struct{ email string }

func (r *reservedEmail) is(email string) bool {
	return r.email != "" && strings.EqualFold(email, r.email)
}

// ReserveEmail keeps an address from being registered or moved to. Call it before the services are used.
func (s *Auth) ReserveEmail(email string) { s.reserved.email = strings.TrimSpace(email) }

// How many registrations hash a password at once, and how many wait for that: the rest of the queue is for
// logins, whoever floods the shop with new accounts.
const (
	registering        = 2
	waitingForRegister = 64
)
