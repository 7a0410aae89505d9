package service_test

import (
	"testing"

	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// TestCountProducts counts what filters leave, each in the index that has all that is asked for, or has little, or else in
// the table.
func TestCountProducts(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	fillCatalogue(s, 4000)
	s.Exec("UPDATE products SET stock = 0 WHERE id % 10 = 1")
	s.Exec("UPDATE products SET category = 'Rare' WHERE price = 7.50")
	yes, no := true, false
	price := func(text string) *model.Money {
		m, err := model.ParseMoney(text)
		if err != nil {
			t.Fatal(err)
		}
		return &m
	}
	for name, c := range map[string]struct {
		f     model.ProductFilter
		index string
		where string
	}{
		"Sold":           {model.ProductFilter{}, "PRIMARY", "TRUE"},
		"Category":       {model.ProductFilter{Category: "Cat 1"}, "ix_products_category_price", "category = 'Cat 1'"},
		"Price":          {model.ProductFilter{MinPrice: price("20")}, "ix_products_price", "price >= 20"},
		"CategoryPrice":  {model.ProductFilter{Category: "Cat 1", MaxPrice: price("50")}, "ix_products_category_price", "category = 'Cat 1' AND price <= 50"},
		"InStock":        {model.ProductFilter{InStock: &yes}, "ix_products_stock", "stock > 0"},
		"SoldOut":        {model.ProductFilter{InStock: &no}, "ix_products_stock", "stock = 0"},
		"InStockDear":    {model.ProductFilter{InStock: &yes, MinPrice: price("20")}, "PRIMARY", "stock > 0 AND price >= 20"},
		"InStockDearest": {model.ProductFilter{InStock: &yes, MinPrice: price("90"), SortBy: model.SortPriceAsc}, "ix_products_price", "stock > 0 AND price >= 90"},
		"InStockRare":    {model.ProductFilter{InStock: &yes, Category: "Rare"}, "ix_products_category", "stock > 0 AND category = 'Rare'"},
		"SoldOutCheap":   {model.ProductFilter{InStock: &no, MaxPrice: price("50")}, "ix_products_stock", "stock = 0 AND price <= 50"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.f.Page = model.Page{Limit: 1, Count: true}
			list, err := s.Services.Products.List(t.Context(), c.f)
			var want int64
			if err == nil {
				err = s.DB.Get(&want, "SELECT COUNT(*) FROM products IGNORE INDEX (PRIMARY) WHERE archived_at IS NULL AND "+c.where)
			}
			if err != nil {
				t.Fatal(err)
			}
			if want == 0 || *list.Total != want {
				t.Errorf("%d products, want %d", *list.Total, want)
			}
			c.f.Archived = &no
			if index, err := service.CountIndex(t.Context(), s.Services.Products, c.f); index != " FORCE INDEX ("+c.index+")" || err != nil {
				t.Errorf("counts by%s: %v", index, err)
			}
		})
	}
}
