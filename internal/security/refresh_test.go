package security

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestRefreshToken(t *testing.T) {
	t.Parallel()
	a, b := NewRefreshToken(), NewRefreshToken()
	if a == b || len(a.String()) != 43 {
		t.Fatalf("tokens are %s and %s", a, b)
	}
	var differ RefreshToken // the bits that are not always the same
	for range 100 {
		for i, c := range NewRefreshToken() {
			differ[i] |= c ^ a[i]
		}
	}
	if differ != RefreshToken(bytes.Repeat([]byte{0xff}, len(differ))) {
		t.Errorf("only these bits are random: %x", differ[:])
	}
	if got, err := ParseRefreshToken(a.String()); err != nil || got != a {
		t.Errorf("read back as %v, %v", got, err)
	}
	if bytes.Contains(a.Hash(), a[:16]) || bytes.Equal(a.Hash(), b.Hash()) || !bytes.Equal(a.Hash(), a.Hash()) {
		t.Error("the hash is none")
	}
	salt, other := []byte("salt"), []byte("tlas")
	next := a.Next(salt)
	if next != a.Next(salt) || next == a || next == a.Next(other) || next == b.Next(salt) || bytes.Equal(next[:], a.Hash()) {
		t.Error("the successor is not one of the token and the salt alone")
	}
}

func TestParseRefreshTokenRefuses(t *testing.T) {
	t.Parallel()
	good := NewRefreshToken().String()
	for _, text := range []string{"", " ", good[1:], good + "A", good + "=", " " + good, good[:42] + "!", strings.Repeat("A", 20_000), "\x00\xff", "' OR 1=1 --"} {
		if got, err := ParseRefreshToken(text); !errors.Is(err, ErrToken) || got != (RefreshToken{}) {
			t.Errorf("%.50q is %v, %v", text, got, err)
		}
	}
}
