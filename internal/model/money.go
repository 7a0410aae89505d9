package model

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Money is an amount in cents of the shop's one currency. It is DECIMAL(12,2) in the database and a
// number with exactly two decimals in JSON, and never passes through binary floating point.
type Money int64

// MaxMoney is the largest amount that the database's DECIMAL(12,2) holds: 9,999,999,999.99.
const MaxMoney Money = 999_999_999_999

var errMoney = errors.New("must be an amount such as 19.99, with at most two decimals")

// ParseMoney reads "19.99", "19.9" or "19". Signs, exponents, further decimals, and amounts above
// MaxMoney are errors whose text reads well after the name of a field.
func ParseMoney(s string) (Money, error) {
	whole, frac, dot := strings.Cut(s, ".")
	if whole == "" || !digits(whole) || !digits(frac) || (dot && frac == "") || len(frac) > 2 {
		return 0, errMoney
	}
	cents, err := strconv.ParseInt(whole+(frac + "00")[:2], 10, 64)
	if err != nil || Money(cents) > MaxMoney {
		return 0, fmt.Errorf("must be at most %s", MaxMoney)
	}
	return Money(cents), nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Times returns m for quantity pieces, or MaxMoney+1 where that is more than MaxMoney.
func (m Money) Times(quantity int64) Money {
	if quantity > 0 && m > MaxMoney/Money(quantity) {
		return MaxMoney + 1
	}
	return m * Money(quantity)
}

// String returns the amount with two decimals: 19.99.
func (m Money) String() string { return string(m.append(nil)) }

// MarshalJSON writes a JSON number with two decimals.
func (m Money) MarshalJSON() ([]byte, error) { return m.append(nil), nil }

// UnmarshalJSON reads what ParseMoney reads, as a JSON number or a string.
func (m *Money) UnmarshalJSON(b []byte) error {
	v, err := ParseMoney(unquote(b))
	if err != nil {
		return err
	}
	*m = v
	return nil
}

// Scan reads a DECIMAL column, sums and products of DECIMAL(12,2) included; NULL is an error, and what
// is beyond an int64 of cents, which no order can cost, becomes the largest.
func (m *Money) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok {
		return fmt.Errorf("scan money from %T", src)
	}
	s := strings.TrimPrefix(string(b), "-")
	whole, frac, _ := strings.Cut(s, ".")
	cents, err := strconv.ParseInt(whole+(frac + "00")[:2], 10, 64)
	if (err != nil && !errors.Is(err, strconv.ErrRange)) || len(frac) > 2 {
		return fmt.Errorf("scan money from %q", b)
	}
	if len(s) < len(b) {
		cents = -cents
	}
	*m = Money(cents)
	return nil
}

// Value hands the amount to the database as decimal text; []byte would become a binary string there.
func (m Money) Value() (driver.Value, error) { return m.String(), nil }

func (m Money) append(b []byte) []byte {
	n := uint64(m) // #nosec G115 -- a negative amount is turned round below
	if m < 0 {
		b, n = append(b, '-'), uint64(math.MaxUint64-n+1)
	}
	b = strconv.AppendUint(b, n/100, 10)
	return append(b, '.', byte('0'+n/10%10), byte('0'+n%10))
}
