package service_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// TestListProductsDepth checks that a page costs the same however deep it is, by the rows that the
// database server says it looked at.
func TestListProductsDepth(t *testing.T) {
	t.Parallel()
	const products, limit = 12_000, 50
	s := testkit.NewShop(t)
	s.DB.SetMaxOpenConns(1) // the counters are the connection's
	fillCatalogue(s, products)
	for _, sort := range []string{"", model.SortNewest, model.SortPriceAsc, model.SortPriceDesc, model.SortName} {
		for _, category := range []string{"", "Cat 3"} {
			t.Run("SortBy="+sort+",Category="+category, func(t *testing.T) {
				f := model.ProductFilter{SortBy: sort, Category: category, Page: model.Page{Limit: model.MaxLimit}}
				for next := "first"; next != ""; { // to the last page
					list, err := s.Services.Products.List(t.Context(), f)
					if err != nil {
						t.Fatal(err)
					}
					if next = list.Next; next != "" {
						f.Page.Cursor = next
					}
				}
				f.Page.Limit = limit
				s.Exec("FLUSH STATUS")
				list, err := s.Services.Products.List(t.Context(), f)
				if err != nil || len(list.Items) == 0 {
					t.Fatal(len(list.Items), err)
				}
				if n := rowsLookedAt(t, s.DB); n > 4*limit {
					t.Errorf("%d rows were looked at for %d", n, limit)
				}
			})
		}
	}
}

// fillCatalogue writes products in three categories with many equal prices and names.
func fillCatalogue(s *testkit.Shop, products int) {
	rows := make([]string, products)
	for i := range rows {
		archived := "NULL"
		if i%20 == 0 {
			archived = "'2026-01-01'"
		}
		rows[i] = fmt.Sprintf("('Product %d', %d.50, 'Cat %d', 5, %s)", i*7919%500, i*31%100, i%4, archived)
	}
	s.Exec("INSERT INTO products (name, price, category, stock, archived_at) VALUES " + strings.Join(rows, ", "))
	rowsets, err := s.DB.Query("ANALYZE TABLE products")
	if err == nil {
		_ = rowsets.Close()
	}
}

// rowsLookedAt adds up the session's counters of rows and index entries; MariaDB counts those that an
// index condition dropped apart.
func rowsLookedAt(t *testing.T, db *sqlx.DB) (sum int) {
	t.Helper()
	var counters []struct {
		Name  string `db:"Variable_name"`
		Value int    `db:"Value"`
	}
	if err := db.Select(&counters, "SHOW SESSION STATUS WHERE Variable_name LIKE 'Handler\\_read%' OR Variable_name = 'Handler_icp_attempts'"); err != nil {
		t.Fatal(err)
	}
	for _, c := range counters {
		sum += c.Value
	}
	if sum == 0 {
		t.Fatal("the server counted nothing")
	}
	return sum
}

// TestSearchTurns fills all turns: a further search waits, and stops waiting with its caller, while lists that
// need none go on.
func TestSearchTurns(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.Product("Lamp", "19.99", 5)
	search := model.ProductFilter{Search: "lamp"}
	leave := service.FillSearches(s.Services.Products)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Services.Products.List(ctx, search); code(err) != apperr.Unavailable {
		t.Errorf("a search beyond all turns: %v", err)
	}
	if list, err := s.Services.Products.List(t.Context(), model.ProductFilter{}); err != nil || len(list.Items) != 1 {
		t.Errorf("a list beside the searches: %v, %v", list, err)
	}
	leave()
	for range 20 {
		if list, err := s.Services.Products.List(t.Context(), search); err != nil || len(list.Items) != 1 {
			t.Errorf("a search after the searches: %v, %v", list, err)
		}
	}
}

// TestListTurns fills all turns of lists that may have to look for what they list along an index for long, which are those with
// several filters of which each leaves much: one more waits, and stops waiting with its caller, while others go on.
func TestListTurns(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	for range 6 { // as many of each as are too many to be sorted
		s.Exec("INSERT INTO products (name, price, category, stock) VALUES ('Lamp', 5, 'Home', 0), ('Mug', 50, 'Home', 0), ('Pen', 5, 'Home', 3)" + strings.Repeat(", ('Lamp', 5, 'Home', 0), ('Mug', 50, 'Home', 0), ('Pen', 5, 'Home', 3)", 200))
	}
	s.Exec("INSERT INTO products (name, price, category, stock) VALUES ('Rare', 7, 'Home', 0)")
	yes, no, least, five, seven := true, false, model.Money(0), model.Money(500), model.Money(700)
	page := model.Page{Limit: 1}
	for name, c := range map[string]struct {
		filter model.ProductFilter
		waits  bool
	}{
		"OutOfStockAtAPrice": {model.ProductFilter{InStock: &no, MinPrice: &least, MaxPrice: &five, SortBy: model.SortName, Page: page}, true},
		"OutOfStockByID":     {model.ProductFilter{InStock: &no, MinPrice: &least, MaxPrice: &five, Page: page}, true},
		"InStock":            {model.ProductFilter{InStock: &yes, Page: page}, true},
		"Counted":            {model.ProductFilter{Page: model.Page{Limit: 1, Count: true}}, true},
		"FewAtAPrice":        {model.ProductFilter{InStock: &no, MinPrice: &seven, MaxPrice: &seven, SortBy: model.SortName, Page: page}, false},
		"FewAtAPriceByID":    {model.ProductFilter{InStock: &no, MinPrice: &seven, MaxPrice: &seven, Page: page}, false},
		"OutOfStock":         {model.ProductFilter{InStock: &no, Page: page}, false},
		"AtAPrice":           {model.ProductFilter{MinPrice: &five, MaxPrice: &seven, SortBy: model.SortPriceAsc, Page: page}, false},
		"OfACategory":        {model.ProductFilter{Category: "Home", SortBy: model.SortName, Page: page}, false},
		"All":                {model.ProductFilter{Page: page}, false},
	} {
		t.Run(name, func(t *testing.T) {
			leave := service.FillWalks(s.Services.Products)
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			if !c.waits {
				ctx = t.Context()
			}
			list, err := s.Services.Products.List(ctx, c.filter)
			if c.waits && code(err) != apperr.Unavailable || !c.waits && (err != nil || len(list.Items) != 1) {
				t.Errorf("with all turns taken: %v, %v", list, err)
			}
			leave()
			if list, err := s.Services.Products.List(t.Context(), c.filter); err != nil || len(list.Items) != 1 {
				t.Errorf("afterwards: %v, %v", list, err)
			}
		})
	}
}

// TestIndexTurns takes all turns of lists: which index a list is to be read by is not asked without one.
func TestIndexTurns(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	db := testkit.Open(t, testkit.EmptyDatabase(t), func(_ context.Context, st database.Statement) {
		if strings.Contains(st.SQL, "OFFSET ?") {
			asked.Add(1)
		}
	})
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	s := testkit.NewShopOn(t, db)
	leave, waiting := service.FillListsForGood(s.Services.Products)
	least := model.Money(500)
	done := make(chan error)
	go func() {
		_, err := s.Services.Products.List(t.Context(), model.ProductFilter{MinPrice: &least, SortBy: model.SortName})
		done <- err
	}()
	awaitWaiting(t, waiting, 1)
	if n := asked.Load(); n > 0 {
		t.Errorf("asked %d times without a turn", n)
	}
	leave()
	if err := <-done; err != nil || asked.Load() == 0 {
		t.Errorf("afterwards: %v, asked %d times", err, asked.Load())
	}
}

// TestListAllTurns asks for all that has no stock, for which there is no index where archived ones are among it.
func TestListAllTurns(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.Product("Lamp", "19.99", 0)
	defer service.FillWalks(s.Services.Products)()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	no := false
	if list, err := s.Services.Products.ListAll(ctx, model.ProductFilter{InStock: &no}); code(err) != apperr.Unavailable {
		t.Errorf("with all turns taken: %v, %v", list, err)
	}
	if list, err := s.Services.Products.ListAll(t.Context(), model.ProductFilter{}); err != nil || len(list.Items) != 1 {
		t.Errorf("all, which need none: %v, %v", list, err)
	}
}

// TestListTurnsAreFair has one address ask for many lists, for that of one user or of many: who comes from elsewhere does not wait for
// all of them.
func TestListTurnsAreFair(t *testing.T) {
	t.Parallel()
	asker := func(i int) model.Asker {
		if i == 40 {
			return model.Asker{Address: "2001:db8:0:1::1"}
		}
		return model.Asker{Address: fmt.Sprintf("2001:db8::%x", i)} // of one subscriber
	}
	products := func(f model.ProductFilter) func(s *testkit.Shop, i int) error {
		return func(s *testkit.Shop, i int) error {
			f.Asker = asker(i)
			_, err := s.Services.Products.List(t.Context(), f)
			return err
		}
	}
	for name, c := range map[string]struct {
		fill func(*service.Services) (leave func(), waiting func() int)
		list func(s *testkit.Shop, i int) error
	}{
		"ThatTakeLong": {ofProducts(service.FillWalksForGood), products(model.ProductFilter{Page: model.Page{Count: true}})},
		"Others":       {ofProducts(service.FillListsForGood), products(model.ProductFilter{})},
		"Own": {service.FillTurnsForGood, func(s *testkit.Shop, i int) error {
			leave, err := s.Services.Turn(t.Context(), asker(i))
			if err == nil {
				leave()
			}
			return err
		}},
		"OfOrders": {service.FillOrderListsForGood, func(s *testkit.Shop, i int) error {
			leave, err := s.Services.TurnToList(t.Context(), asker(i))
			if err == nil {
				leave()
			}
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			s.Product("Lamp", "19.99", 5)
			leave, waiting := c.fill(s.Services)
			done := make(chan int, 41)
			for i := range 41 {
				go func() {
					if err := c.list(s, i); err != nil {
						t.Error(err)
					}
					done <- i
				}()
				awaitWaiting(t, waiting, i+1)
			}
			leave()
			for n := range 41 {
				if i := <-done; i == 40 && n > 15 {
					t.Errorf("%d from elsewhere went before", n)
				}
			}
		})
	}
}

func ofProducts(fill func(*service.Products) (func(), func() int)) func(*service.Services) (func(), func() int) {
	return func(s *service.Services) (func(), func() int) { return fill(s.Products) }
}

// awaitWaiting waits until so many wait for their turn.
func awaitWaiting(t *testing.T, waiting func() int, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); waiting() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d wait, not %d", waiting(), n)
		}
	}
}

// TestListSaysWhenItWasRead lets lists wait for their turn: one is as old as its reading, and a search as the index that it began with.
func TestListSaysWhenItWasRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		filter model.ProductFilter
		fill   func(*service.Products) (leave func(), waiting func() int)
		waited bool
	}{
		"Others":       {model.ProductFilter{}, service.FillListsForGood, true},
		"ThatTakeLong": {model.ProductFilter{InStock: new(true)}, service.FillWalksForGood, true},
		"OfASearch":    {model.ProductFilter{Search: "lamp"}, service.FillSearchesForGood, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			s.Product("Lamp", "19.99", 5)
			leave, waiting := c.fill(s.Services.Products)
			read := make(chan time.Time, 1)
			go func() {
				list, err := s.Services.Products.List(t.Context(), c.filter)
				if err != nil || len(list.Items) != 1 {
					t.Errorf("%v, %v", list, err)
				}
				read <- list.Read
			}()
			awaitWaiting(t, waiting, 1)
			turn := time.Now()
			leave()
			if at := <-read; at.IsZero() || at.After(turn) != c.waited {
				t.Errorf("read at %v, its turn was at %v", at, turn)
			}
		})
	}
}

// TestSearchBounded looks whether the server heeds the limit of a search's time: with a limit of a moment in
// its place it gives up.
func TestSearchBounded(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.Product("Lamp", "19.99", 5)
	short := strings.NewReplacer("= 10 ", "= 0.05 ", "(10000)", "(50)").Replace(service.BoundedSelect)
	var n int
	err := s.DB.GetContext(t.Context(), &n, short+"COUNT(*) FROM products p JOIN products q WHERE SLEEP(5) = 0 OR BENCHMARK(1000000000, 1) = 0")
	if !database.IsUnavailable(err) {
		t.Errorf("got %d, %v", n, err)
	}
}

// TestListHungUp hangs up while a list is read that takes long: its turn is over when the server is, not sooner.
func TestListHungUp(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	s.Product("Lamp", "19.99", 5)
	conn, err := s.DB.Conn(t.Context()) // which keeps the server from reading
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(t.Context(), "LOCK TABLES products WRITE"); err != nil {
		t.Fatal(err)
	}
	list := func(ctx context.Context) error {
		_, err := s.Services.Products.List(ctx, model.ProductFilter{InStock: new(true)})
		return err
	}
	ended := make(chan error, 20)
	for range cap(ended) {
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			ended <- list(ctx)
		}()
	}
	for range cap(ended) - service.MaxWalks {
		if err := <-ended; code(err) != apperr.Unavailable {
			t.Errorf("who waits for a turn and hangs up: %v", err)
		}
	}
	select {
	case err := <-ended:
		t.Errorf("a turn is over before the server is: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	if _, err := conn.ExecContext(t.Context(), "UNLOCK TABLES"); err != nil {
		t.Fatal(err)
	}
	for range service.MaxWalks {
		if err := <-ended; err != nil {
			t.Errorf("a list that was read to its end: %v", err)
		}
	}
	if err := list(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
