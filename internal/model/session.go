package model

import "time"

// Token is what proves who is asking. TokenType is always "bearer"; ExpiresIn and RefreshExpiresIn are in
// seconds. The refresh token is good once, for a Token that takes the place of this one.
type Token struct {
	AccessToken      string `json:"access_token"`
	TokenType        string `json:"token_type"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshToken     string `json:"refresh_token"`
	RefreshExpiresIn int64  `json:"refresh_expires_in"`
}

// Session is one login of a user's, as shown to them. CreatedAt is when that was, RefreshedAt when its tokens were made
// last: from Address, by a client that calls itself Agent, which both are null if nobody knows.
type Session struct {
	ID          string    `db:"-" json:"id"`
	Current     bool      `db:"-" json:"current"` // it is the one that asks
	CreatedAt   time.Time `db:"created_at" json:"created_at"`
	RefreshedAt time.Time `db:"refreshed_at" json:"refreshed_at"`
	ExpiresAt   time.Time `db:"expires_at" json:"expires_at"`
	Address     *string   `db:"address" json:"address"`
	Agent       *string   `db:"agent" json:"user_agent"`
}

// RefreshInput is the body of a refresh.
type RefreshInput struct {
	RefreshToken string `json:"refresh_token"`
}

// Validate asks for the token and does not judge it.
func (in *RefreshInput) Validate() error {
	var c check
	if in.RefreshToken == "" {
		c.bad("refresh_token", "is required")
	}
	return c.err()
}

// LogoutInput is the body of a logout: the refresh token of the session to end, unless an access token
// names it, and whether all of the user's other sessions end with it.
type LogoutInput struct {
	RefreshToken string `json:"refresh_token"`
	Everywhere   bool   `json:"everywhere"`
}

// Validate finds nothing wrong.
func (in *LogoutInput) Validate() error { return nil }
