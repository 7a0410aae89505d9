package model

// Token is what proves who is asking. TokenType is always "bearer"; ExpiresIn and RefreshExpiresIn are in
// seconds. The refresh token is good once, for a Token that takes the place of this one.
type Token struct {
	AccessToken      string `json:"access_token"`
	TokenType        string `json:"token_type"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshToken     string `json:"refresh_token"`
	RefreshExpiresIn int64  `json:"refresh_expires_in"`
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
