package model_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"hexamart/internal/model"
)

const (
	badCursor = "cursor: Cursor is not one that this list gave; start again without it."
	badLimit  = "limit: Limit must be from 1 to 1000."
)

func TestPageLimit(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{0: 100, 1: 1, 100: 100, 1000: 1000} {
		p := model.Page{Limit: limit}
		if got := problems(t, &p); got != nil || p.Limit != want || p.After() != nil {
			t.Errorf("limit %d became %d, %q", limit, p.Limit, got)
		}
	}
	for _, limit := range []int{-1, 1001, 1 << 62} {
		if got := problems(t, &model.Page{Limit: limit}); !slices.Equal(got, []string{badLimit}) {
			t.Errorf("limit %d: %q", limit, got)
		}
	}
}

func TestCursorRoundTrip(t *testing.T) {
	t.Parallel()
	for _, c := range []model.Cursor{
		{ID: 1}, {ID: 1<<63 - 1}, {Sort: "asc", Key: "0.00", ID: 7}, {Sort: "desc", Key: "9999999999.99", ID: 7}, {Sort: "newest", ID: 7},
		{Sort: "name", Key: "", ID: 7}, {Sort: "name", Key: `Lämp & "Töpfe" <🛒>` + "\\", ID: 7}, {Sort: "name", Key: long(100), ID: 7},
	} {
		text := c.String()
		if text == "" || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("cursor of %+v can't stand in a URL: %s", c, text)
		}
		f := model.ProductFilter{SortBy: c.Sort, Page: model.Page{Cursor: text}}
		if got := problems(t, &f); got != nil || f.Page.After() == nil || *f.Page.After() != c {
			t.Errorf("%+v became %+v, %q", c, f.Page.After(), got)
		}
	}
}

func TestCursorRefused(t *testing.T) {
	t.Parallel()
	raw := func(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }
	for name, c := range map[string]struct{ sort, cursor string }{
		"Garbage":          {"", "garbage!"},
		"NoBase64":         {"", "ä"},
		"Padded":           {"", base64.URLEncoding.EncodeToString([]byte(`{"i":10}`))},
		"NoJSON":           {"", raw("garbage")},
		"Null":             {"", raw("null")},
		"Array":            {"", raw("[1]")},
		"NoID":             {"", raw(`{}`)},
		"ZeroID":           {"", model.Cursor{ID: 0}.String()},
		"NegativeID":       {"", model.Cursor{ID: -1}.String()},
		"HugeID":           {"", raw(`{"i":9223372036854775808}`)},
		"FractionalID":     {"", raw(`{"i":1.5}`)},
		"TwoValues":        {"", raw(`{"i":1}{"i":2}`)},
		"OfOtherSort":      {"asc", model.Cursor{Sort: "desc", Key: "1.00", ID: 1}.String()},
		"OfNoSort":         {"name", model.Cursor{ID: 1}.String()},
		"SortedInUnsorted": {"", model.Cursor{Sort: "name", Key: "Lamp", ID: 1}.String()},
		"NoAmount":         {"asc", model.Cursor{Sort: "asc", Key: "0 OR 1=1", ID: 1}.String()},
		"EmptyAmount":      {"desc", model.Cursor{Sort: "desc", ID: 1}.String()},
		"NegativeAmount":   {"asc", model.Cursor{Sort: "asc", Key: "-1.00", ID: 1}.String()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := model.ProductFilter{SortBy: c.sort, Page: model.Page{Cursor: c.cursor}}
			if got := problems(t, &f); !slices.Equal(got, []string{badCursor}) {
				t.Errorf("got %q, after %+v", got, f.Page.After())
			}
		})
	}
	for name, key := range map[string]string{"NoTime": "Lamp", "TimeTooEarly": "0001-01-01T00:00:00Z", "TimeTooLate": "10000-01-01T00:00:00Z"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := model.OrderFilter{From: &time.Time{}, Page: model.Page{Cursor: model.Cursor{Sort: model.SortCreated, Key: key, ID: 1}.String()}}
			if got := problems(t, &f); !slices.Equal(got, []string{badCursor}) {
				t.Errorf("got %q", got)
			}
		})
	}
	t.Run("OfAllOrdersInThoseOfATime", func(t *testing.T) {
		t.Parallel()
		f := model.OrderFilter{From: &time.Time{}, Page: model.Page{Cursor: model.Cursor{ID: 1}.String()}}
		if got := problems(t, &f); !slices.Equal(got, []string{badCursor}) {
			t.Errorf("got %q", got)
		}
	})
	t.Run("OfProductsInOrders", func(t *testing.T) {
		t.Parallel()
		f := model.OrderFilter{Page: model.Page{Cursor: model.Cursor{Sort: "name", Key: "Lamp", ID: 1}.String()}}
		if got := problems(t, &f); !slices.Equal(got, []string{badCursor}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestProductFilterSorts(t *testing.T) {
	t.Parallel()
	for _, sort := range []string{"", "asc", "desc", "newest", "name"} {
		f := model.ProductFilter{SortBy: sort, MinPrice: ptr(model.Money(5)), MaxPrice: ptr(model.Money(5))}
		if got := problems(t, &f); got != nil {
			t.Errorf("%q: %q", sort, got)
		}
	}
	for _, sort := range []string{"ASC", "price", "name desc", "id; DROP TABLE users"} {
		if got := problems(t, &model.ProductFilter{SortBy: sort}); len(got) != 1 {
			t.Errorf("%q: %q", sort, got)
		}
	}
}

func TestNewList(t *testing.T) {
	t.Parallel()
	cursor := func(id int64) model.Cursor { return model.Cursor{ID: id} }
	for name, c := range map[string]struct {
		rows  []int64
		limit int
		items []int64
		next  string
	}{
		"Empty":       {nil, 2, []int64{}, ""},
		"Fewer":       {[]int64{4}, 2, []int64{4}, ""},
		"Exactly":     {[]int64{4, 5}, 2, []int64{4, 5}, ""},
		"OneMore":     {[]int64{4, 5, 6}, 2, []int64{4, 5}, cursor(5).String()},
		"PagesOfOne":  {[]int64{4, 5}, 1, []int64{4}, cursor(4).String()},
		"LastOfPages": {[]int64{5}, 1, []int64{5}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := model.NewList(c.rows, c.limit, cursor)
			if got.Items == nil || !slices.Equal(got.Items, c.items) || got.Next != c.next || got.Total != nil {
				t.Errorf("got %+v, want %v and %q", got, c.items, c.next)
			}
		})
	}
}
