package security

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// RefreshToken is 256 bits that only their owner has; the shop keeps their Hash.
type RefreshToken [32]byte

// NewRefreshToken returns one that nobody can guess.
func NewRefreshToken() (t RefreshToken) {
	_, _ = rand.Read(t[:]) // never fails
	return t
}

// ParseRefreshToken reads what String wrote; ErrToken if it is something else.
func ParseRefreshToken(text string) (t RefreshToken, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != len(t) {
		return t, fmt.Errorf("%w: not of a refresh token's shape", ErrToken)
	}
	if t = RefreshToken(b); t.String() != text { // base64 has several spellings, with line breaks for one
		return RefreshToken{}, fmt.Errorf("%w: not as it was given out", ErrToken)
	}
	return t, nil
}

// String returns the token as its owner keeps it.
func (t RefreshToken) String() string { return base64.RawURLEncoding.EncodeToString(t[:]) }

// Hash returns what is kept of the token.
func (t RefreshToken) Hash() []byte {
	sum := sha256.Sum256(t[:])
	return sum[:]
}

// Next returns the token's successor for a salt: the same each time, and unknown to all who lack either.
func (t RefreshToken) Next(salt []byte) RefreshToken {
	mac := hmac.New(sha256.New, t[:])
	mac.Write(salt)
	return RefreshToken(mac.Sum(nil))
}
