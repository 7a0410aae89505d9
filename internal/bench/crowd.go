package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// crowd is how many connections are many.
const crowd = 1_024

// work is one kind of requests to a shop.
type work struct {
	name string
	load load
	each int
}

// works are the kinds of which many at once must do no harm.
func (s *stand) works(sh *shop, length time.Duration) ([]work, error) {
	deep, err := cursors(sh.base)
	if err != nil {
		return nil, err
	}
	var same [][3]string
	for _, query := range samePages {
		same = append(same, [3]string{"/products?" + query})
	}
	different := linesOf(0, length, "/products", func(r *rand.Rand) string {
		return fmt.Sprintf("limit=%d&cursor=%s", 90+r.IntN(21), deep[r.IntN(len(deep))].text)
	})
	carts, err := s.people(1, sh.Readers(), func(int) string { return "/cart" })
	if err != nil {
		return nil, err
	}
	orders, err := s.orderLoad(sh, spread)
	return []work{
		{"GET /products, the same pages", load{script: "get", lines: same}, 1},
		{"GET /products, page 500, every query different", load{script: "get", lines: different}, 1},
		{"GET /cart", load{script: "get", lines: carts}, 1},
		{"add to cart + place order", orders, 2},
	}, err
}

// manyConnections compares few connections with many: the same work gets done, and waiting takes longer by no
// more than there are more who wait.
func manyConnections(ctx context.Context, s *stand) (all []result, err error) {
	sh, err := s.main(ctx)
	if err != nil {
		return nil, err
	}
	length := s.opt.slowLength // all must have had an answer
	works, err := s.works(sh, length)
	if err != nil {
		return nil, err
	}
	for _, w := range works {
		of := func(connections int) side {
			l := w.load
			l.connections, l.length = connections, length
			return side{base: sh.base, load: func(int) load { return l }, each: w.each}
		}
		sides, err := s.turns(ctx, s.opt.fewTurns, of(connections), of(crowd))
		if err != nil {
			return all, err
		}
		text := fmt.Sprintf("%s: %d connections against %d, ", w.name, crowd, connections)
		few := result{Row: s.row, Work: text + "throughput", Unit: "req/s", Floor: median(sides[0], rate), Shop: median(sides[1], rate),
			Goal: ">= 0.9", Note: errorsOf(sides)}
		if w.each == 2 {
			few.Unit = "orders/s"
		}
		few.Ratio = few.Shop / few.Floor
		few.Held = few.Ratio >= 0.9 && few.Note == ""
		s.report(few)
		all = append(all, few, s.compare(text+"wait", "ms p99", sides, p99, crowd/connections))
	}
	return all, nil
}

// loginFlood compares the shop when it is quiet with the shop while fifty log in at once, again and again.
func loginFlood(ctx context.Context, s *stand) (all []result, err error) {
	sh, err := s.main(ctx)
	if err != nil {
		return nil, err
	}
	length := s.opt.slowLength
	works, err := s.works(sh, length)
	if err != nil {
		return nil, err
	}
	flood := load{script: "login", connections: 50}
	for user := 2; user <= 201; user++ {
		flood.lines = append(flood.lines, [3]string{"/auth/login", fmt.Sprintf("user%d@example.com", user), password})
	}
	if works = works[:2]; s.brief() {
		works = works[:1]
	}
	for _, w := range works {
		w.load.length = length
		send := func(int) load { return w.load }
		sides, err := s.turns(ctx, s.opt.fewTurns, side{base: sh.base, load: send}, side{base: sh.base, load: send, beside: &flood})
		if err != nil {
			return all, err
		}
		all = append(all, s.compare(w.name+": 50 who log in against none", "ms p99", sides, p99, 3))
	}
	return all, nil
}
