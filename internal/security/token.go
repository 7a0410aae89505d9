package security

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"
)

// Algorithms are the signing algorithms that NewTokens takes.
var Algorithms = []string{"HS256", "HS384", "HS512"}

// ErrToken says that a token is not, or no longer, one of ours. Why is nobody's business but the log's.
var ErrToken = errors.New("token is not valid")

// Claims are what a token says: whose it is, the user's token version when it was made, and the session
// that it belongs to, with which a new token ends at the latest. A user's version is raised to end all tokens made before. Tokens from before there
// were sessions have none.
type Claims struct {
	UserID  int64
	Version int64
	Session string
	Ends    time.Time // of the session, zero if there is none; not read from a token
}

// Tokens signs and reads JWTs with one algorithm: it signs with one key, and reads what that or an
// earlier one has signed.
type Tokens struct {
	key    []byte
	keys   jwt.VerificationKeySet
	method jwt.SigningMethod
	life   time.Duration
	parser *jwt.Parser

	times *jwt.Validator                   // of what was read before
	read  *lru.Cache[string, *tokenClaims] // by the whole token: its signature does not change, but the time does
}

// audience is whom tokens are for. Those from before it was said have none.
const audience = "hexamart"

// leeway is by how much the clocks of instances may differ: none takes a token for one of the future that another has just made.
const leeway = time.Minute

// keepRead is how many tokens are remembered as well signed. A request's check of one costs as much as a small page.
const keepRead = 4096

// NewTokens returns a Tokens for one of Algorithms; tokens live for the given time. The previous keys
// are those that signed tokens which may still be about.
func NewTokens(key, algorithm string, life time.Duration, previous ...string) (*Tokens, error) {
	method, ok := jwt.GetSigningMethod(algorithm).(*jwt.SigningMethodHMAC)
	if !ok {
		return nil, fmt.Errorf("algorithm %q is not one of %v", algorithm, Algorithms)
	}
	rules := []jwt.ParserOption{jwt.WithValidMethods([]string{algorithm}), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithStrictDecoding()}
	keys := jwt.VerificationKeySet{Keys: []jwt.VerificationKey{[]byte(key)}}
	for _, k := range previous {
		if k != "" {
			keys.Keys = append(keys.Keys, []byte(k))
		}
	}
	read, err := lru.New[string, *tokenClaims](keepRead)
	if err != nil {
		return nil, err
	}
	return &Tokens{[]byte(key), keys, method, life, jwt.NewParser(rules...), jwt.NewValidator(rules...), read}, nil
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
	expires := now.Add(t.life)
	if !c.Ends.IsZero() && c.Ends.Before(expires) {
		expires = c.Ends
	}
	signed, err := jwt.NewWithClaims(t.method, tokenClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Audience:  jwt.ClaimStrings{audience},
			Subject:   strconv.FormatInt(c.UserID, 10),
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(expires),
		},
		Version: &c.Version,
		Session: c.Session,
	}).SignedString(t.key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}

// maxToken is several times what one of ours has, in bytes: what is longer is not taken apart to find its signature wrong.
const maxToken = 1 << 10

// Read returns what a token says, or ErrToken if it is forged, expired or not one of ours.
func (t *Tokens) Read(token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, fmt.Errorf("%w: %d bytes", ErrToken, len(token))
	}
	c, known := t.read.Get(token)
	var err error
	if known {
		err = t.times.Validate(c)
	} else {
		c = &tokenClaims{}
		_, err = t.parser.ParseWithClaims(token, c, t.keysFor)
	}
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	id, err := strconv.ParseInt(c.Subject, 10, 64)
	if err != nil || id < 1 || strconv.FormatInt(id, 10) != c.Subject || c.IssuedAt == nil || c.Version == nil {
		return Claims{}, fmt.Errorf("%w: no user, time of issue or version", ErrToken)
	}
	if len(c.Audience) > 0 && !slices.Contains(c.Audience, audience) {
		return Claims{}, fmt.Errorf("%w: %w", ErrToken, jwt.ErrTokenInvalidAudience)
	}
	if !time.Now().Before(c.ExpiresAt.Time) { // the leeway is for the clocks of those who issue
		return Claims{}, fmt.Errorf("%w: %w", ErrToken, jwt.ErrTokenExpired)
	}
	if !known {
		t.read.Add(strings.Clone(token), c) // the header that it came in is longer
	}
	return Claims{UserID: id, Version: *c.Version, Session: c.Session}, nil
}

// keysFor returns what a token may be signed with. One that makes demands on its reader is not ours (RFC 7515, 4.1.11).
func (t *Tokens) keysFor(token *jwt.Token) (any, error) {
	if _, demands := token.Header["crit"]; demands {
		return nil, jwt.ErrTokenUnverifiable
	}
	return t.keys, nil
}
