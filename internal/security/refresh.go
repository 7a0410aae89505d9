package security

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// RefreshToken is what its owner alone has: 128 bits that all tokens of a session have, which are enough to end it, and then 256 that only
// this one has. The shop keeps no more than its Hash and the name of its session.
type RefreshToken [ofSession + ofToken]byte

const ofSession, ofToken = 16, 32

// SessionSize is the length of a session's name, in bytes.
const SessionSize = 16

// NewRefreshToken returns one of a new session, which nobody can guess.
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

// Session returns the name of the token's session. It leads to no token, but whoever has one that leads to the name has, or had, a token of
// the session: also of one that the shop has long forgotten it is known.
func (t RefreshToken) Session() []byte {
	sum := sha256.Sum256(t[:ofSession])
	return sum[:SessionSize]
}

// Next returns the token's successor for a salt: the same each time, and unknown to all who lack either.
func (t RefreshToken) Next(salt []byte) RefreshToken {
	mac := hmac.New(sha256.New, t[ofSession:])
	mac.Write(salt)
	return RefreshToken(mac.Sum(t[:ofSession:ofSession]))
}
