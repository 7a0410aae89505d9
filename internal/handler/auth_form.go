package handler

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"hexamart/internal/model"
)

// decodeLogin reads OAuth2's password form, or the same as JSON.
func decodeLogin(r *http.Request) (in model.LoginInput, err error) {
	fields := formFields{"username": nil, "password": nil, "email": nil}
	switch media := mediaType(r); {
	case media == "application/x-www-form-urlencoded":
		err = fields.readPairs(r)
	case media == "multipart/form-data":
		err = fields.readParts(r)
	default:
		return in, decodeBody(r, &in)
	}
	if err != nil {
		return in, bodyError(err)
	}
	in.Username, in.Password, in.Email = fields.get("username"), fields.get("password"), fields.get("email")
	if !utf8.ValidString(strings.Join([]string{in.Username, in.Email, in.Password}, "")) {
		return in, errNotUTF8
	}
	return in, nil
}

// formFields are those fields of a form that are wanted, nil if not sent, each as it was sent first. net/http keeps all that
// are sent for as long as the request takes, and thousands of tiny ones take many times the room of the body.
type formFields map[string]*string

func (f formFields) get(name string) string {
	if value := f[name]; value != nil {
		return *value
	}
	return ""
}

func (f formFields) wants(name string) bool {
	value, wanted := f[name]
	return wanted && value == nil
}

func (f formFields) readPairs(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	for pair := range strings.SplitSeq(string(body), "&") {
		if strings.Contains(pair, ";") { // which some take for an &
			return errors.New("a semicolon in a form")
		}
		name, value, _ := strings.Cut(pair, "=")
		if name, err = url.QueryUnescape(name); err != nil {
			return err
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return err
		}
		if f.wants(name) {
			value = strings.Clone(value) // without the rest of the body
			f[name] = &value
		}
	}
	return nil
}

// readParts reads all of the body first: a part may have thousands of headers, which nobody is waited for with.
func (f formFields) readParts(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	parts, err := r.MultipartReader()
	for err == nil {
		part, next := parts.NextPart()
		if next == io.EOF { // and nothing around it, as where there is no end
			return nil
		}
		if err = next; err == nil && part.FileName() == "" && f.wants(part.FormName()) {
			var value []byte
			value, err = io.ReadAll(part)
			text := string(value)
			f[part.FormName()] = &text
		}
	}
	return err
}
