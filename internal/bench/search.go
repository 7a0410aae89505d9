package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"hexamart/internal/bench/fill"
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
	sh, err := s.shop(ctx, "million", fill.Size{Products: 1_000_000, Orders: 10})
	if err != nil {
		return nil, err
	}
	return s.searches(ctx, sh, 10)
}

func (s *stand) searches(ctx context.Context, sh *shop, goal float64) (all []result, err error) {
	if err := s.awaitIndex(ctx, sh); err != nil {
		return nil, err
	}
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
		{"that one has", func(r *rand.Rand) string { return rareTerm(r, sh.Products) }},
		{"that none has", absentTerm},
	} {
		sides, err := s.turns(ctx, s.opt.fewTurns, page, queries(func(r *rand.Rand) string {
			return fmt.Sprintf("limit=%d&search=%s", 90+r.IntN(11), url.QueryEscape(kind.f(r)))
		}))
		if err != nil {
			return all, err
		}
		work := fmt.Sprintf("search in %d names for a text %s, against a page of all", sh.Products, kind.name)
		all = append(all, s.compare(work, "ms p50", sides, p50, goal))
	}
	return all, nil
}

func absentTerm(r *rand.Rand) string { return fmt.Sprintf("x%06dq", r.IntN(1_000_000)) }

// awaitIndex searches until the shop has the index that its first search makes it wish for: an answer then comes sooner
// than a database could look at all names.
func (s *stand) awaitIndex(ctx context.Context, sh *shop) error {
	const soon, patience = 20 * time.Millisecond, 2 * time.Minute
	r, began := rand.New(rand.NewPCG(1, 7)), time.Now()
	for ctx.Err() == nil && time.Since(began) < patience {
		asked := time.Now()
		status, body, err := get(sh.base+"/products?search="+absentTerm(r), nil)
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("search: %d %.300s %w", status, body, err)
		}
		if time.Since(asked) < soon {
			s.say("searches in %d names are fast after %.1f s", sh.Products, time.Since(began).Seconds())
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.Join(ctx.Err(), fmt.Errorf("no search was answered within %v, for %v", soon, patience))
}
