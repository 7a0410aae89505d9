package security

import (
	"bytes"
	"crypto/sha256"
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
	differ := make([]byte, 48) // the bits that are not always the same
	for range 100 {
		for i, c := range NewRefreshToken().bytes() {
			differ[i] |= c ^ a.bytes()[i]
		}
	}
	if !bytes.Equal(differ, bytes.Repeat([]byte{0xff}, len(differ))) {
		t.Errorf("only these bits are random: %x", differ)
	}
	if got, err := ParseRefreshToken(a.String()); err != nil || got != a {
		t.Errorf("read back as %v, %v", got, err)
	}
	if bytes.Contains(a.Hash(), a.bytes()[:16]) || bytes.Equal(a.Hash(), b.Hash()) || !bytes.Equal(a.Hash(), a.Hash()) {
		t.Error("the hash is none")
	}
	salt, other := []byte("salt"), []byte("tlas")
	next := a.Next(salt)
	if next != a.Next(salt) || next == a || next == a.Next(other) || next == b.Next(salt) || bytes.Equal(next.own[:], a.Hash()) {
		t.Error("the successor is not one of the token and the salt alone")
	}
	if next.own == a.own {
		t.Error("the successor does not follow from what is the token's own")
	}
}

// TestRefreshTokenSession tells of which session a token is, whatever became of it, and tells nobody who knows the session a token.
func TestRefreshTokenSession(t *testing.T) {
	t.Parallel()
	a := NewRefreshToken()
	session := a.Session()
	if len(session) != SessionSize || bytes.Equal(session, NewRefreshToken().Session()) || bytes.Contains(a.bytes(), session) {
		t.Fatalf("the session of %x is %x", a.bytes(), session)
	}
	for last, i := a, byte(0); i < 5; i++ {
		if last = last.Next([]byte{i}); !bytes.Equal(last.Session(), session) {
			t.Fatalf("after %d successors it is %x", i+1, last.Session())
		}
	}
	for i := range a.bytes() {
		b := a.bytes()
		b[i] ^= 1
		forged := RefreshToken{session: [16]byte(b), own: [32]byte(b[16:])}
		if same := bytes.Equal(forged.Session(), session); same != (i >= 16) {
			t.Errorf("with another byte %d it is the same: %t", i, same)
		}
		if bytes.Equal(forged.Hash(), a.Hash()) {
			t.Errorf("byte %d makes no difference", i)
		}
	}
}

// TestUnnamedRefreshToken reads a token as earlier versions gave them out: it names no session, nor does any that follows from it.
func TestUnnamedRefreshToken(t *testing.T) {
	t.Parallel()
	const text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	token, err := ParseRefreshToken(text)
	if err != nil || token.String() != text {
		t.Fatalf("it is %s, %v", token, err)
	}
	hash := sha256.Sum256([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"))
	if !bytes.Equal(token.Hash(), hash[:]) {
		t.Errorf("its hash is %x", token.Hash())
	}
	next := token.Next([]byte("salt"))
	if again, err := ParseRefreshToken(next.String()); err != nil || again != next || len(next.String()) != len(text) {
		t.Errorf("the next one is %s, %v", next, err)
	}
	if token.Session() != nil || next.Session() != nil {
		t.Errorf("they name %x and %x", token.Session(), next.Session())
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
