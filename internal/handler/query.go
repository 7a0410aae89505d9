package handler

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
)

// query reads query parameters and collects those that can't be read. An empty parameter is as good
// as none: forms send all their fields.
type query struct {
	values url.Values
	bad    []apperr.Field
}

// maxQuery is how long a query may be, in bytes: all that a list knows, at its longest, is shorter.
const maxQuery = 4 << 10

func readQuery(r *http.Request) (*query, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, apperr.Newf(apperr.Malformed, "The query of the address is longer than %d KiB.", maxQuery>>10)
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, apperr.New(apperr.Malformed, "The query of the address can't be read.")
	}
	for _, list := range values {
		for _, v := range list {
			if !utf8.ValidString(v) {
				return nil, errNotUTF8
			}
		}
	}
	return &query{values: values}, nil
}

// err returns all parameters that can't be read or break a rule, nil if all can be read.
func (q *query) err(in validator) error { return allBad(q.bad, in) }

func (q *query) fail(name, problem string) { q.bad = append(q.bad, apperr.BadField(name, problem)) }

func (q *query) text(name string) string { return strings.TrimSpace(q.values.Get(name)) }

func (q *query) flag(name string) *bool {
	var v bool
	switch strings.ToLower(q.text(name)) {
	case "":
		return nil
	case "true", "1":
		v = true
	case "false", "0":
	default:
		q.fail(name, "must be true or false")
	}
	return &v
}

func (q *query) money(name string) *model.Money {
	text := q.text(name)
	if text == "" {
		return nil
	}
	v, err := model.ParseMoney(text)
	if err != nil {
		q.fail(name, err.Error())
		return nil
	}
	return &v
}

// number returns 0 for an absent parameter; 0 itself is refused as all below least are.
func (q *query) number(name string, least model.Int) int64 {
	text := q.text(name)
	if text == "" {
		return 0
	}
	v, err := model.ParseInt(text)
	if err != nil {
		q.fail(name, err.Error())
	} else if v < least {
		q.fail(name, fmt.Sprintf("must be at least %d", least))
	}
	return int64(v)
}

// The times that a DATETIME column can hold; those beyond are as good as these in a comparison.
var (
	firstMoment = time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC)
	lastMoment  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

func clamp(at time.Time) *time.Time {
	at = at.UTC()
	if at.Before(firstMoment) {
		at = firstMoment
	} else if at.After(lastMoment) {
		at = lastMoment
	}
	return &at
}

// moment reads a time or a day, which as the end of a range includes the whole day.
func (q *query) moment(name string, end bool) *time.Time {
	text := q.text(name)
	if text == "" {
		return nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err == nil && end {
		day = day.AddDate(0, 0, 1)
	}
	if err == nil {
		return clamp(day)
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		q.fail(name, "must be a day such as 2026-11-22 or a time such as 2026-11-22T12:06:45Z")
		return nil
	}
	return clamp(at)
}

func (q *query) page() model.Page {
	count := q.flag("count")
	return model.Page{
		Limit:  int(min(q.number("limit", 1), model.MaxLimit+1)),
		Cursor: q.text("cursor"),
		Count:  count != nil && *count,
	}
}

// pageOf reads the parameters of a collection that has no others.
func pageOf(r *http.Request) (model.Page, error) {
	q, err := readQuery(r)
	if err != nil {
		return model.Page{}, err
	}
	page := q.page()
	return page, q.err(&page)
}
