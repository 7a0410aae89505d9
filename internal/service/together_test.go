package service_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// together calls fn n times so that all are worked for as one group, in their order.
func together(t *testing.T, g service.Gatherer, n int, fn func(i int)) {
	t.Helper()
	release := g.Gather()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
		for g.Waiting() <= i {
			time.Sleep(time.Millisecond)
		}
	}
	release()
	wg.Wait()
}

// behind is a shop whose batches can be overtaken or cut, and the database itself.
func behind(t *testing.T, observe database.Observer) (*testkit.Shop, *testkit.Proxy, *testkit.Shop) {
	t.Helper()
	cfg := testkit.EmptyDatabase(t)
	proxy, proxied := testkit.NewProxy(t, cfg)
	direct := testkit.Open(t, cfg, nil)
	if _, err := database.Migrate(t.Context(), direct); err != nil {
		t.Fatal(err)
	}
	return testkit.NewShopOn(t, testkit.Open(t, proxied, observe)), proxy, testkit.NewShopOn(t, direct)
}

// TestOrdersTogether places the orders of many people as one group: two statements in all, and each has what was in
// his own cart.
func TestOrdersTogether(t *testing.T) {
	t.Parallel()
	const people = 8
	var mu sync.Mutex
	var sent []string
	s, _, _ := behind(t, func(_ context.Context, st database.Statement) {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, st.SQL)
	})
	lamp, mug, pen := s.Product("Lamp", "19.99", 100), s.Product("Mug", "7.10", 100), s.Product("Pen", "1.00", 100)
	users := make([]*testkit.Person, people)
	for i := range users {
		users[i] = s.User()
		s.Fill(users[i], []model.Product{pen, mug}[i%2], 1+i)
		if i%3 == 0 {
			s.Fill(users[i], lamp, 1)
		}
	}
	mu.Lock()
	sent = nil
	mu.Unlock()
	placing, _, _ := service.Coalescers(s.Services)
	ids, told := map[int64]bool{}, sync.Mutex{}
	together(t, placing, people, func(i int) {
		o, err := s.Services.Orders.PlaceOrder(t.Context(), users[i].ID, testkit.OrderInput())
		told.Lock()
		ids[o.ID] = true
		told.Unlock()
		if err != nil || o.UserID != users[i].ID || o.ID == 0 || !strings.Contains(string(o.Answer), fmt.Sprintf(`"order_id":%d,`, o.ID)) {
			t.Errorf("%d: %+v, %v", i, o, err)
		}
		kept, err := s.Services.Orders.Get(context.Background(), users[i].ID, o.ID)
		if err != nil || fmt.Sprint(kept.Products, kept.TotalPrice, kept.History[0].Status) != fmt.Sprint(withOrderID(o.Order), o.TotalPrice, model.Pending) {
			t.Errorf("%d: was told %+v, has %+v, %v", i, o.Order, kept, err)
		}
	})
	batches := 0
	for _, sql := range sent {
		if strings.HasPrefix(sql, "START TRANSACTION; ") && strings.Contains(sql, " DELETE c FROM carts ") {
			batches++
			if !strings.Contains(sql, "SET SESSION innodb_lock_wait_timeout = 1;") {
				t.Errorf("a group waits for rows for as long as one would alone: %s", sql)
			}
		}
	}
	if batches != 1 || len(ids) != people || s.Count("SELECT COUNT(*) FROM carts") != 0 {
		t.Errorf("%d batches, orders %v, %d lines left", batches, ids, s.Count("SELECT COUNT(*) FROM carts"))
	}
	if s.Stock(lamp) != 97 || s.Stock(pen) != 100-1-3-5-7 || s.Stock(mug) != 100-2-4-6-8 {
		t.Errorf("stocks are %d, %d, %d", s.Stock(lamp), s.Stock(pen), s.Stock(mug))
	}
	mustHold(t, s)
}

// TestLargeOrdersTogether places orders of many lines at once: those that are too much for one group are placed alone.
func TestLargeOrdersTogether(t *testing.T) {
	t.Parallel()
	const people, lines = 6, 90
	var most atomic.Int64
	s, _, _ := behind(t, func(_ context.Context, st database.Statement) {
		if n := int64(strings.Count(st.SQL, "WHEN ? THEN ?")); n > most.Load() {
			most.Store(n)
		}
	})
	users := make([]*testkit.Person, people)
	for i := range users {
		users[i] = s.User()
		for range lines {
			s.Exec("INSERT INTO carts (user_id, product_id, quantity) VALUES (?, ?, 1)", users[i].ID, s.Product("Lamp", "19.99", 5).ID)
		}
	}
	placing, _, _ := service.Coalescers(s.Services)
	together(t, placing, people, func(i int) {
		if o, err := s.Services.Orders.PlaceOrder(t.Context(), users[i].ID, testkit.OrderInput()); err != nil || len(o.Products) != lines {
			t.Errorf("%d products, %v", len(o.Products), err)
		}
	})
	if n := most.Load(); n < 2*lines || n > 400 {
		t.Errorf("a group was of %d lines", n)
	}
	mustHold(t, s)
}

// withOrderID are an order's items as they are read.
func withOrderID(o model.Order) []model.OrderItem {
	items := append([]model.OrderItem{}, o.Products...)
	for i := range items {
		items[i].OrderID = o.ID
	}
	return items
}

// TestOrdersTogetherJudged makes groups in which not everybody can have his order: the others do, and everybody is told
// what he would be told alone.
func TestOrdersTogetherJudged(t *testing.T) {
	t.Parallel()
	lamps := func(s *testkit.Shop, n, stock int) ([]*testkit.Person, model.Product) {
		lamp := s.Product("Lamp", "19.99", stock)
		users := make([]*testkit.Person, n)
		for i := range users {
			users[i] = s.User()
			s.Fill(users[i], lamp, 1)
		}
		return users, lamp
	}
	for name, c := range map[string]struct {
		stock   int
		prepare func(s *testkit.Shop, users []*testkit.Person) []*testkit.Person
		input   func(i int, in *model.OrderInput)
		change  string // of the database, when the group has read
		want    map[apperr.Code]int
	}{
		"LastPieces": {stock: 3, want: map[apperr.Code]int{"": 3, apperr.OutOfStock: 3}},
		"SameUser": {
			stock: 9,
			prepare: func(_ *testkit.Shop, u []*testkit.Person) []*testkit.Person {
				return []*testkit.Person{u[0], u[0], u[1], u[1], u[2], u[3]}
			},
			want: map[apperr.Code]int{"": 4, apperr.EmptyCart: 2},
		},
		"EmptyCart": {
			stock: 9,
			prepare: func(s *testkit.Shop, u []*testkit.Person) []*testkit.Person {
				s.Exec("DELETE FROM carts WHERE user_id = ?", u[2].ID)
				return u
			},
			want: map[apperr.Code]int{"": 5, apperr.EmptyCart: 1},
		},
		"TotalChanged": {
			stock: 9,
			input: func(i int, in *model.OrderInput) {
				if total := model.Money(1); i == 3 {
					in.ExpectedTotal = &total
				}
			},
			want: map[apperr.Code]int{"": 5, apperr.TotalChanged: 1},
		},
		"CartEmptied":  {stock: 9, change: "DELETE FROM carts WHERE user_id = 4", want: map[apperr.Code]int{"": 5, apperr.EmptyCart: 1}},
		"CartChanged":  {stock: 9, change: "UPDATE carts SET quantity = 2 WHERE user_id = 4", want: map[apperr.Code]int{"": 6}},
		"PriceChanged": {stock: 9, change: "UPDATE products SET price = 1", want: map[apperr.Code]int{"": 6}},
		"SoldOut":      {stock: 9, change: "UPDATE products SET stock = 2", want: map[apperr.Code]int{"": 2, apperr.OutOfStock: 4}},
		"Archived":     {stock: 9, change: "UPDATE products SET archived_at = NOW()", want: map[apperr.Code]int{apperr.OutOfStock: 6}},
		"UserDeleted":  {stock: 9, change: "DELETE FROM users WHERE id = 4", want: map[apperr.Code]int{"": 5, apperr.EmptyCart: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy, direct := behind(t, nil)
			users, _ := lamps(s, 6, max(c.stock, 6))
			s.Exec("UPDATE products SET stock = ?", c.stock)
			s.Exec("UPDATE stock_ledger SET quantity = ?", c.stock)
			if c.prepare != nil {
				users = c.prepare(s, users)
			}
			var once sync.Once
			proxy.Decide(func(sql string) testkit.Cut {
				if c.change != "" && strings.HasPrefix(sql, "START TRANSACTION;") {
					once.Do(func() { direct.Exec(c.change) })
				}
				return testkit.NoCut
			})
			placing, _, _ := service.Coalescers(s.Services)
			got, mu := map[apperr.Code]int{}, sync.Mutex{}
			together(t, placing, len(users), func(i int) {
				in := testkit.OrderInput()
				if c.input != nil {
					c.input(i, &in)
				}
				_, err := s.Services.Orders.PlaceOrder(t.Context(), users[i].ID, in)
				if err != nil && code(err) == "" {
					t.Errorf("%d: %v", i, err)
				}
				mu.Lock()
				defer mu.Unlock()
				got[code(err)]++
			})
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("the answers are %v, want %v", got, c.want)
			}
			if n := direct.Count("SELECT COUNT(*) FROM orders"); n != int64(c.want[""]) {
				t.Errorf("%d orders", n)
			}
			if c.change == "" || strings.Contains(c.change, "users") || strings.Contains(c.change, "carts") {
				mustHold(t, direct)
			}
		})
	}
}

// TestOrdersTogetherCut loses the connection around the batch of a group: nobody is told that he has an order who
// has not, all or none of them are there, and nothing is tried again of which nobody knows what became of it.
func TestOrdersTogetherCut(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]testkit.Cut{"Within": testkit.CutWithin, "Behind": testkit.CutBehind, "Answer": testkit.CutAnswer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const people = 5
			s, proxy, direct := behind(t, nil)
			lamp := s.Product("Lamp", "19.99", 50)
			users := make([]*testkit.Person, people)
			for i := range users {
				users[i] = s.User()
				s.Fill(users[i], lamp, 2)
			}
			var once sync.Once
			proxy.Decide(func(sql string) (decided testkit.Cut) {
				if strings.HasPrefix(sql, "START TRANSACTION;\n") && strings.Contains(sql, "INSERT INTO orders") {
					once.Do(func() { decided = cut })
				}
				return decided
			})
			placing, _, _ := service.Coalescers(s.Services)
			together(t, placing, people, func(i int) {
				if _, err := s.Services.Orders.PlaceOrder(t.Context(), users[i].ID, testkit.OrderInput()); code(err) != apperr.Unavailable {
					t.Errorf("%d: %v", i, err)
				}
			})
			// Both in one statement: the server may have it all and take its time; MySQL stops when it sees that nobody listens.
			both := func() int64 {
				return direct.Count("SELECT 1000 * (SELECT COUNT(*) FROM orders) + stock FROM products WHERE id = ?", lamp.ID)
			}
			const none, all = 50, 1000*people + 50 - 2*people
			n := both()
			for range 25 {
				if cut == testkit.CutWithin || n == all {
					break
				}
				time.Sleep(20 * time.Millisecond)
				n = both()
			}
			if n != none && (n != all || cut == testkit.CutWithin) {
				t.Errorf("%d orders, a stock of %d", n/1000, n%1000)
			}
			mustHold(t, direct)
		})
	}
}

// TestOrdersTogetherLocked lets one of a group want what somebody keeps locked: the others have their orders meanwhile.
func TestOrdersTogetherLocked(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	lamp, mug := s.Product("Lamp", "19.99", 50), s.Product("Mug", "7.10", 50)
	users := []*testkit.Person{s.User(), s.User(), s.User()}
	for i, u := range users {
		s.Fill(u, []model.Product{lamp, mug, lamp}[i], 1)
	}
	release := hold(t, s, mug.ID)
	var others sync.WaitGroup
	others.Add(2)
	go func() {
		others.Wait()
		release()
	}()
	placing, _, _ := service.Coalescers(s.Services)
	together(t, placing, len(users), func(i int) {
		if i != 1 {
			defer others.Done()
		}
		if _, err := s.Services.Orders.PlaceOrder(t.Context(), users[i].ID, testkit.OrderInput()); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	})
	mustHold(t, s)
}
