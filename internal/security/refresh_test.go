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
	if a == b || len(a.String()) != 64 {
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
	if next != a.Next(salt) || next == a || next == a.Next(other) || next == b.Next(salt) || bytes.Equal(next[16:], a.Hash()) {
		t.Error("the successor is not one of the token and the salt alone")
	}
	if bytes.Equal(next[16:], a[16:]) {
		t.Error("the successor does not follow from what is the token's own")
	}
}

// TestRefreshTokenSession tells of which session a token is, whatever became of it, and tells nobody who knows the session a token.
func TestRefreshTokenSession(t *testing.T) {
	t.Parallel()
	a := NewRefreshToken()
	session := a.Session()
	if len(session) != SessionSize || bytes.Equal(session, NewRefreshToken().Session()) || bytes.Contains(a[:], session) {
		t.Fatalf("the session of %x is %x", a[:], session)
	}
	for last, i := a, byte(0); i < 5; i++ {
		if last = last.Next([]byte{i}); !bytes.Equal(last.Session(), session) {
			t.Fatalf("after %d successors it is %x", i+1, last.Session())
		}
	}
	for i := range a {
		forged := a
		forged[i] ^= 1
		if same := bytes.Equal(forged.Session(), session); same != (i >= 16) {
			t.Errorf("with another byte %d it is the same: %t", i, same)
		}
		if bytes.Equal(forged.Hash(), a.Hash()) {
			t.Errorf("byte %d makes no difference", i)
		}
	}
}

func TestParseRefreshTokenRefuses(t *testing.T) {
	t.Parallel()
	good := NewRefreshToken().String()
	for _, text := range []string{"", " ", good[1:], good + "A", good + "=", " " + good, good[:63] + "!", strings.Repeat("A", 20_000), "\x00\xff", "' OR 1=1 --"} {
		if got, err := ParseRefreshToken(text); !errors.Is(err, ErrToken) || got != (RefreshToken{}) {
			t.Errorf("%.50q is %v, %v", text, got, err)
		}
	}
}
