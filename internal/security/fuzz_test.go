package security

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

// FuzzToken reads access tokens: only what the key has signed is read, whatever surrounds it.
func FuzzToken(f *testing.F) {
	tokens, err := NewTokens(strings.Repeat("k", 32), "HS256", time.Hour, strings.Repeat("p", 32))
	if err != nil {
		f.Fatal(err)
	}
	signed, err := tokens.New(Claims{UserID: 1, Version: 2, Session: "s"})
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(signed, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	none := b64([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
	for _, s := range []string{"", ".", "..", "...", signed, signed + ".", none, parts[0] + "." + b64([]byte(`{"sub":"9223372036854775808","ver":0,"iat":1e400,"exp":-1}`)) + "." + parts[2],
		parts[0] + "." + b64([]byte(`{"sub":"\ud800","exp":"x"}`)) + "." + parts[2], "\xff.\x00.\u202e", strings.Repeat("a.", 5000), b64([]byte(strings.Repeat("[", 12000))) + "..x",
		b64([]byte(`{"alg":"HS256","crit":["x"],"kid":"../../etc/passwd"}`)) + "." + parts[1] + "." + parts[2]} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := tokens.Read(s)
		if err != nil && (!errors.Is(err, ErrToken) || c != Claims{}) {
			t.Errorf("%q became %v, %v", s, c, err)
		}
		if err == nil && c != (Claims{UserID: 1, Version: 2, Session: "s"}) {
			t.Errorf("%q is read as %v, which nobody signed", s, c)
		}
	})
}

// FuzzRefreshToken reads refresh tokens: each has one spelling.
func FuzzRefreshToken(f *testing.F) {
	for _, s := range []string{"", RefreshToken{}.String(), NewRefreshToken().String(), RefreshToken{}.String() + "=", strings.Repeat("A", 63) + "B", strings.Repeat("A", 43), strings.Repeat("A", 42) + "B", "\x00", "\xff", strings.Repeat("é", 32)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token, err := ParseRefreshToken(s)
		if err != nil {
			if !errors.Is(err, ErrToken) || s != "" && len(s) > 8 && strings.Contains(err.Error(), s) {
				t.Errorf("%q: %v", s, err)
			}
		} else if token.String() != s {
			t.Errorf("%q is another spelling of %s", s, token)
		} else if bytes.Equal(token.Hash(), token.own[:]) || token.Next(nil) == token {
			t.Errorf("%q is kept as it is", s)
		}
	})
}
