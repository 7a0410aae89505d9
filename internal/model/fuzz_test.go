package model

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// oddTexts are seeds for whatever reads text: bytes that are no UTF-8, NUL, lone surrogates as JSON writes
// them, marks that turn the writing round, digits of other scripts, and numbers at every limit.
var oddTexts = []string{"", " ", "0", "-0", "00", "+1", "1e3", "1E400", "0x1f", "NaN", "Infinity", "1_000", "19.99", "19.999", ".5", "5.", "1.2.3", "-1",
	"127", "128", "32768", "2147483647", "2147483648", "4294967296", "9007199254740993", "9223372036854775807", "9223372036854775808",
	"-9223372036854775808", "-9223372036854775809", "9999999999.99", "10000000000.00", "92233720368547758.07", strings.Repeat("9", 400),
	"\x00", "1\x00", "\xff", "\xc3\x28", "\xed\xa0\x80", "\xf4\x90\x80\x80", `"\ud800"`, `"\udc00\ud800"`, "\u202e1", "\u200f", "\ufeff1", "١٢", "１", "½",
	`"5"`, `" 19.99 "`, "null", "true", "[]", "{}", `"\u0000"`}

// FuzzMoney reads amounts: what is read comes out as it went in, and nothing else gets in.
func FuzzMoney(f *testing.F) {
	for _, s := range oddTexts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMoney(s)
		if err != nil {
			if text := err.Error(); m != 0 || !strings.HasPrefix(text, "must be ") {
				t.Errorf("%q became %d with %s", s, m, text)
			}
		} else if again, err := ParseMoney(m.String()); err != nil || again != m || m < 0 || m > MaxMoney || strings.Trim(s, "0123456789.") != "" {
			t.Errorf("%q became %s, which is %s, %v", s, m, again, err)
		} else if whole, _, _ := strings.Cut(m.String(), "."); strings.TrimLeft(strings.SplitN(s, ".", 2)[0], "0") != strings.TrimLeft(whole, "0") {
			t.Errorf("%q became %s", s, m)
		} else if _, frac, _ := strings.Cut(s, "."); len(frac) > 2 {
			t.Errorf("%q became %s", s, m)
		}
		var fromJSON Money
		if err := json.Unmarshal([]byte(s), &fromJSON); err == nil && strings.TrimSpace(s) != "null" {
			out, err := json.Marshal(fromJSON)
			if again, bad := ParseMoney(string(out)); err != nil || bad != nil || again != fromJSON {
				t.Errorf("%s was read as %s, %v, %v", s, out, err, bad)
			}
		}
		var scanned Money
		if err := scanned.Scan([]byte(s)); err == nil && m != 0 && scanned != m {
			t.Errorf("%q is %s, and %s from the database", s, m, scanned)
		}
	})
}

// FuzzInt reads whole numbers, from text and from JSON.
func FuzzInt(f *testing.F) {
	for _, s := range oddTexts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseInt(s)
		if err == nil && (strings.Trim(s, "-0123456789") != "" || s == "") {
			t.Errorf("%q became %d", s, n)
		}
		if err != nil && n != 0 {
			t.Errorf("%q became %d with %v", s, n, err)
		}
		var fromJSON Int
		if json.Unmarshal([]byte(s), &fromJSON) == nil && err == nil && fromJSON != n {
			t.Errorf("%s is %d, and %d from JSON", s, n, fromJSON)
		}
		var in struct{ N Nullable[Int] }
		if json.Unmarshal([]byte(`{"N":`+s+`}`), &in) == nil && in.N.Value != nil && !in.N.Set {
			t.Errorf("%s is there, and not set", s)
		}
	})
}

// FuzzCursor reads places in lists: those that lists give are read as what they are, and others are refused
// or are of the same shape.
func FuzzCursor(f *testing.F) {
	for _, s := range oddTexts {
		f.Add(s, s, int64(len(s)))
	}
	f.Add(Cursor{ID: 1}.String(), "asc", int64(1))
	f.Add(Cursor{Sort: "asc", Key: "19.99", ID: 1 << 62}.String(), "asc", int64(1<<62))
	f.Fuzz(func(t *testing.T, text, sort string, id int64) {
		p := Page{Cursor: text}
		if err := p.Validate(); err == nil && text != "" && (p.After() == nil || p.After().ID < 1 || p.After().Sort != "") {
			t.Errorf("%q became %v", text, p.After())
		} else if err != nil && p.After() != nil {
			t.Errorf("%q is refused, and is %v", text, p.After())
		}
		if id < 1 || !utf8.ValidString(sort) || !utf8.ValidString(text) {
			return
		}
		var c check
		given := Cursor{sort, text, id}
		p = Page{Cursor: given.String()}
		if p.check(&c, sort); len(c.fields) > 0 || *p.After() != given {
			t.Errorf("%v became %v, %v", given, p.After(), c.fields)
		}
		if p.checkMoneyKey(&c); len(c.fields) == 0 {
			if _, err := ParseMoney(text); err != nil {
				t.Errorf("%q passes for an amount", text)
			}
		}
		var times check
		if p.checkTimeKey(&times); len(times.fields) == 0 {
			if at := p.After().Time(); at.Year() < 1000 || at.Year() > 9999 {
				t.Errorf("%q passes for a moment", text)
			}
		}
	})
}

// FuzzTexts checks people's texts: what passes is one line of valid characters within its length, and
// passes again as it is.
func FuzzTexts(f *testing.F) {
	for _, s := range oddTexts {
		f.Add(s, s, s)
		f.Add("Ann "+s, "ann"+s+"@example.com", "thimble "+s)
		f.Add("Ann "+s, "ann@example.com", "thimble-9000")
	}
	f.Fuzz(func(t *testing.T, name, email, password string) {
		if !utf8.ValidString(name + email + password) { // the bodies' decoder refuses these
			return
		}
		in := RegisterInput{Name: name, Email: email, Password: password}
		if in.Validate() == nil {
			again := in
			if err := again.Validate(); err != nil || again != in {
				t.Errorf("%+v becomes %+v, %v", in, again, err)
			}
			if n := utf8.RuneCountInString(in.Name); n < 1 || n > 255 || strings.ContainsAny(in.Name+in.Email, "\x00\r\n\u202e\u2066") || strings.Count(in.Email, "@") < 1 || len(in.Password) > 72 {
				t.Errorf("%+v passes", in)
			}
		}
		address := AddressInput{Address: &name}
		image, price, stock := email, Money(1), Int(1)
		product := ProductInput{Name: name, Price: &price, Category: password, Stock: &stock, ImageURL: &image}
		for _, v := range []interface{ Validate() error }{&address, &product,
			&OrderInput{PaymentMethod: name, ShippingAddress: email, IdempotencyKey: &password}, &LoginInput{Username: name, Email: email, Password: password}} {
			_ = v.Validate() // must not panic
		}
		if i := product.ImageURL; product.Validate() == nil && i != nil && *i != "" && !slices.ContainsFunc([]string{"http://", "https://"}, func(p string) bool {
			return len(*i) > len(p) && strings.EqualFold((*i)[:len(p)], p)
		}) {
			t.Errorf("%q passes for the address of an image", *i)
		}
	})
}
