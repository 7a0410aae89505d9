package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"hexamart/internal/apperr"
)

// validator is what all inputs are.
type validator interface{ Validate() error }

// decodeBody reads a JSON object into in, a pointer to a struct. Every field is read on its own, so that
// all that are wrong are named at once; those that break a rule are named with them.
func decodeBody(r *http.Request, in validator) error {
	if media := mediaType(r); media != "" && media != "application/json" && !strings.HasSuffix(media, "+json") {
		return apperr.New(apperr.UnsupportedMedia, "The body must be JSON, sent with Content-Type: application/json.")
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil || raw == nil {
		return unreadable(err)
	}
	if halfOfAPair(body) {
		return errHalf
	}
	v := reflect.ValueOf(in).Elem()
	var bad []apperr.Field
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		value, sent := raw[name]
		if !sent || name == "-" { // which doesn't come from the body
			continue
		}
		if err := json.Unmarshal(value, v.Field(i).Addr().Interface()); err != nil {
			bad = append(bad, apperr.BadField(name, problemOf(err)))
		}
	}
	return allBad(bad, in)
}

// allBad adds the fields that break a rule to those that could not be read; nil if all could be.
func allBad(unreadable []apperr.Field, in validator) error {
	if len(unreadable) == 0 {
		return nil // the service validates
	}
	for _, f := range apperr.FieldsOf(in.Validate()) {
		known := func(u apperr.Field) bool { return u.Name == f.Name }
		if !slices.ContainsFunc(unreadable, known) {
			unreadable = append(unreadable, f)
		}
	}
	return apperr.Invalid(unreadable)
}

func problemOf(err error) string {
	var wrongType *json.UnmarshalTypeError
	if !errors.As(err, &wrongType) {
		return err.Error() // of a type of our own, which words it for people
	}
	if wrongType.Type.Kind() == reflect.String {
		return "must be text"
	}
	return "has the wrong type"
}

func unreadable(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return apperr.Newf(apperr.Malformed, "The body is not valid JSON (at byte %d).", syntax.Offset)
	}
	return apperr.New(apperr.Malformed, "The body must be a JSON object.")
}

// maxMediaType is more bytes than any client has use for.
const maxMediaType = 512

func mediaType(r *http.Request) string {
	header := r.Header.Get("Content-Type")
	if len(header) > maxMediaType {
		return "unreadable"
	}
	media, _, err := mime.ParseMediaType(header)
	if err != nil && header != "" {
		return "unreadable"
	}
	return media
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bodyError(err)
	}
	if len(body) == 0 {
		return nil, errNoBody
	}
	if !utf8.Valid(body) {
		return nil, errNotUTF8
	}
	return body, nil
}

// halfOfAPair reports whether a JSON text escapes half of a UTF-16 surrogate pair, which is no character. The decoder
// would put U+FFFD in its place, so that texts, and passwords, which differ were taken for the same.
func halfOfAPair(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 {
			return false
		}
		text = text[at:]
		first := escapedUnit(text)
		switch {
		case !utf16.IsSurrogate(first):
			text = text[2:]
		case utf16.DecodeRune(first, escapedUnit(text[6:])) == utf8.RuneError:
			return true
		default:
			text = text[12:]
		}
	}
}

// escapedUnit is what \uXXXX at the beginning of a JSON text stands for, 0 if there is none.
func escapedUnit(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	unit, _ := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(unit)
}

var errNoBody = apperr.New(apperr.Malformed, "The body is empty; it must be a JSON object.")

var errHalf = apperr.New(apperr.Malformed, `The body has half of a character: \ud800 to \udfff stand in pairs.`)

var errNotUTF8 = apperr.New(apperr.Malformed, "The request is not valid UTF-8.")

func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return apperr.Newf(apperr.TooLarge, "The body is larger than %d KiB.", tooLarge.Limit>>10)
	}
	if errors.Is(err, errCrowded) {
		return apperr.Retry(apperr.Unavailable, "Too many large requests are under way. Please try again in a moment.", retrySoon, err)
	}
	return apperr.New(apperr.Malformed, "The body could not be read.")
}

// pathID returns the {id} of the path.
func pathID(r *http.Request) (int64, error) {
	text := chi.URLParam(r, "id")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 || text[0] == '+' {
		return 0, apperr.New(apperr.Malformed, fmt.Sprintf("%.40q is not an id; ids are positive numbers.", text))
	}
	return id, nil
}
