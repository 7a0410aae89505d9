package service_test

import (
	"fmt"
	"slices"
	"testing"

	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// TestListCategories lists few and many: both ways of finding them must agree.
func TestListCategories(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	want := func(n int, what string) {
		t.Helper()
		var all []string
		if err := s.DB.SelectContext(t.Context(), &all, "SELECT DISTINCT category FROM products WHERE archived_at IS NULL ORDER BY category"); err != nil {
			t.Fatal(err)
		}
		got, err := s.Services.Products.ListCategories(t.Context(), model.Asker{})
		if err != nil || got == nil || !slices.Equal(got, all) && n > 0 || len(got) != n {
			t.Errorf("%s: %d categories, %v; want %d", what, len(got), err, n)
		}
	}
	want(0, "none")
	s.ProductIn("books", "A", "1", 1)
	s.ProductIn("Books", "B", "1", 1) // the same to people and to the collation
	s.ProductIn("Äpfel", "C", "1", 1)
	gone := s.ProductIn("Gone", "D", "1", 1)
	if err := s.Services.Products.Delete(t.Context(), model.Actor{}, gone.ID); err != nil {
		t.Fatal(err)
	}
	want(2, "few")
	for _, n := range []int{298, 299, 301, 1500} { // two are there
		s.Exec("DELETE FROM products WHERE category LIKE 'c%'")
		s.Exec(fmt.Sprintf(`
			INSERT INTO products (name, price, category, stock)
			WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			SELECT 'X', 1, CONCAT('c', i), 0 FROM n`, min(n, 900)))
		if n > 900 {
			s.Exec("INSERT INTO products (name, price, category, stock) SELECT name, 1, CONCAT(category, '-'), 0 FROM products WHERE category LIKE 'c%' AND id % 3 > 0 LIMIT 600")
		}
		want(int(s.Count("SELECT COUNT(DISTINCT category) FROM products WHERE archived_at IS NULL")), fmt.Sprint(n))
	}
}
