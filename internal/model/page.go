package model

import (
	"encoding/base64"
	"encoding/json"
	"time"
)

// Limits of a page's length.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Page is the part of a collection that a client asks for.
type Page struct {
	Limit  int    // 0 means DefaultLimit
	Cursor string // where the page before ended, as List.Next gave it; empty for the first page
	Count  bool   // whether List.Total is wanted

	after *Cursor
}

// Cursor is the place after a row in a sorted collection: the row's sort value and its id. Clients
// see it as opaque text.
type Cursor struct {
	Sort string `json:"s,omitempty"`
	Key  string `json:"k,omitempty"`
	ID   int64  `json:"i"`
}

// String returns the opaque text.
func (c Cursor) String() string {
	b, _ := json.Marshal(c) // three plain fields: can't fail
	return base64.RawURLEncoding.EncodeToString(b)
}

// Time is the sort value, where that is a time.
func (c Cursor) Time() time.Time {
	at, _ := time.Parse(time.RFC3339, c.Key)
	return at.UTC()
}

// After returns the row to go on after; nil on the first page. It is known after Validate.
func (p *Page) After() *Cursor { return p.after }

// Validate checks a page of a collection with one fixed order.
func (p *Page) Validate() error {
	var c check
	p.check(&c, "")
	return c.err()
}

func (p *Page) check(c *check, sort string) {
	if p.Limit == 0 {
		p.Limit = DefaultLimit
	}
	c.within("limit", Int(p.Limit), 1, MaxLimit)
	if p.Cursor == "" {
		return
	}
	var cur Cursor
	b, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || json.Unmarshal(b, &cur) != nil || cur.ID < 1 || cur.Sort != sort {
		c.bad("cursor", "is not one that this list gave; start again without it")
		return
	}
	p.after = &cur
}

// checkMoneyKey refuses a cursor whose sort value is no amount.
func (p *Page) checkMoneyKey(c *check) {
	if p.after == nil {
		return
	}
	if _, err := ParseMoney(p.after.Key); err != nil {
		c.bad("cursor", "is not one that this list gave; start again without it")
	}
}

// SortCreated is the Sort of cursors of lists by time, which is the Key.
const SortCreated = "created"

// checkTimeKey refuses a cursor whose sort value is not a moment, in whole seconds, that a database holds.
func (p *Page) checkTimeKey(c *check) {
	if p.after == nil {
		return
	}
	if at := p.after.Time(); at.Year() < 1000 || at.Year() > 9999 || at.Nanosecond() != 0 {
		c.bad("cursor", "is not one that this list gave; start again without it")
	}
}

// List is one page of a collection. Next is the cursor of the page after it, empty on the last one.
// Total is the length of the whole collection where the Page asked for it. Read is when reading began, after all waiting for
// that: what was written later may be missing. Zero is not known. Long says that reading may take long.
type List[T any] struct {
	Items []T
	Next  string
	Total *int64
	Read  time.Time
	Long  bool
}

// NewList makes a page of rows that were read with one row more than limit, so that it is known
// whether there is more; cursor tells the place of a row. Items is never nil.
func NewList[T any](rows []T, limit int, cursor func(T) Cursor) List[T] {
	if rows == nil {
		rows = []T{}
	}
	if len(rows) <= limit {
		return List[T]{Items: rows}
	}
	rows = rows[:limit]
	return List[T]{Items: rows, Next: cursor(rows[limit-1]).String()}
}
