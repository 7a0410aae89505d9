package model_test

import (
	"strings"
	"testing"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
)

const (
	tooCommon = "password: Password is one of the most common ones, which are guessed first; please choose another."
	tooOwn    = "password: Password must not be your own name or e-mail."
)

// registered returns what a registration with this password complains of.
func registered(name, email, password string) string {
	in := model.RegisterInput{Name: name, Email: email, Password: password}
	var all []string
	for _, f := range apperr.FieldsOf(in.Validate()) {
		all = append(all, f.Name+": "+f.Message)
	}
	return strings.Join(all, "\n")
}

func TestCommonPasswords(t *testing.T) {
	t.Parallel()
	for _, common := range []string{
		"12345678", "password", "iloveyou", "qwertyuiop", "1qaz2wsx", "password123", // as they are on the list
		"PASSWORD", "PassWord", "QWERTYuiop", // in other letters
		"password!", "Password1!", "pass-word", " password ", "p.a.s.s.w.o.r.d", // with marks
		"password2026", "Password2026!", "iloveyou99", "password-1", "password 123", // with digits
		"letmein2024", "qwerty123!", "hexamart1", "HexaMart2026", "h3xamart", "summer2025", "dragon-99", "monkey!!!", "L3tm31n1", "admin2024", // shorter ones with something
		"2024password", "123password", "99sunshine!", "2026hexamart", "2024 P@ssword 1", "(password)", "..p4ssw0rd..", // with something around
		"\uff50\uff41\uff53\uff53word",                                                                                                                       // in wide letters
		"p@ssw0rd", "P4$$w0rd", "pa55word", "p@ssw0rd2026!", "1l0vey0u", "we1come1", "we1c0me!", "1etmein1", "i1oveyou", "foot8all", "8aseball", "passw()rd", // with lookalikes
		"Aur0r@2024!", "Appl3!2024", "!QAZ2wsx2024", "!QAZ2wsx1", "close-up2024", "2024!P@ssw0rd!1", // and around them
		"F10r1da!", "Ca11f0rn1a", "L1verp001", "W1111am1", "Fam11y12", "Br1111ant", // of which the ones are two letters
		"Abc123!2026", "Abc1232026", "Aa123456!1", "Aa123456!2026", "2026-1qaz2wsx", "2026123abc", "Ncc1701!2026", "!!2026-abc123-99!", "!Abc12312", "Qwe1231!", "#abc123456", "77Abc12399!", "2abc1231", // that have digits of their own
		"123456782024", "1234562025!", "12345678!2024", "1111112024", "2024123456", "000000!1", "2024!123456", // or nothing else
		"p\u00e1ssw\u00f6rd1", "pa\u0301ssword", "S\u00fcnsh\u00efne!", // with accents
		"HexaMart Shop", "hexamart-shop", "hotmail.com", "Yahoo.com!", "classof08", "classof2010", "ClassOf2026!",
		"priya123", "Rahul@123", "deepak1990", "Sharma@2024", "mumbai123", "Delhi@123", "bengaluru2024", "jaishriram1", "Jai Hind 1947", "virat.kohli18", "omsairam123", "iphone123", "whatsapp1", "root@123", "iloveindia", "ahmed123", "woaini1314!", "5201314a", "Shop@123", "Mart@1234", "tom123456", "Sam@2025", "joe-1234!", "O'Brien2024", "Amma@123", "sale2024!", // of our own
	} {
		if got := registered("Asha Rao", "asha@example.com", common); got != tooCommon {
			t.Errorf("%q: %q", common, got)
		}
	}
	for _, good := range []string{
		"correct horse", "thimble-1", "2026-13-22", "83629471", "mypasswordis", "日本語の合言葉です", "kx7 2mq4", "long enough", "a long password",
		"qwerty is on my keyboard", "my letmein 2024 story", "abc-lamp-789", "2026 was a good year", "maybe tomorrow", "Nineteen84 chairs", // more than a pattern
		strings.Repeat("é", 36), strings.Repeat("correct horse battery ", 3), strings.Repeat("a", 72), "abcdefghijklmnopqrstuvwxyz", // long
	} {
		if got := registered("Asha Rao", "asha@example.com", good); got != "" {
			t.Errorf("%q: %q", good, got)
		}
	}
	if got := registered("Asha Rao", "asha@example.com", "1234567"); got != "password: Password must have at least 8 characters." {
		t.Errorf("a short one: %q", got)
	}
}

// TestDisguisesAreBounded has passwords that were made to be much work.
func TestDisguisesAreBounded(t *testing.T) {
	t.Parallel()
	for _, v := range []string{strings.Repeat("2019!", 7) + "x" + strings.Repeat("!2019", 7), "2019!2019!2019" + strings.Repeat("\ufdfa", 14) + "!2019!2019!2019", strings.Repeat("1!", 17) + "x" + strings.Repeat("!1", 17)} {
		forms := model.Disguised(v)
		if len(forms) < 10 || len(forms) > 256 {
			t.Errorf("%q has %d forms", v, len(forms))
		}
		for _, form := range forms {
			if len(form) > 72 {
				t.Errorf("%q", form)
			}
		}
	}
}

// TestDays is about birthdays and the like.
func TestDays(t *testing.T) {
	t.Parallel()
	const want = "password: Password must not be a date, which is guessed first; please choose another."
	for _, day := range []string{"10121991", "19900312", "12311999", "01/01/1996", "2026-11-22", "22.11.2026", "1999 12 31", "15aug1990", "Aug151990", "26-Jan-1950", "5 march 1999", "1999-December-31"} {
		if got := registered("Asha Rao", "asha@example.com", day); got != want && got != tooCommon {
			t.Errorf("%q: %q", day, got)
		}
	}
}

// TestPatterns is about what is no word at all, and yet tried first.
func TestPatterns(t *testing.T) {
	t.Parallel()
	const want = "password: Password must not be one piece again and again, or keys and letters in a row, which are guessed first; please choose another."
	for _, pattern := range []string{
		"aaaaaaaa", "AAAAaaaa", "!!!!!!!!", "--------", "        ", "ééééééééé", "abababab", "12121212", "xyzxyzxyz", "lamplamp", "lilaclilac", "thimblethimble", "日本語日本語日本",
		"hgfedcba", "87654321ab", "asdfghjk", "qwertzuio", "lkjhgfdsa", "poiuytre", "qwer4321", "asdfzxcv1", "abcd1234efgh", "aaaa1111", "abcdefg1234567", "asdf;lkj", "654321!2024", "2026-abcdef-1", "lilililil-99", "edcrfvtgb", "lilac.lilac", "thimble thimble", "1qaz2wsx3edc", "zaq1xsw2",
		"abcd@2024", "abc@2024", "qwer@786", "zxcv2024!", "Abcd#2025", "xyz@2024", "aaa@12345", // with something around
	} {
		if got := registered("Asha Rao", "asha@example.com", pattern); got != want && got != tooCommon {
			t.Errorf("%q: %q", pattern, got)
		}
	}
}

func TestOwnPasswords(t *testing.T) {
	t.Parallel()
	for _, own := range []string{"Asha Rao-Menon", "asha rao-menon", "asharaomenon", "ASHARAOMENON1", "asha.rao-menon!", "4sh4r40m3n0n",
		"asha.rm@example.com", "Asha.RM@Example.com", "asharmexamplecom", "asha.rm1", "asharm2026", "Asha2026", "asha12345", "4sha!!!!", "raomenon1", "2026asha", "1asharaomenon", "2026-Asha-99", "raomenonasha", "RaoMenon-Asha1", "menon-rao"} {
		if got := registered("Asha Rao-Menon", "asha.rm@example.com", own); got != tooOwn {
			t.Errorf("%q: %q", own, got)
		}
	}
	if got := registered("Asha", "kavitha.iyer@example.com", "Kavitha2026"); got != tooOwn {
		t.Errorf("a part of the e-mail: %q", got)
	}
	for _, email := range []string{"anna_schmidtke@example.com", "schmidtke+shop@example.com", "o'schmidtke@example.com"} {
		if got := registered("Asha", email, "Schmidtke2024!"); got != tooOwn {
			t.Errorf("a part of %s: %q", email, got)
		}
	}
	for _, other := range []string{"asha likes rain", "ben.kk@example.com", "example.com"} {
		if got := registered("Asha Rao-Menon", "asha.rm@example.com", other); got != "" {
			t.Errorf("%q: %q", other, got)
		}
	}
	if got := registered("", "@", "thimble-1"); strings.Contains(got, "password") {
		t.Errorf("without a name or e-mail: %q", got)
	}
}

func TestNewPasswordRefused(t *testing.T) {
	t.Parallel()
	user := model.User{Name: "Asha Rao", Email: "asha.rao@example.com"}
	in := model.PasswordInput{OldPassword: "before", NewPassword: "Password1!"}
	if fields := apperr.FieldsOf(in.Validate()); len(fields) != 1 || fields[0].Name != "new_password" {
		t.Errorf("a common one: %v", fields)
	}
	in.NewPassword = "asharao1"
	if err := in.Validate(); err != nil {
		t.Error(err)
	}
	if fields := apperr.FieldsOf(in.ValidateFor(user)); len(fields) != 1 || fields[0].Name != "new_password" {
		t.Errorf("the own name: %v", fields)
	}
	if err := in.ValidateFor(model.User{Name: "Ben", Email: "ben@example.com"}); err != nil {
		t.Errorf("another's name: %v", err)
	}
}

// TestCommonPasswordsList checks that the list came whole: more than the ten thousand that are called for.
func TestCommonPasswordsList(t *testing.T) {
	t.Parallel()
	list := model.CommonPasswords()
	if len(list) < 20_000 {
		t.Errorf("%d passwords", len(list))
	}
	for p := range list {
		if len(p) < 3 || p != strings.ToLower(p) || strings.ContainsAny(p, "\r\n") {
			t.Errorf("%q can never be compared", p)
		}
	}
}
