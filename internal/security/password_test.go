package security

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Hashes that the earlier backend made.
const (
	legacyHash        = "$2b$12$Oy2NLqmd3iGsvLnWyqpoH.NrXyl03gzAGxGvQ1VtGKGsFEFAtNswK" // of asha-pass-1
	legacyUnicodeHash = "$2b$12$..aGL76H56cQqubUC1DIweQLv0J4vtb0J9vIi88FGIm9.eZKfJkei" // of chén-pässwörd-ü
)

// TestPasswordsAtFullCost is the one test that takes the time that a real hash takes.
func TestPasswordsAtFullCost(t *testing.T) {
	t.Parallel()
	hash, err := NewPasswords(PasswordCost).Hash("asha-pass-1")
	if err != nil {
		t.Fatal(err)
	}
	if cost, err := bcrypt.Cost([]byte(hash)); err != nil || cost != 12 {
		t.Errorf("cost of %s is %d, %v, want 12", hash, cost, err)
	}
}

func TestPasswordsMatchLegacyHashes(t *testing.T) {
	t.Parallel()
	p := NewPasswords(bcrypt.MinCost)
	for name, c := range map[string]struct {
		hash, password string
		want           bool
	}{
		"ASCII":     {legacyHash, "asha-pass-1", true},
		"Unicode":   {legacyUnicodeHash, "chén-pässwörd-ü", true},
		"NoAccents": {legacyUnicodeHash, "chen-password-u", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := p.Matches(c.hash, c.password); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestPasswordsHash(t *testing.T) {
	t.Parallel()
	p := NewPasswords(bcrypt.MinCost)
	t.Run("Matches", func(t *testing.T) {
		t.Parallel()
		for _, password := range []string{"12345678", " 12345678 ", strings.Repeat("a", 72), strings.Repeat("ü", 36)} {
			hash, err := p.Hash(password)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(hash, password) || !p.Matches(hash, password) {
				t.Errorf("%q does not match %s", password, hash)
			}
			for _, other := range []string{"", password[:len(password)-1], "x" + password[1:], strings.TrimSpace(password)} {
				if other != password && p.Matches(hash, other) {
					t.Errorf("%q matches the hash of %q", other, password)
				}
			}
		}
	})
	t.Run("IsSalted", func(t *testing.T) {
		t.Parallel()
		a, errA := p.Hash("12345678")
		b, errB := p.Hash("12345678")
		if errA != nil || errB != nil || a == b {
			t.Errorf("got %s, %v and %s, %v", a, errA, b, errB)
		}
	})
	t.Run("OlderOnesWereCutAt72Bytes", func(t *testing.T) {
		t.Parallel()
		hash, err := p.Hash(strings.Repeat("ü", 36))
		older := "$2b$" + strings.TrimPrefix(hash, "$2a$")
		if err != nil || !p.Matches(older, strings.Repeat("ü", 40)) {
			t.Errorf("the whole password does not match %s, %v", older, err)
		}
		if p.Matches(hash, strings.Repeat("ü", 36)+"x") {
			t.Error("one that was set here matches with something behind it")
		}
	})
	t.Run("NUL", func(t *testing.T) { // where bcrypt begins again
		t.Parallel()
		hash, err := p.Hash("thimble-1")
		if err != nil || p.Matches(hash, "thimble-1\x00thimble-1") || p.Matches(hash, "thimble-1\x00") {
			t.Errorf("the password twice matches %s, %v", hash, err)
		}
	})
	t.Run("TooLong", func(t *testing.T) {
		t.Parallel()
		password := strings.Repeat("a", 73)
		hash, err := p.Hash(password)
		if !errors.Is(err, bcrypt.ErrPasswordTooLong) || hash != "" || strings.Contains(err.Error(), password) {
			t.Errorf("got %q, %v", hash, err)
		}
	})
}

// TestPasswordsWithoutHash counts the comparisons with the stand-in: without one, the time of an
// answer would tell which accounts exist.
func TestPasswordsWithoutHash(t *testing.T) {
	t.Parallel()
	for name, hash := range map[string]string{
		"Empty":       "",
		"Spaces":      "   ",
		"Plain":       "asha-pass-1",
		"Exclamation": "!",
		"CutOff":      legacyHash[:len(legacyHash)-2],
		"OtherScheme": "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$" + strings.Repeat("A", 43),
		"CostTooHigh": "$2b$99$" + legacyHash[7:],
		"CostOfDays":  "$2b$31$" + legacyHash[7:],
		"CostBeyond":  "$2a$16$" + legacyHash[7:],
		"BadSalt":     "$2b$04$" + strings.Repeat("!", 53),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := NewPasswords(bcrypt.MinCost)
			dummy, compared := p.dummy, 0
			p.dummy = func() []byte {
				compared++
				return dummy()
			}
			for _, password := range []string{"", "asha-pass-1", hash, "nobody has this password"} {
				if p.Matches(hash, password) {
					t.Errorf("%q matches", password)
				}
			}
			if compared != 4 {
				t.Errorf("%d of 4 passwords cost a comparison", compared)
			}
		})
	}
	t.Run("StandInIsAsDear", func(t *testing.T) {
		t.Parallel()
		p := NewPasswords(bcrypt.MinCost + 1)
		if cost, err := bcrypt.Cost(p.dummy()); err != nil || cost != bcrypt.MinCost+1 {
			t.Errorf("cost is %d, %v", cost, err)
		}
	})
	t.Run("LowerCost", func(t *testing.T) {
		t.Parallel()
		hash, err := NewPasswords(bcrypt.MinCost).Hash("asha-pass-1")
		if err != nil {
			t.Fatal(err)
		}
		p := NewPasswords(bcrypt.MinCost + 3)
		dummy, compared := p.dummy, 0
		p.dummy = func() []byte {
			compared++
			return dummy()
		}
		if p.Matches(hash, "asha-pass-2") || compared != 3 { // 2^4 of 2^7, and 2^4 + 2^5 + 2^6
			t.Errorf("made up for with %d comparisons", compared)
		}
		if !p.Matches(hash, "asha-pass-1") || compared != 3 {
			t.Errorf("who knows it pays, too: %d", compared)
		}
		if cost, err := bcrypt.Cost(atCost(dummy(), bcrypt.MinCost+1)); err != nil || cost != bcrypt.MinCost+1 {
			t.Errorf("a step's cost is %d, %v", cost, err)
		}
	})
	t.Run("RealHashNeedsNone", func(t *testing.T) {
		t.Parallel()
		p := NewPasswords(bcrypt.MinCost)
		hash, err := p.Hash("asha-pass-1")
		if err != nil {
			t.Fatal(err)
		}
		p.dummy = func() []byte { t.Error("compared twice"); return nil }
		if !p.Matches(hash, "asha-pass-1") || p.Matches(hash, "asha-pass-2") {
			t.Error("wrong answer")
		}
	})
}

// TestSlotsOfBothKinds has many wait to register, each from an address, and one to log in, or the other way round: the one is served soon.
func TestSlotsOfBothKinds(t *testing.T) {
	t.Parallel()
	for name, swapped := range map[string]bool{"Login": false, "Register": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := NewPasswords(bcrypt.MinCost)
			flood, other := p.SlotToRegister, p.Slot
			if swapped {
				flood, other = other, flood
			}
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			var held []func()
			for {
				leave, err := flood(gone, "here")
				if err != nil {
					break
				}
				held = append(held, leave)
			}
			const many = 60
			went := make(chan string, many+1)
			var waiting sync.WaitGroup
			come := func(slot func(context.Context, string) (func(), error), address string) {
				waiting.Go(func() {
					leave, err := slot(t.Context(), address)
					if err != nil {
						t.Error(err)
						return
					}
					went <- address
					time.Sleep(time.Millisecond)
					leave()
				})
			}
			for i := range many {
				come(flood, fmt.Sprint("flood ", i))
			}
			time.Sleep(100 * time.Millisecond) // until they wait
			come(other, "other")
			time.Sleep(100 * time.Millisecond)
			held[0]()
			waiting.Wait()
			for n := range many + 1 {
				if address := <-went; address == "other" && n > 5 {
					t.Errorf("served as number %d", n)
				}
			}
			for _, leave := range held[1:] {
				leave()
			}
			for _, q := range []*Queue{p.logins, p.registrations} {
				checkEmpty(t, q, 2*len(held))
			}
			checkEmpty(t, p.slots, len(held))
		})
	}
}
