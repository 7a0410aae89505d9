package model

import (
	"fmt"
	"net/mail"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"hexamart/internal/apperr"
	"hexamart/internal/pictures"
)

// check collects the broken fields of one input.
type check struct{ fields []apperr.Field }

func (c *check) err() error { return apperr.Invalid(c.fields) }

func (c *check) bad(name, format string, args ...any) {
	c.fields = append(c.fields, apperr.BadField(name, fmt.Sprintf(format, args...)))
}

// text trims *v and wants 1 to limit characters on one line.
func (c *check) text(name string, v *string, limit int) {
	*v = strings.TrimSpace(*v)
	switch {
	case len(*v) <= utf8.UTFMax*limit && !strings.ContainsFunc(*v, isVisible):
		c.bad(name, "is required")
	case len(*v) > utf8.UTFMax*limit || utf8.RuneCountInString(*v) > limit:
		c.bad(name, "must have at most %d characters", limit)
	case strings.ContainsFunc(*v, isControl):
		c.bad(name, "must not contain line breaks or control characters")
	}
}

// isVisible tells what leaves a trace on a screen from what only looks like nothing, and lets one text pass for another.
func isVisible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(blanks, r)
}

// isControl tells what does something to the text around it.
func isControl(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, bidiOverrides)
}

var (
	// blanks are letters, symbols and marks without any ink: fillers, an empty braille cell, selectors of a variation.
	blanks = &unicode.RangeTable{
		R16: []unicode.Range16{{0x034f, 0x034f, 1}, {0x115f, 0x1160, 1}, {0x17b4, 0x17b5, 1}, {0x180b, 0x180f, 1}, {0x2800, 0x2800, 1}, {0x3164, 0x3164, 1}, {0xfe00, 0xfe0f, 1}, {0xffa0, 0xffa0, 1}},
		R32: []unicode.Range32{{0xe0100, 0xe01ef, 1}},
	}
	// bidiOverrides turn the text after them around, whatever it is. The marks that right-to-left scripts need are not among them.
	bidiOverrides = &unicode.RangeTable{R16: []unicode.Range16{{0x202a, 0x202e, 1}, {0x2066, 0x2069, 1}}}
)

// address is text in which line breaks are welcome.
func (c *check) address(name string, v *string) {
	lines := strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ").Replace(*v)
	was := len(c.fields)
	if c.text(name, &lines, 255); len(c.fields) == was {
		*v = strings.TrimSpace(*v)
		if utf8.RuneCountInString(*v) > 255 {
			c.bad(name, "must have at most 255 characters")
		}
	}
}

func (c *check) email(name string, v *string) {
	was := len(c.fields)
	if c.text(name, v, 255); len(c.fields) > was {
		return
	}
	odd := func(r rune) bool { return !isVisible(r) }
	// Else one address had several accounts, whose e-mails look the same; of İ databases make an i.
	plain := norm.NFKC.IsNormalString(*v) && !strings.ContainsRune(*v, 'İ')
	if a, err := mail.ParseAddress(*v); err != nil || a.Address != *v || !plain || strings.ContainsAny(*v, "\"<>() ") || strings.ContainsFunc(*v, odd) {
		c.bad(name, "must be an e-mail address such as name@example.com")
	}
}

// maxPassword is how many bytes of a password its hash is of.
const maxPassword = 72

// password applies the rule for passwords that are set; older ones are only compared.
func (c *check) password(name, v string) {
	switch {
	case v == "":
		c.bad(name, "is required")
	case !utf8.ValidString(v): // no request could bring it again
		c.bad(name, "must be valid UTF-8")
	case utf8.RuneCountInString(v) < 8:
		c.bad(name, "must have at least 8 characters")
	case len(v) > maxPassword:
		c.bad(name, "must have at most 72 bytes")
	case strings.Contains(v, "\x00"):
		c.bad(name, "must not contain the character NUL")
	}
}

// imageURL takes a web address, or a path of the shop's own pictures, which clients see as one.
func (c *check) imageURL(name string, v *string) {
	*v = strings.TrimSpace(*v)
	if *v == "" {
		return
	}
	u, err := url.Parse(*v)
	odd := err != nil || u.User != nil || strings.ContainsAny(*v, "\"<>\\") || strings.ContainsFunc(*v, isControl)
	own := strings.HasPrefix(*v, pictures.Path) && path.Clean(*v) == *v && !strings.Contains(*v, "%") // which browsers take for dots, too
	if odd || !own && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		c.bad(name, "must be a web address that starts with http:// or https://")
	} else if utf8.RuneCountInString(*v) > 255 {
		c.bad(name, "must have at most 255 characters")
	}
}

func (c *check) within(name string, n Int, least, most int64) {
	if int64(n) < least || int64(n) > most {
		c.bad(name, "must be from %d to %d", least, most)
	}
}
