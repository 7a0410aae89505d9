package main

import (
	"context"
	"strconv"

	"hexamart/internal/security"
)

// token is a user's, as a login would give it.
func (s *stand) token(user int) (string, error) {
	return s.tokens.New(security.Claims{UserID: int64(user)})
}

// people makes lines for users from the first to the last; what gives a line's first field.
func (s *stand) people(first, last int, what func(user int) string) ([][3]string, error) {
	lines := make([][3]string, 0, last-first+1)
	for user := first; user <= last; user++ {
		token, err := s.token(user)
		if err != nil {
			return nil, err
		}
		lines = append(lines, [3]string{what(user), strconv.Itoa(user), token})
	}
	return lines, nil
}

// own measures what people read of their own.
func own(path string) func(context.Context, *stand) ([]result, error) {
	return func(ctx context.Context, s *stand) ([]result, error) {
		sh, err := s.main(ctx)
		if err != nil {
			return nil, err
		}
		lines, err := s.people(1, sh.Readers(), func(int) string { return path })
		if err != nil {
			return nil, err
		}
		send := func(int) load { return load{script: "get", lines: lines} }
		floor, shop := side{base: s.floor.base, load: send}, side{base: sh.base, load: send}
		if err := alike(floor, shop); err != nil {
			return nil, err
		}
		r, err := s.duel(ctx, "GET "+path+", of "+strconv.Itoa(sh.Readers())+" users", 0.8, floor, shop)
		return []result{r}, err
	}
}

// orderLoad is shopping by all shoppers: each puts one piece into the cart and orders it.
func (s *stand) orderLoad(sh *shop, product func(user int) int) (load, error) {
	lines, err := s.people(sh.Readers()+1, sh.Users(), func(user int) string { return strconv.Itoa(product(user)) })
	return load{script: "order", lines: lines}, err
}

func spread(user int) int { return 1001 + user%100 }
func hot(int) int         { return 777 }

func placeOrders(ctx context.Context, s *stand) (all []result, err error) {
	sh, err := s.main(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range []struct {
		work    string
		goal    float64
		product func(int) int
	}{
		{"add to cart + place order, 100 different products", 0.8, spread},
		{"add to cart + place order, all for one product (flash sale)", 1, hot},
	} {
		l, err := s.orderLoad(sh, c.product)
		if err != nil {
			return all, err
		}
		send := func(int) load { return l }
		r, err := s.duel(ctx, c.work, c.goal, side{base: s.floor.base, load: send, each: 2}, side{base: sh.base, load: send, each: 2})
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}
