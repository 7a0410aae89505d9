package security

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// RefreshToken is what its owner alone has: 128 bits that all tokens of a session have, which are enough to end it, and then 256 that only
// this one has. The shop keeps no more than its Hash and the name of its session. Those of before tokens named their session have only the
// latter, as have all that follow from them.
type RefreshToken struct {
	session [16]byte
	own     [32]byte
	unnamed bool
}

// SessionSize is the length of a session's name, in bytes.
const SessionSize = 16

// NewRefreshToken returns one of a new session, which nobody can guess.
func NewRefreshToken() (t RefreshToken) {
	_, _ = rand.Read(t.session[:]) // never fails
	_, _ = rand.Read(t.own[:])
	return t
}

// ParseRefreshToken reads what String wrote; ErrToken if it is something else.
func ParseRefreshToken(text string) (t RefreshToken, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	named := len(b) == len(t.session)+len(t.own)
	if err != nil || !named && len(b) != len(t.own) {
		return t, fmt.Errorf("%w: not of a refresh token's shape", ErrToken)
	}
	if t.unnamed = !named; named {
		b = b[copy(t.session[:], b):]
	}
	copy(t.own[:], b)
	if t.String() != text { // base64 has several spellings, with line breaks for one
		return RefreshToken{}, fmt.Errorf("%w: not as it was given out", ErrToken)
	}
	return t, nil
}

func (t RefreshToken) bytes() []byte {
	if t.unnamed {
		return t.own[:]
	}
	return append(t.session[:], t.own[:]...)
}

// String returns the token as its owner keeps it.
func (t RefreshToken) String() string { return base64.RawURLEncoding.EncodeToString(t.bytes()) }

// Hash returns what is kept of the token.
func (t RefreshToken) Hash() []byte {
	sum := sha256.Sum256(t.bytes())
	return sum[:]
}

// Session returns the name of the token's session, nil if it names none. It leads to no token, but whoever has one that leads to the name has,
// or had, a token of the session: also of one that the shop has long forgotten it is known.
func (t RefreshToken) Session() []byte {
	if t.unnamed {
		return nil
	}
	sum := sha256.Sum256(t.session[:])
	return sum[:SessionSize]
}

// Next returns the token's successor for a salt: the same each time, and unknown to all who lack either.
func (t RefreshToken) Next(salt []byte) RefreshToken {
	mac := hmac.New(sha256.New, t.own[:])
	mac.Write(salt)
	t.own = [32]byte(mac.Sum(nil))
	return t
}
