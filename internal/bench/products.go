package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"time"

	"hexamart/internal/bench/fill"
)

// samePages are the queries of pages that everybody looks at over and over.
var samePages = []string{"", "sort_by=asc", "sort_by=desc", "sort_by=newest", "sort_by=name", "category=Category+07", "category=Category+08", "in_stock=true"}

// savePages keeps the shop's answers for the bare handler, which must send the same bytes.
func savePages(base, path string) error {
	pages := map[string][]byte{}
	for _, query := range samePages {
		status, body, err := get(base+"/products?"+query, nil)
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("GET /products?%s: %d %w", query, status, err)
		}
		pages[query] = body
	}
	b, err := json.Marshal(pages)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

func sameProducts(ctx context.Context, s *stand) ([]result, error) {
	sh, err := s.main(ctx)
	if err != nil {
		return nil, err
	}
	of := func(path string) func(int) load {
		var lines [][3]string
		for _, query := range samePages {
			lines = append(lines, [3]string{path + "?" + query})
		}
		return func(int) load { return load{script: "get", lines: lines} }
	}
	floor, shop := side{base: s.floor.base, load: of("/same")}, side{base: sh.base, load: of("/products")}
	if err := alike(floor, shop); err != nil {
		return nil, err
	}
	r, err := s.duel(ctx, "GET /products, the same 8 pages over and over", 0.8, floor, shop)
	return []result{r}, err
}

// ask is a request for products and the end of the SELECT that answers it. No two of a run are the same.
type ask struct{ query, sql string }

// kind is a sort of requests whose every query is different; f makes one up.
type kind struct {
	name string
	f    func(*rand.Rand) ask
	slow bool
}

const sold = "WHERE archived_at IS NULL"

// asks are all kinds.
func (s *stand) asks(sh *shop) (kinds []kind, err error) {
	deep, err := cursors(sh.base)
	if err != nil {
		return nil, err
	}
	add := func(name string, f func(*rand.Rand) ask) { kinds = append(kinds, kind{name: name, f: f}) }
	add("first page", func(r *rand.Rand) ask { // bounds below and above all prices keep it the first
		low, high := cents(1+r.IntN(9_999)), cents(1_000_000+r.IntN(9_000_000))
		return ask{"sort_by=asc&min_price=" + low + "&max_price=" + high,
			"FORCE INDEX (ix_products_price) " + sold + " AND price >= " + low + " AND price <= " + high + " ORDER BY price, id LIMIT 100"}
	})
	add("page 500", func(r *rand.Rand) ask {
		c, limit := deep[r.IntN(len(deep))], 90+r.IntN(21)
		return ask{fmt.Sprintf("limit=%d&cursor=%s", limit, c.text),
			fmt.Sprintf("FORCE INDEX (PRIMARY) %s AND id > %d ORDER BY id LIMIT %d", sold, c.id, limit)}
	})
	add("by category", func(r *rand.Rand) ask {
		c, limit := fill.Category(r.IntN(fill.Categories)), 50+r.IntN(101)
		low := cents(1 + r.IntN(9_999))
		return ask{fmt.Sprintf("sort_by=asc&limit=%d&min_price=%s&category=%s", limit, low, url.QueryEscape(c)),
			fmt.Sprintf("FORCE INDEX (ix_products_category_price) %s AND category = '%s' AND price >= %s ORDER BY price, id LIMIT %d", sold, c, low, limit)}
	})
	add("by price", func(r *rand.Rand) ask {
		low := cents(10_000 + r.IntN(880_000))
		return ask{"sort_by=asc&min_price=" + low,
			"FORCE INDEX (ix_products_price) " + sold + " AND price >= " + low + " ORDER BY price, id LIMIT 100"}
	})
	add("by search, common words", func(r *rand.Rand) ask { return searchAsk(commonTerm(r), 60+r.IntN(41)) })
	add("by search, rare words", func(r *rand.Rand) ask { return searchAsk(rareTerm(r, sh.Products), 100) })
	kinds[len(kinds)-1].slow = true
	return kinds, nil
}

func cents(n int) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

func searchAsk(term string, limit int) ask {
	return ask{fmt.Sprintf("limit=%d&search=%s", limit, url.QueryEscape(term)),
		fmt.Sprintf("FORCE INDEX (PRIMARY) %s AND name LIKE '%%%s%%' ORDER BY id LIMIT %d", sold, term, limit)}
}

// commonTerm is part of a word that about every twentieth product has, in any case of letters.
func commonTerm(r *rand.Rand) string {
	words := append(fill.Words1[:len(fill.Words1):len(fill.Words1)], fill.Words2...)
	word := []byte(words[r.IntN(len(words))])
	for i := range word {
		if r.IntN(2) == 0 {
			word[i] ^= 'a' ^ 'A'
		}
	}
	cut := r.IntN(len(word) - 2)
	return string(word[cut:])
}

// rareTerm is the number of one product.
func rareTerm(r *rand.Rand, products int) string {
	return fmt.Sprintf("%07d", fill.Serial(1+r.IntN(products)))
}

// cursor is a place in the list of all products by id.
type cursor struct {
	text string
	id   int64
}

var nextLink = regexp.MustCompile(`^<([^>]+)>; rel="next"$`)

// cursors walks the first 60,000 products as a client would, and returns places from 40,000 on: page 500 of
// 100 and around it.
func cursors(base string) (list []cursor, err error) {
	path := "/products?limit=1000"
	for seen := 0; seen < 60_000; {
		res, err := http.Get(base + path)
		if err != nil {
			return nil, err
		}
		var page []floorProduct
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d %.300s", res.StatusCode, body)
		}
		if err == nil {
			err = json.Unmarshal(body, &page)
		}
		link := nextLink.FindStringSubmatch(res.Header.Get("Link"))
		if err != nil || len(page) == 0 || link == nil {
			return nil, fmt.Errorf("the products end after %d: %v", seen, err)
		}
		seen += len(page)
		next, err := url.Parse(link[1])
		if err != nil {
			return nil, err
		}
		if seen >= 40_000 {
			list = append(list, cursor{next.Query().Get("cursor"), page[len(page)-1].ID})
		}
		limit := 1000
		if seen >= 39_000 {
			limit = 41
		}
		path = fmt.Sprintf("/products?limit=%d&cursor=%s", limit, next.Query().Get("cursor"))
	}
	return list, nil
}

// linesOf makes the lines of one turn: about as many as a side can send in it.
func linesOf(turn int, length time.Duration, path string, f func(*rand.Rand) string) [][3]string {
	r := rand.New(rand.NewPCG(uint64(turn), 7))
	lines := make([][3]string, int(8_000*length.Seconds()))
	for i := range lines {
		lines[i][0] = path + "?" + f(r)
	}
	return lines
}

// askSides lets the floor and the shop answer the same. A slow one gets time for some rounds of answers.
func (s *stand) askSides(sh *shop, k kind) (floor, shop side) {
	length, f := s.opt.length, k.f
	if k.slow {
		length = 2 * s.opt.slowLength
	}
	floor = side{base: s.floor.base, slow: k.slow, load: func(turn int) load {
		return load{script: "get", length: length, lines: linesOf(turn, length, "/products", func(r *rand.Rand) string { return "sql=" + url.QueryEscape(f(r).sql) })}
	}}
	shop = side{base: sh.base, slow: k.slow, load: func(turn int) load {
		return load{script: "get", length: length, lines: linesOf(turn, length, "/products", func(r *rand.Rand) string { return f(r).query })}
	}}
	return floor, shop
}

func differentProducts(ctx context.Context, s *stand) (all []result, err error) {
	sh, err := s.main(ctx)
	if err != nil {
		return nil, err
	}
	kinds, err := s.asks(sh)
	if err != nil {
		return nil, err
	}
	for _, kind := range kinds {
		if kind.slow && s.brief() {
			continue // the row of searches has such, too
		}
		floor, shop := s.askSides(sh, kind)
		if err := alike(floor, shop); err != nil {
			return all, err
		}
		r, err := s.duel(ctx, "GET /products, every query different: "+kind.name, 0.8, floor, shop)
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}
