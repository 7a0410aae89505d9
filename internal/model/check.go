package model

import (
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

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
	case *v == "":
		c.bad(name, "is required")
	case utf8.RuneCountInString(*v) > limit:
		c.bad(name, "must have at most %d characters", limit)
	case strings.ContainsFunc(*v, unicode.IsControl):
		c.bad(name, "must not contain line breaks or control characters")
	}
}

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
	if a, err := mail.ParseAddress(*v); err != nil || a.Address != *v || strings.ContainsAny(*v, "\"<>() ") {
		c.bad(name, "must be an e-mail address such as name@example.com")
	}
}

// password applies the rule for passwords that are set; older ones are only compared.
func (c *check) password(name, v string) {
	switch {
	case v == "":
		c.bad(name, "is required")
	case utf8.RuneCountInString(v) < 8:
		c.bad(name, "must have at least 8 characters")
	case len(v) > 72:
		c.bad(name, "must have at most 72 bytes")
	}
}

// imageURL takes a web address, or a path of the shop's own pictures, which clients see as one.
func (c *check) imageURL(name string, v *string) {
	*v = strings.TrimSpace(*v)
	if *v == "" {
		return
	}
	u, err := url.Parse(*v)
	own := strings.HasPrefix(*v, pictures.Path) && !strings.ContainsAny(*v, "\"<>\\")
	if !own && (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "") {
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
