package security

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	tokenKey = "a key that only these tests know, long enough"
	otherKey = "another key, as long as the first one, but not"
)

func newTokens(t *testing.T, key, algorithm string, previous ...string) *Tokens {
	t.Helper()
	tokens, err := NewTokens(key, algorithm, time.Hour, previous...)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// sign makes a token of any shape.
func sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// claims are good ones, with changes; nil removes a claim.
func claims(changes map[string]any) jwt.MapClaims {
	now := time.Now().Unix()
	c := jwt.MapClaims{"sub": "7", "iat": now, "exp": now + 3600, "ver": 3}
	for name, v := range changes {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	return c
}

// TestTokensAreShort reads tokens of the right key that are longer than any of ours.
func TestTokensAreShort(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, tokenKey, "HS256")
	for size, good := range map[int]bool{100: true, 1000: false, 20_000: false} {
		_, err := tokens.Read(sign(t, jwt.SigningMethodHS256, []byte(tokenKey), claims(map[string]any{"more": strings.Repeat("x", size)})))
		if good != (err == nil) || !good && !errors.Is(err, ErrToken) {
			t.Errorf("with %d bytes more: %v", size, err)
		}
	}
	own, err := tokens.New(Claims{UserID: math.MaxInt64, Version: math.MaxInt64, Session: strings.Repeat("x", 22)})
	if err != nil || len(own) > maxToken/2 {
		t.Errorf("one of ours has %d bytes, %v", len(own), err)
	}
}

func TestTokensRoundTrip(t *testing.T) {
	t.Parallel()
	for _, algorithm := range Algorithms {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			tokens := newTokens(t, tokenKey, algorithm)
			for _, want := range []Claims{{UserID: 1}, {UserID: 7, Version: 3}, {UserID: math.MaxInt64, Version: math.MaxInt32, Session: "a session"}} {
				token, err := tokens.New(want)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := tokens.Read(token); err != nil || got != want {
					t.Errorf("got %+v, %v, want %+v", got, err, want)
				}
			}
		})
	}
}

func TestTokensPayload(t *testing.T) {
	t.Parallel()
	before := time.Now().Truncate(time.Second)
	tokens := newTokens(t, tokenKey, "HS256")
	token, err := tokens.New(Claims{UserID: 7, Version: 3})
	if err != nil {
		t.Fatal(err)
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Sub           string
		Aud           []string
		Iat, Exp, Ver int64
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Sub != "7" || len(got.Aud) != 1 || got.Aud[0] != "hexamart" || got.Ver != 3 || got.Exp-got.Iat != 3600 || got.Iat < before.Unix() || got.Iat > time.Now().Unix() {
		t.Errorf("payload is %s", b)
	}
	if tokens.Life() != time.Hour {
		t.Errorf("life is %v", tokens.Life())
	}
}

// TestTokensOfOtherClocks reads what an instance has made whose clock is ahead, by as much as may be and by more.
func TestTokensOfOtherClocks(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, tokenKey, "HS256")
	for ahead, good := range map[time.Duration]bool{55 * time.Second: true, 65 * time.Second: false} {
		at := time.Now().Add(ahead).Unix()
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "7", "iat": at, "nbf": at, "exp": at + 3600, "ver": 3}).SignedString([]byte(tokenKey))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tokens.Read(token); (err == nil) != good {
			t.Errorf("%v ahead: %v", ahead, err)
		}
	}
}

// TestTokensEndWithTheirSession makes tokens for sessions that have less time left than a token, and more.
func TestTokensEndWithTheirSession(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, tokenKey, "HS256")
	for left, good := range map[time.Duration]bool{-time.Second: false, 0: false, time.Minute: true, 2 * time.Hour: true} {
		ends := time.Now().Add(left)
		token, err := tokens.New(Claims{UserID: 7, Version: 3, Session: "s", Ends: ends})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tokens.Read(token); (err == nil) != good {
			t.Errorf("with %v left: %v", left, err)
		}
		var read tokenClaims
		if _, _, err := jwt.NewParser().ParseUnverified(token, &read); err != nil {
			t.Fatal(err)
		}
		if exp := read.ExpiresAt.Time; exp.After(ends) || exp.After(time.Now().Add(tokens.Life())) {
			t.Errorf("with %v left: it expires %v later", left, time.Until(exp))
		}
	}
}

func TestNewTokensRefusesAlgorithms(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"", "none", "None", "hs256", "HS1", "RS256", "ES256", "PS256", "EdDSA"} {
		if tokens, err := NewTokens(tokenKey, algorithm, time.Hour); err == nil || tokens != nil {
			t.Errorf("%q is taken", algorithm)
		} else if strings.Contains(err.Error(), tokenKey) {
			t.Errorf("the key is in %v", err)
		}
	}
}

// TestTokensRefuse checks that everything but a token of ours is ErrToken and names nobody.
func TestTokensRefuse(t *testing.T) {
	t.Parallel()
	tokens, key, hs256 := newTokens(t, tokenKey, "HS256"), []byte(tokenKey), jwt.SigningMethodHS256
	now := time.Now().Unix()
	with := func(changes map[string]any) string { return sign(t, hs256, key, claims(changes)) }
	good := with(nil)
	if got, err := tokens.Read(good); err != nil || got != (Claims{UserID: 7, Version: 3}) {
		t.Fatalf("the good token is %+v, %v", got, err)
	}
	for _, aud := range []any{"hexamart", []string{"mail", "hexamart"}, []string{}} {
		if got, err := tokens.Read(with(map[string]any{"aud": aud})); err != nil || got.UserID != 7 {
			t.Errorf("for %v: %+v, %v", aud, got, err)
		}
	}
	part := strings.Split(good, ".")
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	payload, _ := base64.RawURLEncoding.DecodeString(part[1])
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(good) - 1 // the character has two bits more than the signature's last byte needs
	respelt := good[:last] + string(digits[strings.IndexByte(digits, good[last])+1])
	for name, token := range map[string]string{
		"Respelt":              respelt,
		"AlgorithmNone":        sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil)),
		"NoneWithSignature":    encode(`{"alg":"none","typ":"JWT"}`) + "." + part[1] + "." + part[2],
		"NoAlgorithm":          encode(`{"typ":"JWT"}`) + "." + part[1] + "." + part[2],
		"HS384":                sign(t, jwt.SigningMethodHS384, key, claims(nil)),
		"HS512":                sign(t, jwt.SigningMethodHS512, key, claims(nil)),
		"OtherKey":             sign(t, hs256, []byte(otherKey), claims(nil)),
		"EmptyKey":             sign(t, hs256, []byte{}, claims(nil)),
		"Expired":              with(map[string]any{"exp": now - 60}),
		"ExpiresNow":           with(map[string]any{"exp": now}),
		"NoExpiry":             with(map[string]any{"exp": nil}),
		"ExpiryNoNumber":       with(map[string]any{"exp": "never"}),
		"NotYet":               with(map[string]any{"nbf": now + 3600}),
		"IssuedInFuture":       with(map[string]any{"iat": now + 3600, "exp": now + 7200}),
		"NoTimeOfIssue":        with(map[string]any{"iat": nil}),
		"NoSubject":            with(map[string]any{"sub": nil}),
		"EmptySubject":         with(map[string]any{"sub": ""}),
		"ZeroSubject":          with(map[string]any{"sub": "0"}),
		"NegativeSubject":      with(map[string]any{"sub": "-7"}),
		"EMailSubject":         with(map[string]any{"sub": "asha@example.com"}),
		"SubjectWithTail":      with(map[string]any{"sub": "7 OR 1=1"}),
		"SignedSubject":        with(map[string]any{"sub": "+7"}),
		"PaddedSubject":        with(map[string]any{"sub": "07"}),
		"FractionalSubject":    with(map[string]any{"sub": "7.0"}),
		"HugeSubject":          with(map[string]any{"sub": "9223372036854775808"}),
		"SubjectNoString":      with(map[string]any{"sub": 7}),
		"VersionNoNumber":      with(map[string]any{"ver": "3"}),
		"NoVersion":            with(map[string]any{"ver": nil}),
		"OtherAudience":        with(map[string]any{"aud": "mail"}),
		"OtherAudiences":       with(map[string]any{"aud": []string{"mail", "hexamart.example"}}),
		"AudienceNoText":       with(map[string]any{"aud": 7}),
		"SessionNoText":        with(map[string]any{"sid": 7}),
		"RS256":                sign(t, jwt.SigningMethodRS256, rsaKey(t), claims(nil)),
		"RS256ByOurKey":        hmacUnder(`{"alg":"RS256","typ":"JWT"}`, part[1], key),
		"LowerCaseByOurKey":    hmacUnder(`{"alg":"hs256","typ":"JWT"}`, part[1], key),
		"KeyInHeader":          hmacUnder(`{"alg":"HS256","typ":"JWT","jwk":{"kty":"oct","k":"AAAA"},"kid":"../../dev/null"}`, part[1], nil),
		"DemandsInHeader":      hmacUnder(`{"alg":"HS256","crit":["exp"],"typ":"JWT"}`, part[1], key),
		"AlteredPayload":       part[0] + "." + encode(strings.Replace(string(payload), `"sub":"7"`, `"sub":"1"`, 1)) + "." + part[2],
		"AlteredSignature":     part[0] + "." + part[1] + "." + flip(part[2]),
		"CutSignature":         part[0] + "." + part[1] + "." + part[2][:20],
		"NoSignature":          part[0] + "." + part[1] + ".",
		"TwoParts":             part[0] + "." + part[1],
		"FourParts":            good + "." + part[2],
		"SpaceBehind":          good + " ",
		"Empty":                "",
		"Dots":                 "..",
		"Bearer":               "Bearer " + good,
		"NoJSON":               encode("x") + "." + encode("y") + "." + encode("z"),
		"GarbageOf20KB":        strings.Repeat("\xff\x00ä", 5000),
		"DotsOf20KB":           strings.Repeat(".", 20_000),
		"LettersOf20KB":        strings.Repeat("a", 20_000),
		"PayloadOf20KB":        part[0] + "." + encode(strings.Repeat("{", 20_000)) + "." + part[2],
		"SignatureOf20KB":      part[0] + "." + part[1] + "." + strings.Repeat("A", 20_000),
		"SubjectOf20KBOfDigit": with(map[string]any{"sub": strings.Repeat("7", 20_000)}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tokens.Read(token)
			if !errors.Is(err, ErrToken) || got != (Claims{}) {
				t.Errorf("got %+v, %v", got, err)
			} else if strings.Contains(err.Error(), tokenKey) || len(err.Error()) > 500 && len(token) > 10_000 {
				t.Errorf("error of %d bytes: %.200s", len(err.Error()), err)
			}
		})
	}
	for _, algorithm := range []string{"HS384", "HS512"} {
		if got, err := newTokens(t, tokenKey, algorithm).Read(good); !errors.Is(err, ErrToken) {
			t.Errorf("%s reads a token of HS256: %+v, %v", algorithm, got, err)
		}
	}
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// hmacUnder signs with HMAC-SHA256, whatever the header says.
func hmacUnder(header, payload string, key []byte) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + payload
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// TestTokensKeyRotation exchanges the key: tokens of the one before go on for as long as it is named,
// new ones are signed with the new key alone.
func TestTokensKeyRotation(t *testing.T) {
	t.Parallel()
	const third = "a third key, which nobody has ever named here"
	before, after := newTokens(t, tokenKey, "HS256"), newTokens(t, otherKey, "HS256", tokenKey)
	want := Claims{UserID: 7, Version: 3, Session: "s"}
	old, err := before.New(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := after.Read(old); err != nil || got != want {
		t.Errorf("a token of the previous key is %+v, %v", got, err)
	}
	fresh, err := after.New(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := newTokens(t, otherKey, "HS256").Read(fresh); err != nil || got != want {
		t.Errorf("a new token under the new key alone is %+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		tokens *Tokens
		token  string
	}{
		"NewTokenOldKey":          {before, fresh},
		"OldTokenAfterwards":      {newTokens(t, otherKey, "HS256"), old},
		"OldTokenNoPrevious":      {newTokens(t, otherKey, "HS256", ""), old},
		"ThirdKey":                {after, sign(t, jwt.SigningMethodHS256, []byte(third), claims(nil))},
		"EmptyKeyNoPrevious":      {newTokens(t, otherKey, "HS256", ""), sign(t, jwt.SigningMethodHS256, []byte{}, claims(nil))},
		"PreviousKeyOtherAlg":     {after, sign(t, jwt.SigningMethodHS512, []byte(tokenKey), claims(nil))},
		"PreviousKeyExpired":      {after, sign(t, jwt.SigningMethodHS256, []byte(tokenKey), claims(map[string]any{"exp": 1}))},
		"PreviousKeyNoExpiry":     {after, sign(t, jwt.SigningMethodHS256, []byte(tokenKey), claims(map[string]any{"exp": nil}))},
		"PreviousKeyUnsigned":     {after, sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil))},
		"BothKeysOneAfterAnother": {newTokens(t, otherKey+tokenKey, "HS256", tokenKey+otherKey), old},
	} {
		if got, err := c.tokens.Read(c.token); !errors.Is(err, ErrToken) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// flip changes the first character, all of whose bits count.
func flip(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

// TestTokensReadAgain reads one token until it has expired: that it was good before does not keep it good.
func TestTokensReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := newTokens(t, tokenKey, "HS256")
		token, err := tokens.New(Claims{UserID: 7, Version: 3})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if got, err := tokens.Read(token); err != nil || got != (Claims{UserID: 7, Version: 3}) {
				t.Errorf("got %+v, %v", got, err)
			}
		}
		if _, err := tokens.Read(token[:len(token)-1]); !errors.Is(err, ErrToken) {
			t.Errorf("a part of it is taken: %v", err)
		}
		time.Sleep(time.Hour + 6*time.Second)
		for range 2 {
			if got, err := tokens.Read(token); !errors.Is(err, ErrToken) || got != (Claims{}) {
				t.Errorf("after its time it is %+v, %v", got, err)
			}
		}
	})
}
