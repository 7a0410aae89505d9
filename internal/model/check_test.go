package model_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
)

// long is n characters of two bytes each.
func long(n int) string { return strings.Repeat("ä", n) }

func ptr[T any](v T) *T { return &v }

type validator interface{ Validate() error }

// problems returns what Validate says, "field: sentence" each; it must be an InvalidInput or nil.
func problems(t *testing.T, in validator) []string {
	t.Helper()
	err := in.Validate()
	if err == nil {
		return nil
	}
	var e *apperr.Error
	if !errors.As(err, &e) || e.Code != apperr.InvalidInput || len(e.Fields) == 0 {
		t.Fatalf("%T is no refusal of fields: %v", err, err)
	}
	var list []string
	for _, f := range e.Fields {
		list = append(list, f.Name+": "+f.Message)
	}
	return list
}

// verdict is an input and what is wrong with it.
type verdict struct {
	in   validator
	want []string
}

func ok(in validator) verdict { return verdict{in: in} }

func bad(in validator, want ...string) verdict { return verdict{in, want} }

func judge(t *testing.T, cases map[string]verdict) {
	t.Parallel()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := problems(t, c.in); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestValidateName(t *testing.T) {
	const tooLong, control = "name: Name must have at most 255 characters.", "name: Name must not contain line breaks or control characters."
	with := func(name string) *model.RegisterInput {
		return &model.RegisterInput{Name: name, Email: "asha@example.com", Password: "asha-pass-1"}
	}
	judge(t, map[string]verdict{
		"OneCharacter":          ok(with("李")),
		"MostCharacters":        ok(with(long(255))),
		"MostOfFourBytes":       ok(with(strings.Repeat("🛒", 255))),
		"SpacesAroundDontCount": ok(with("  " + long(255) + "\n")),
		"Quotes":                ok(with(`Robert'); DROP TABLE users;-- "\`)),
		"TooLong":               bad(with(long(256)), tooLong),
		"Empty":                 bad(with(""), "name: Name is required."),
		"Spaces":                bad(with(" \t\n\u00a0"), "name: Name is required."),
		"LineBreak":             bad(with("A\nB"), control),
		"Nul":                   bad(with("A\x00B"), control),
		"Escape":                bad(with("A\x1b[31mB"), control),
		"Delete":                bad(with("A\u007fB"), control),
		"RightToLeft":           ok(with("\u200fאשה")),
		"Emoji":                 ok(with("👩\u200d🚀")),
		"OnlyInvisible":         bad(with("\u200b\u00ad\u3164\u2800"), "name: Name is required."),
		"OnlySelectors":         bad(with("\ufe0f\U000e0100\u180b\u17b4"), "name: Name is required."),
		"EmojiWithSelector":     ok(with("❤\ufe0f")),
		"LineSeparator":         bad(with("A\u2028B"), control),
		"ParagraphSeparator":    bad(with("A\u2029B"), control),
		"TurnedAround":          bad(with("\u202eahsA"), control),
		"Isolated":              bad(with("A\u2066B"), control),
	})
}

func TestValidateEmail(t *testing.T) {
	const shape = "email: Email must be an e-mail address such as name@example.com."
	with := func(email string) *model.RegisterInput {
		return &model.RegisterInput{Name: "Asha", Email: email, Password: "asha-pass-1"}
	}
	const host = "@example.com"
	judge(t, map[string]verdict{
		"Plain":          ok(with("asha@example.com")),
		"Plus":           ok(with("asha.rao+shop@mail.example.co.in")),
		"Capitals":       ok(with("Asha@Example.COM")),
		"Apostrophe":     ok(with("o'neill@example.com")),
		"Unicode":        ok(with("jörg@bücher.example")),
		"SpacesAround":   ok(with("  asha@example.com\n")),
		"Longest":        ok(with(strings.Repeat("a", 255-len(host)) + host)),
		"TooLong":        bad(with(strings.Repeat("a", 256-len(host))+host), "email: Email must have at most 255 characters."),
		"Empty":          bad(with(""), "email: Email is required."),
		"Spaces":         bad(with("   "), "email: Email is required."),
		"NoAt":           bad(with("asha.example.com"), shape),
		"NoName":         bad(with("@example.com"), shape),
		"NoHost":         bad(with("asha@"), shape),
		"TwoAts":         bad(with("asha@home@example.com"), shape),
		"SpaceInside":    bad(with("as ha@example.com"), shape),
		"DisplayName":    bad(with("Asha <asha@example.com>"), shape),
		"AngleBrackets":  bad(with("<asha@example.com>"), shape),
		"Comment":        bad(with("asha(me)@example.com"), shape),
		"Quoted":         bad(with(`"asha"@example.com`), shape),
		"Two":            bad(with("asha@example.com,ben@example.com"), shape),
		"DotDot":         bad(with("asha..rao@example.com"), shape),
		"LineBreak":      bad(with("asha@example.com\nBcc: x"), "email: Email must not contain line breaks or control characters."),
		"ControlInIt":    bad(with("as\x00ha@example.com"), "email: Email must not contain line breaks or control characters."),
		"TrailingDotted": bad(with("asha@example.com."), shape),
		"Composed":       ok(with("zo\u00eb@example.com")),
		"Decomposed":     bad(with("zoe\u0308@example.com"), shape),
		"FullWidth":      bad(with("\uff41sha@example.com"), shape),
		"Selector":       bad(with("asha\ufe0f@example.com"), shape),
		"DottedCapital":  bad(with("rav\u0130@example.com"), shape),
		"NoWidth":        bad(with("asha\u200b@example.com"), shape),
		"NoWidthBefore":  bad(with("\ufeffasha@example.com"), shape),
		"Joiner":         bad(with("asha@\u200dexample.com"), shape),
		"Filler":         bad(with("asha\u3164@example.com"), shape),
		"TurnedAround":   bad(with("asha@example.com\u202e"), "email: Email must not contain line breaks or control characters."),
	})
}

func TestValidatePassword(t *testing.T) {
	const tooShort, tooLong = "password: Password must have at least 8 characters.", "password: Password must have at most 72 bytes."
	with := func(password string) *model.RegisterInput {
		return &model.RegisterInput{Name: "Asha", Email: "asha@example.com", Password: password}
	}
	judge(t, map[string]verdict{
		"EightCharacters":         ok(with("thimble8")),
		"EightOfTwoBytes":         ok(with("éèàùâêîô")),
		"EightOfFourBytes":        ok(with("🔑🌵🍋🎈🐙🚲🪁🧵")),
		"SpacesCount":             ok(with("  12 45  ")),
		"SeventyTwoBytes":         ok(with(strings.Repeat("a", 72))),
		"SeventyTwoInThirtySix":   ok(with(long(36))),
		"Empty":                   bad(with(""), "password: Password is required."),
		"SevenCharacters":         bad(with("1234567"), tooShort),
		"SevenInFourteenBytes":    bad(with(long(7)), tooShort),
		"SevenInTwentyEightBytes": bad(with(strings.Repeat("🔑", 7)), tooShort),
		"SeventyThreeBytes":       bad(with(strings.Repeat("a", 73)), tooLong),
		"SeventyFourInFewer":      bad(with(long(37)), tooLong),
	})
}

func TestValidateAddress(t *testing.T) {
	const tooLong = "address: Address must have at most 255 characters."
	with := func(address string) *model.AddressInput { return &model.AddressInput{Address: &address} }
	judge(t, map[string]verdict{
		"OneLine":             ok(with("12 MG Road, Bengaluru")),
		"Lines":               ok(with("12 MG Road\nBengaluru\r\n560001\tIndia")),
		"Longest":             ok(with(long(255))),
		"SpacesDontCount":     ok(with("\n " + long(255) + "\r\n")),
		"LongestOfTwoLines":   ok(with(long(127) + "\r\n" + long(126))),
		"TooLong":             bad(with(long(256)), tooLong),
		"BreakCountsAsStored": bad(with(long(127)+"\r\n"+long(127)), tooLong),
		"Empty":               ok(with("")),
		"OnlyBreaks":          ok(with(" \r\n\t")),
		"Missing":             bad(&model.AddressInput{}, "address: Address is required."),
		"Nul":                 bad(with("A\x00B"), "address: Address must not contain line breaks or control characters."),
		"Bell":                bad(with("A\nB\a"), "address: Address must not contain line breaks or control characters."),
	})
}

func TestValidateImageURL(t *testing.T) {
	const shape = "image_url: Image url must be a web address that starts with http:// or https://."
	const start = "https://shop.example/"
	with := func(url string) *model.ProductInput {
		return &model.ProductInput{Name: "Lamp", Price: ptr(model.Money(1999)), Category: "Home", Stock: ptr(model.Int(5)), ImageURL: &url}
	}
	judge(t, map[string]verdict{
		"HTTPS":      ok(with("https://shop.example/lamp.png?size=2#top")),
		"HTTP":       ok(with("http://127.0.0.1:9000/lamp.png")),
		"Capitals":   ok(with("HTTPS://shop.example/lamp.png")),
		"Unicode":    ok(with("https://shop.example/lämp.png")),
		"Empty":      ok(with("")),
		"Longest":    ok(with(start + long(255-len(start)))),
		"TooLong":    bad(with(start+long(256-len(start))), "image_url: Image url must have at most 255 characters."),
		"Script":     bad(with("javascript:alert(1)"), shape),
		"Data":       bad(with("data:image/png;base64,AAAA"), shape),
		"FTP":        bad(with("ftp://shop.example/lamp.png"), shape),
		"File":       bad(with("file:///etc/passwd"), shape),
		"Path":       bad(with("/lamp.png"), shape),
		"NoScheme":   bad(with("//shop.example/lamp.png"), shape),
		"NoHost":     bad(with("https:///lamp.png"), shape),
		"Opaque":     bad(with("https:lamp.png"), shape),
		"BadEscape":  bad(with("https://shop.example%zz/"), shape),
		"LineBreak":  bad(with("https://shop.example/\nx"), shape),
		"Own":        ok(with("/pictures/plate-teal.svg")),
		"OwnAbove":   bad(with("/pictures/../../admin"), shape),
		"OwnEscaped": bad(with("/pictures/%2e%2e/admin"), shape),
		"TurnedHost": bad(with("http://\u202e/x"), shape),
		"OwnDoubled": bad(with("/pictures//evil.example/x"), shape),
		"Quote":      bad(with(`https://x/"onerror=1`), shape),
		"Password":   bad(with("https://u:p@shop.example/"), shape),
		"HiddenStar": bad(with("java\tscript:https://x"), shape),
	})
}
