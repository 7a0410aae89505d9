package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
)

// search compares searches with pages of everything, among the main shop's products.
func search(ctx context.Context, s *stand) ([]result, error) {
	sh, err := s.main(ctx)
	if err != nil {
		return nil, err
	}
	return s.searches(ctx, sh, 5)
}

func searchMillion(ctx context.Context, s *stand) ([]result, error) {
	sh, err := s.shop(ctx, "million", size{products: 1_000_000, orders: 10})
	if err != nil {
		return nil, err
	}
	return s.searches(ctx, sh, 10)
}

func (s *stand) searches(ctx context.Context, sh *shop, goal float64) (all []result, err error) {
	deep, err := cursors(sh.base)
	if err != nil {
		return nil, err
	}
	queries := func(f func(*rand.Rand) string) side {
		length := max(s.opt.length, s.opt.slowLength)
		return side{base: sh.base, load: func(turn int) load {
			return load{script: "get", length: length, lines: linesOf(turn, length, "/products", f)}
		}}
	}
	page := queries(func(r *rand.Rand) string {
		return fmt.Sprintf("limit=%d&cursor=%s", 90+r.IntN(21), deep[r.IntN(len(deep))].text)
	})
	for _, kind := range []struct {
		name string
		f    func(*rand.Rand) string
	}{
		{"that many have", commonTerm},
		{"that one has", func(r *rand.Rand) string { return rareTerm(r, sh.products) }},
		{"that none has", func(r *rand.Rand) string { return fmt.Sprintf("x%06dq", r.IntN(1_000_000)) }},
	} {
		sides, err := s.turns(ctx, s.opt.fewTurns, page, queries(func(r *rand.Rand) string {
			return fmt.Sprintf("limit=%d&search=%s", 90+r.IntN(11), url.QueryEscape(kind.f(r)))
		}))
		if err != nil {
			return all, err
		}
		work := fmt.Sprintf("search in %d names for a text %s, against a page of all", sh.products, kind.name)
		all = append(all, s.compare(work, "ms p50", sides, p50, goal))
	}
	return all, nil
}
