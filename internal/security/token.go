package security

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithms are the signing algorithms that NewTokens takes.
var Algorithms = []string{"HS256", "HS384", "HS512"}

// ErrToken says that a token is not, or no longer, one of ours. Why is nobody's business but the log's.
var ErrToken = errors.New("token is not valid")

// Claims are what a token says: whose it is, the user's token version when it was made, and the session
// that it belongs to. A user's version is raised to end all tokens made before. Tokens from before there
// were sessions have none.
type Claims struct {
	UserID  int64
	Version int64
	Session string
}

// Tokens signs and reads JWTs with one algorithm: it signs with one key, and reads what that or an
// earlier one has signed.
type Tokens struct {
	key    []byte
	keys   jwt.VerificationKeySet
	method jwt.SigningMethod
	life   time.Duration
	parser *jwt.Parser
}

// NewTokens returns a Tokens for one of Algorithms; tokens live for the given time. The previous keys
// are those that signed tokens which may still be about.
func NewTokens(key, algorithm string, life time.Duration, previous ...string) (*Tokens, error) {
	method, ok := jwt.GetSigningMethod(algorithm).(*jwt.SigningMethodHMAC)
	if !ok {
		return nil, fmt.Errorf("algorithm %q is not one of %v", algorithm, Algorithms)
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{algorithm}), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(5*time.Second), jwt.WithStrictDecoding())
	keys := jwt.VerificationKeySet{Keys: []jwt.VerificationKey{[]byte(key)}}
	for _, k := range previous {
		if k != "" {
			keys.Keys = append(keys.Keys, []byte(k))
		}
	}
	return &Tokens{[]byte(key), keys, method, life, parser}, nil
}

// Life is how long a new token is good for.
func (t *Tokens) Life() time.Duration { return t.life }

// tokenClaims is Claims on the wire.
type tokenClaims struct {
	jwt.RegisteredClaims
	Version *int64 `json:"ver"`
	Session string `json:"sid,omitempty"`
}

// New signs a token.
func (t *Tokens) New(c Claims) (string, error) {
	now := time.Now()
	signed, err := jwt.NewWithClaims(t.method, tokenClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   strconv.FormatInt(c.UserID, 10),
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(t.life)),
		},
		Version: &c.Version,
		Session: c.Session,
	}).SignedString(t.key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}

// Read returns what a token says, or ErrToken if it is forged, expired or not one of ours.
func (t *Tokens) Read(token string) (Claims, error) {
	var c tokenClaims
	if _, err := t.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.keys, nil }); err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	id, err := strconv.ParseInt(c.Subject, 10, 64)
	if err != nil || id < 1 || c.IssuedAt == nil || c.Version == nil {
		return Claims{}, fmt.Errorf("%w: no user, time of issue or version", ErrToken)
	}
	return Claims{UserID: id, Version: *c.Version, Session: c.Session}, nil
}
