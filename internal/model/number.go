package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Int is a whole number that a client sends: as a JSON number or, as HTML forms do, a numeric string.
type Int int64

var errInt = errors.New("must be a whole number")

// ParseInt reads an optional minus and digits.
func ParseInt(s string) (Int, error) {
	digitsOnly := strings.TrimPrefix(s, "-")
	if digitsOnly == "" || !digits(digitsOnly) {
		return 0, errInt
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errors.New("is out of range")
	}
	return Int(n), nil
}

// UnmarshalJSON reads 5 and "5".
func (n *Int) UnmarshalJSON(b []byte) error {
	v, err := ParseInt(unquote(b))
	if err != nil {
		return err
	}
	*n = v
	return nil
}

// Nullable is an input that tells an absent field (Set is false) from one sent as null (Value is nil).
type Nullable[T any] struct {
	Set   bool
	Value *T
}

// UnmarshalJSON is called only for a field that is there.
func (n *Nullable[T]) UnmarshalJSON(b []byte) error {
	n.Set = true
	return json.Unmarshal(b, &n.Value)
}

// unquote returns a JSON string's text without surrounding spaces, or the token as it is.
func unquote(b []byte) string {
	if bytes.HasPrefix(b, []byte{'"'}) {
		var s string
		if json.Unmarshal(b, &s) == nil {
			return strings.TrimSpace(s)
		}
	}
	return string(b)
}
