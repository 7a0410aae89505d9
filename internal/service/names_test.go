package service_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// build makes a shop's index of names.
func build(t *testing.T, s *testkit.Shop) {
	t.Helper()
	if size, err := s.Services.Products.BuildNames(t.Context()); err != nil || !service.HasNames(s.Services.Products) {
		t.Fatalf("no index: %d bytes, %v", size, err)
	}
}

// found returns the ids of a search, with how many there are in all behind them if that is asked for, and its next page.
func found(t *testing.T, s *testkit.Shop, f model.ProductFilter) (ids []int64, next string) {
	t.Helper()
	list, err := s.Services.Products.ListAll(t.Context(), f)
	if err != nil {
		t.Fatalf("%+v: %v", f, err)
	}
	for _, p := range list.Items {
		ids = append(ids, p.ID)
	}
	if list.Total != nil {
		ids = append(ids, *list.Total)
	}
	return ids, list.Next
}

// oddText is made of characters that a collation treats in a special way: other cases and accents, several for one,
// such as are ignored, such as have no place in it; and of any.
func oddText(r *rand.Rand, most int) string {
	odd := []rune("aAäÄàâãåæÆbBßſsSeEéÉêÈēiIıİKkKlLłŁoOøØœŒÅΩωΣσς  \t--%_!\\'\"\u00ad\u200b\u200d\ufeff\u0000\u0001\u0300\u0301\u0308ﬁﬀfi" +
		"０0①1²2½٠中国國日本ｶカかガが゙ハﾊﾟ한글ᄒ\u1112\u1161\u11abกำไअि\U0001F389\U0001F382\U00020000\U0001D400\ufffd\ufffe\uffff\u2028\ue000")
	b := make([]rune, 1+r.IntN(most))
	for i := range b {
		switch r.IntN(12) {
		case 0:
			b[i] = rune(1 + r.IntN(0xd7ff))
		case 1:
			b[i] = rune(0xe000 + r.IntN(0x110000-0xe000))
		default:
			b[i] = odd[r.IntN(len(odd))]
		}
	}
	return string(b)
}

// TestSearchIsLike searches odd names for odd texts with an index and without.
func TestSearchIsLike(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	s := testkit.NewShop(t)
	plain := testkit.NewShopOn(t, s.DB)
	const products = 1_000
	for range products / 100 {
		var values []string
		var args []any
		for range 100 {
			values, args = append(values, "(?, 1, 'Test', 1)"), append(args, oddText(r, 30))
		}
		s.Exec("INSERT INTO products (name, price, category, stock) VALUES "+strings.Join(values, ", "), args...)
	}
	s.Exec("UPDATE products SET archived_at = '2026-01-01' WHERE id % 5 = 0")
	build(t, s)
	var names []string
	if err := s.DB.Select(&names, "SELECT name FROM products"); err != nil {
		t.Fatal(err)
	}
	some := 0
	for range 400 {
		term := []rune(oddText(r, 3))
		if r.IntN(2) == 0 {
			name := []rune(names[r.IntN(len(names))])
			from := r.IntN(len(name))
			term = []rune(strings.ToUpper(string(name[from : from+1+r.IntN(len(name)-from)])))
		}
		f := model.ProductFilter{Search: string(term), Page: model.Page{Limit: 50, Count: r.IntN(2) == 0}, SortBy: []string{"", model.SortNewest, model.SortName}[r.IntN(3)]}
		want, wantNext := found(t, plain, f)
		if got, next := found(t, s, f); !slices.Equal(got, want) || next != wantNext {
			t.Errorf("%q: with an index %v, without %v", f.Search, got, want)
		}
		if len(want) > 1 {
			some++
		}
	}
	if some < 100 {
		t.Errorf("only %d searches found something", some)
	}
}

// TestSearchPages walks through all pages of searches, with an index and without.
func TestSearchPages(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	plain := testkit.NewShopOn(t, s.DB)
	fillCatalogue(s, service.FewCandidates+1_000) // of names that end with a number from 0 to 499
	s.Exec("UPDATE products SET stock = 0 WHERE id % 3 = 0")
	s.Exec("UPDATE products SET changed_at = '2001-01-01'")
	build(t, s)
	yes := true
	for _, term := range []string{"Product", "PRODUCT 4", "t 49", "77", "product 499", "product 500", "o"} {
		for _, f := range []model.ProductFilter{
			{}, {SortBy: model.SortNewest}, {SortBy: model.SortPriceAsc}, {SortBy: model.SortPriceDesc}, {SortBy: model.SortName},
			{InStock: &yes}, {Archived: &yes}, {Archived: &yes, Category: "Cat 3", SortBy: model.SortNewest}, {Category: "Cat 0"}, {Category: "Nope"},
		} {
			f.Search, f.Page = term, model.Page{Limit: 400, Count: true}
			for next := "first"; next != ""; {
				want, wantNext := found(t, plain, f)
				var got []int64
				if got, next = found(t, s, f); !slices.Equal(got, want) || next != wantNext {
					t.Fatalf("%+v: with an index %v, without %v", f, got, want)
				}
				f.Page.Cursor, f.Page.Count = next, false
			}
		}
	}
}

// TestSearchFreshness changes names in all ways: what this instance changes is found by its next search, what another
// one or somebody by hand changes within a second.
func TestSearchFreshness(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	other := testkit.NewShopOn(t, s.DB)
	lamp := s.Product("Lamp", "19.99", 5)
	mug := model.Product{ID: 1000}
	s.Exec("INSERT INTO products (id, name, price, category, stock, changed_at) VALUES (?, 'Mug', 7.10, 'Test', 5, '2001-01-01')", mug.ID)
	build(t, s)
	build(t, other)
	price, stock := model.Money(100), model.Int(1)
	whole := func(name string) model.ProductInput {
		return model.ProductInput{Name: name, Price: &price, Category: "Test", Stock: &stock}
	}
	torch := "Torch"
	for _, c := range []struct {
		name   string
		write  func() error
		search string
		want   []int64
	}{
		{"Create", func() error {
			_, err := s.Services.Products.Create(t.Context(), model.Actor{}, whole("Candle"))
			return err
		}, "ANDLE", []int64{1001}},
		{"Update", func() error {
			_, err := s.Services.Products.Update(t.Context(), model.Actor{}, mug.ID, whole("Beaker"), nil)
			return err
		}, "beak", []int64{1000}},
		{"OldNameIsGone", func() error { return nil }, "mug", nil},
		{"Patch", func() error {
			_, err := s.Services.Products.Patch(t.Context(), model.Actor{}, lamp.ID, model.ProductPatch{Name: &torch}, nil)
			return err
		}, "torch", []int64{lamp.ID}},
		{"Delete", func() error { return s.Services.Products.Delete(t.Context(), model.Actor{}, mug.ID) }, "beaker", nil},
	} {
		if err := c.write(); err != nil {
			t.Fatal(err)
		}
		if got := sold(t, s, c.search); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %v at once, want %v", c.name, got, c.want)
		}
		time.Sleep(service.NamesAge)
		if got := sold(t, other, c.search); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %v elsewhere, want %v", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		name, statement, search string
		want                    []int64
	}{
		{"Insert", "INSERT INTO products (id, name, price, category, stock) VALUES (500, 'Drawer', 1, 'Test', 1)", "draw", []int64{500}},
		{"Rename", "UPDATE products SET name = 'Easel' WHERE id = 500", "easel", []int64{500}},
		{"Remove", "DELETE FROM products WHERE id = 500", "easel", nil},
		{"LongTransaction", "INSERT INTO products (id, name, price, category, stock, changed_at) VALUES (400, 'Frame', 1, 'Test', 1, NOW() - INTERVAL 9 MINUTE)", "frame", []int64{400}},
		{"Load", "INSERT INTO products (name, price, category, stock, changed_at) VALUES ('Glass', 1, 'Test', 1, '2001-01-01')", "glass", []int64{1002}},
		{"ClockOfAnother", "INSERT INTO products (id, name, price, category, stock, changed_at) VALUES (300, 'Hammock', 1, 'Test', 1, NOW() + INTERVAL 9 MINUTE)", "hammock", []int64{300}},
		{"NewLetters", "INSERT INTO products (id, name, price, category, stock) VALUES (200, 'Größe ЖЪ', 1, 'Test', 1)", "жъ", []int64{200}},
	} {
		s.Exec(c.statement)
		time.Sleep(service.NamesAge)
		for _, shop := range []*testkit.Shop{s, other} {
			if got := sold(t, shop, c.search); !slices.Equal(got, c.want) {
				t.Errorf("%s: found %v, want %v", c.name, got, c.want)
			}
		}
	}
	if !service.HasNames(s.Services.Products) || !service.HasNames(other.Services.Products) {
		t.Error("an index was given up")
	}
}

// sold returns the ids of what a search of what is sold finds.
func sold(t *testing.T, s *testkit.Shop, search string) (ids []int64) {
	t.Helper()
	list, err := s.Services.Products.List(t.Context(), model.ProductFilter{Search: search})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Items {
		ids = append(ids, p.ID)
	}
	return ids
}

// TestSearchManyChanges changes more at once than an index takes: it is given up, asked for, and made again.
func TestSearchManyChanges(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	fillCatalogue(s, service.ManyChanges+100)
	s.Exec("UPDATE products SET changed_at = '2001-01-01'")
	build(t, s)
	s.Exec("UPDATE products SET name = CONCAT('Thing ', id)")
	for range 2 {
		time.Sleep(service.NamesAge)
		if got := sold(t, s, "thing 77"); !slices.Equal(got, []int64{77, 770, 771, 772, 773, 774, 775, 776, 777, 778, 779}) {
			t.Errorf("found %v", got)
		}
	}
	if service.HasNames(s.Services.Products) {
		t.Error("the index was kept")
	}
	if !s.Services.Products.AwaitNames(t.Context()) {
		t.Error("no index is wanted")
	}
	build(t, s)
	s.Exec("UPDATE products SET changed_at = '2001-01-01'") // else a look would find all of them again
	s.Exec("UPDATE products SET name = 'Basket' WHERE id = 77")
	time.Sleep(service.NamesAge)
	for term, want := range map[string][]int64{"basket": {77}, "thing 77": {770, 771, 772, 773, 774, 775, 776, 777, 778, 779}} {
		if got := sold(t, s, term); !slices.Equal(got, want) || !service.HasNames(s.Services.Products) {
			t.Errorf("%s: found %v, want %v", term, got, want)
		}
	}
}

// TestSearchWhileRead gives an index up while all names are read again: what was read before that is not taken for all.
func TestSearchWhileRead(t *testing.T) {
	t.Parallel()
	var s *testkit.Shop
	var reading atomic.Bool
	searched := make(chan error, 1)
	db := testkit.Open(t, testkit.EmptyDatabase(t), func(_ context.Context, sent database.Statement) {
		if reading.Load() && strings.Contains(sent.SQL, "ORDER BY id LIMIT") && reading.CompareAndSwap(true, false) {
			go func() {
				_, err := s.Services.Products.List(context.Background(), model.ProductFilter{Search: "product 77"})
				searched <- err
			}()
			time.Sleep(200 * time.Millisecond) // the search waits for the reading of the first part to end
		}
	})
	if _, err := database.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	s = testkit.NewShopOn(t, db)
	fillCatalogue(s, service.NamesAtOnce+500)
	s.Exec("UPDATE products SET changed_at = '2001-01-01'")
	build(t, s)
	s.Exec("UPDATE products SET price = 2 WHERE id <= ?", service.ManyChanges+100)
	reading.Store(true)
	size, err := s.Services.Products.BuildNames(t.Context())
	if failed := <-searched; failed != nil || err != nil || size != 0 || service.HasNames(s.Services.Products) {
		t.Errorf("read %d bytes, %v; a search: %v", size, err, failed)
	}
	build(t, s)
	s.Exec("UPDATE products SET changed_at = '2001-01-01'")
	if got, want := len(sold(t, s, "product 77")), int(s.Count("SELECT COUNT(*) FROM products WHERE name LIKE 'product 77%' AND archived_at IS NULL")); got != min(want, 100) || got == 0 {
		t.Errorf("found %d of %d", got, want)
	}
}

// TestSearchOwnWrites writes and searches at once from all sides: everybody finds what was written.
func TestSearchOwnWrites(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	build(t, s)
	price, stock := model.Money(100), model.Int(1)
	errs := atOnce(8, func(writer int) error {
		for i := range 12 {
			name := fmt.Sprintf("Writer %d wrote %d", writer, i)
			p, err := s.Services.Products.Create(t.Context(), model.Actor{}, model.ProductInput{Name: name, Price: &price, Category: "Test", Stock: &stock})
			if err != nil {
				return err
			}
			list, err := s.Services.Products.List(t.Context(), model.ProductFilter{Search: strings.ToLower(name), SortBy: model.SortNewest})
			if err != nil || len(list.Items) == 0 || !slices.ContainsFunc(list.Items, func(q model.Product) bool { return q.ID == p.ID }) {
				t.Errorf("%s: found %v, %v", name, list.Items, err)
			}
			if i == 6 {
				if _, err := s.Services.Products.BuildNames(t.Context()); err != nil && writer == 0 {
					return err
				}
			}
		}
		return nil
	})
	if errs[""] != 8 || !service.HasNames(s.Services.Products) {
		t.Errorf("answers were %v", errs)
	}
}

// TestSearchWithoutDatabase looks for what nobody has when the database is away: nothing found is not the answer.
func TestSearchWithoutDatabase(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	s := testkit.NewShopOn(t, db)
	build(t, s)
	if got := sold(t, s, "nothing"); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(service.NamesAge)
	if list, err := s.Services.Products.List(t.Context(), model.ProductFilter{Search: "nothing"}); err == nil {
		t.Errorf("found %v", list.Items)
	}
}

// TestSearchCost counts the rows that the database looks at for searches of all kinds.
func TestSearchCost(t *testing.T) {
	t.Parallel()
	const limit = 50
	s := testkit.NewShop(t)
	fillCatalogue(s, 12_000)
	s.Exec("UPDATE products SET name = CONCAT('Lantern ', id) WHERE id % 600 = 7")
	s.Exec("UPDATE products SET changed_at = '2001-01-01'")
	s.Exec("ALTER TABLE products ENGINE = InnoDB") // without what was, which stays in the indexes for as long as anybody reads
	build(t, s)
	s.DB.SetMaxOpenConns(1) // the counters are the connection's
	for _, c := range []struct {
		name   string
		filter model.ProductFilter
		most   int
	}{
		{"Nobody", model.ProductFilter{Search: "zebra"}, 10},
		{"NobodyCounted", model.ProductFilter{Search: "zebra", Page: model.Page{Count: true}}, 10},
		{"One", model.ProductFilter{Search: "LANTERN 7"}, 10},
		{"Some", model.ProductFilter{Search: "lantern"}, 60},
		{"SomeByPrice", model.ProductFilter{Search: "lantern", SortBy: model.SortPriceDesc}, 100},
		{"SomeCounted", model.ProductFilter{Search: "lantern", Page: model.Page{Count: true}}, 120},
		{"Many", model.ProductFilter{Search: "product 4"}, 3 * limit},
		{"ManyNewest", model.ProductFilter{Search: "product 4", SortBy: model.SortNewest}, 3 * limit},
		{"ManyDeep", model.ProductFilter{Search: "product 4", Page: model.Page{Cursor: model.Cursor{ID: 11_000}.String()}}, 3 * limit},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.filter.Page.Limit = limit
			time.Sleep(service.NamesAge) // for a look at what has changed
			s.Exec("FLUSH STATUS")
			if _, err := s.Services.Products.List(t.Context(), c.filter); err != nil {
				t.Fatal(err)
			}
			if n := rowsLookedAt(t, s.DB); n > c.most {
				t.Errorf("%d rows were looked at, more than %d", n, c.most)
			}
		})
	}
}

// TestStockLeavesChangedAt places and cancels orders in all ways: what they take of a stock is no change that others
// have to hear of.
func TestStockLeavesChangedAt(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, lamp := s.User(), s.Product("Lamp", "19.99", 100)
	s.Exec("UPDATE products SET changed_at = '2001-01-01'")
	key := "key"
	placed := s.Order(u, lamp, 2)
	s.Fill(u, lamp, 3)
	in := testkit.OrderInput()
	in.IdempotencyKey = &key
	if _, err := s.Services.Orders.PlaceOrder(t.Context(), u.ID, in); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Services.Orders.Cancel(t.Context(), u.ID, placed.ID); err != nil {
		t.Fatal(err)
	}
	if stock, n := s.Stock(lamp), s.Count("SELECT COUNT(*) FROM products WHERE changed_at = '2001-01-01'"); stock != 97 || n != 1 {
		t.Errorf("the stock is %d; %d products are as they were", stock, n)
	}
	s.Exec("UPDATE products SET stock = 98")
	if n := s.Count("SELECT COUNT(*) FROM products WHERE changed_at > NOW() - INTERVAL 1 HOUR"); n != 1 {
		t.Error("a change by hand is not to be seen")
	}
}
