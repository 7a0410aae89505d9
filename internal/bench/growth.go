package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"hexamart/internal/bench/fill"
)

// What a shop may grow from and to without a difference to those who use it.
var (
	smallSize = fill.Size{Products: 1_000, Orders: 10_000}
	largeSize = fill.Size{Products: 100_000, Orders: 1_000_000}
)

// growthConnections are few: what is compared is how long an answer takes, not how long one waits for it.
const growthConnections = 8

// endpoint is one whose times are compared; line makes one request up.
type endpoint struct {
	name string
	line func(r *rand.Rand, sh *shop) (path string, user int) // user 0 is nobody, 1 the admin
	slow bool
}

// endpoints are all that read, but those that read what the others do; writes are measured with the orders'.
var endpoints = []endpoint{
	{name: "GET /products", line: func(r *rand.Rand, _ *shop) (string, int) {
		return "/products?sort_by=asc&min_price=" + cents(10_000+r.IntN(400_000)), 0
	}},
	{name: "GET /products?category=", line: func(r *rand.Rand, _ *shop) (string, int) {
		return fmt.Sprintf("/products?limit=10&category=Category+%02d&min_price=%s&sort_by=asc", r.IntN(fill.Categories), cents(1+r.IntN(9_999))), 0
	}},
	{name: "GET /products/categories", line: func(*rand.Rand, *shop) (string, int) { return "/products/categories", 0 }},
	{name: "GET /products/{id}", line: func(r *rand.Rand, sh *shop) (string, int) {
		// No two are the same: a thousand pages would all be kept, a hundred thousand not.
		return fmt.Sprintf("/products/%d?n=%d", 1+r.IntN(sh.Products), r.Int64()), 0
	}},
	{name: "GET /cart", line: func(r *rand.Rand, sh *shop) (string, int) { return "/cart", 1 + r.IntN(sh.Readers()) }},
	{name: "GET /orders", line: func(r *rand.Rand, sh *shop) (string, int) { return "/orders", 1 + r.IntN(sh.Readers()) }},
	{name: "GET /orders/{id}", line: func(r *rand.Rand, sh *shop) (string, int) {
		order := 1 + r.IntN(sh.Orders)
		return "/orders/" + strconv.Itoa(order), 1 + order%sh.Readers()
	}},
	{name: "GET /users/profile", line: func(r *rand.Rand, sh *shop) (string, int) { return "/users/profile", 1 + r.IntN(sh.Users()) }},
	{name: "GET /admin/dashboard", line: func(*rand.Rand, *shop) (string, int) { return "/admin/dashboard", 1 }, slow: true},
	{name: "GET /admin/products", line: func(*rand.Rand, *shop) (string, int) { return "/admin/products", 1 }},
	{name: "GET /admin/orders", line: func(*rand.Rand, *shop) (string, int) { return "/admin/orders", 1 }},
	{name: "GET /admin/orders?status=", line: func(*rand.Rand, *shop) (string, int) { return "/admin/orders?status=Shipped", 1 }},
	{name: "GET /admin/orders?from=&to=", line: func(*rand.Rand, *shop) (string, int) {
		day := time.Now().UTC().AddDate(0, 0, -30).Format(time.DateOnly)
		return "/admin/orders?limit=20&from=" + day + "&to=" + day, 1
	}},
}

// growth compares a small shop with a large one.
func growth(ctx context.Context, s *stand) (all []result, err error) {
	small, err := s.shop(ctx, "small", smallSize)
	if err != nil {
		return nil, err
	}
	large, err := s.shop(ctx, "large", largeSize)
	if err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		of := func(sh *shop) (side, error) {
			lines, err := s.endpointLines(sh, e)
			l := load{script: "get", lines: lines, connections: growthConnections, length: s.opt.length}
			if e.slow {
				l.length = 2 * s.opt.slowLength
			}
			return side{base: sh.base, load: func(int) load { return l }}, err
		}
		results, err := s.grown(ctx, e.name, small, large, of)
		if all = append(all, results...); err != nil {
			return all, err
		}
	}
	results, err := s.grown(ctx, "add to cart + place order", small, large, func(sh *shop) (side, error) {
		l, err := s.orderLoad(sh, func(user int) int { return 1 + user%100 })
		l.connections = growthConnections
		return side{base: sh.base, load: func(int) load { return l }, each: 2}, err
	})
	return append(all, results...), err
}

func (s *stand) grown(ctx context.Context, name string, small, large *shop, of func(*shop) (side, error)) ([]result, error) {
	a, err := of(small)
	if err != nil {
		return nil, err
	}
	b, err := of(large)
	if err != nil {
		return nil, err
	}
	sides, err := s.turns(ctx, s.opt.fewTurns, a, b)
	if err != nil {
		return nil, err
	}
	text := name + ": " + large.Size.String() + " against " + small.Size.String()
	return []result{
		s.compare(text, "ms p50", sides, p50, 1.5),
		s.compare(text, "ms p99", sides, p99, 1.5),
	}, nil
}

func (s *stand) endpointLines(sh *shop, e endpoint) ([][3]string, error) {
	r := rand.New(rand.NewPCG(1, 2))
	lines := make([][3]string, 5_000)
	for i := range lines {
		path, user := e.line(r, sh)
		lines[i][0] = path
		if user == 0 {
			continue
		}
		token, err := s.token(user)
		if err != nil {
			return nil, err
		}
		lines[i][1], lines[i][2] = strconv.Itoa(user), token
	}
	return lines, nil
}
