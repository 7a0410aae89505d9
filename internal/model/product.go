package model

import (
	"time"

	"hexamart/internal/apperr"
)

// MaxStock is the largest stock of one product.
const MaxStock = 1_000_000_000

// Product is what the shop sells, as everybody may see it. Stock is in pieces.
type Product struct {
	ID       int64   `db:"id" json:"id"`
	Name     string  `db:"name" json:"name"`
	Price    Money   `db:"price" json:"price"`
	Category string  `db:"category" json:"category"`
	Stock    int64   `db:"stock" json:"stock"`
	ImageURL *string `db:"image_url" json:"image_url"`
}

// AdminProduct is a product as admins see it. ArchivedAt is nil while it is sold.
type AdminProduct struct {
	Product
	ArchivedAt *time.Time `db:"archived_at" json:"archived_at"`
}

// ProductInput is a whole product from an admin. ImageURL may be absent, null or empty: no picture.
type ProductInput struct {
	Name     string  `json:"name"`
	Price    *Money  `json:"price"`
	Category string  `json:"category"`
	Stock    *Int    `json:"stock"`
	ImageURL *string `json:"image_url"`
}

// Validate trims the texts and collects every broken field.
func (in *ProductInput) Validate() error {
	var c check
	c.text("name", &in.Name, 100)
	if in.Price == nil {
		c.bad("price", "is required")
	}
	c.text("category", &in.Category, 50)
	if in.Stock == nil {
		c.bad("stock", "is required")
	} else {
		c.within("stock", *in.Stock, 0, MaxStock)
	}
	in.ImageURL = c.picture(in.ImageURL)
	return c.err()
}

// Product is the product that a valid input describes, without an id.
func (in *ProductInput) Product() Product {
	return Product{Name: in.Name, Price: *in.Price, Category: in.Category, Stock: int64(*in.Stock), ImageURL: in.ImageURL}
}

// ProductPatch is the change of some fields, or of the stock by a difference, which unlike a new
// stock is safe while orders come in. An absent field, or null for one that can't be empty, stays.
type ProductPatch struct {
	Name       *string          `json:"name"`
	Price      *Money           `json:"price"`
	Category   *string          `json:"category"`
	Stock      *Int             `json:"stock"`
	StockDelta *Int             `json:"stock_delta"`
	ImageURL   Nullable[string] `json:"image_url"`
}

// Validate trims the texts and collects every broken field.
func (in *ProductPatch) Validate() error {
	var c check
	if in.Name != nil {
		c.text("name", in.Name, 100)
	}
	if in.Category != nil {
		c.text("category", in.Category, 50)
	}
	if in.Stock != nil {
		c.within("stock", *in.Stock, 0, MaxStock)
	}
	if in.StockDelta != nil {
		c.within("stock_delta", *in.StockDelta, -MaxStock, MaxStock)
		if in.Stock != nil {
			c.bad("stock_delta", "can't be combined with stock")
		}
	}
	in.ImageURL.Value = c.picture(in.ImageURL.Value)
	return c.err()
}

// Apply changes p as a valid input says. OutOfStock if the stock would go below zero or, by a
// difference, above MaxStock.
func (in *ProductPatch) Apply(p *Product) error {
	set(&p.Name, in.Name)
	set(&p.Price, in.Price)
	set(&p.Category, in.Category)
	if in.Stock != nil {
		p.Stock = int64(*in.Stock)
	}
	if in.StockDelta != nil {
		stock := p.Stock + int64(*in.StockDelta)
		// What an adopted product has beyond the limit may become less.
		if stock < 0 || stock > max(p.Stock, MaxStock) {
			return apperr.With(apperr.OutOfStock, "The stock can't change by that much.",
				map[string]any{"items": []Shortage{{ProductID: p.ID, Name: p.Name, Requested: -int64(*in.StockDelta), Available: p.Stock}}})
		}
		p.Stock = stock
	}
	if in.ImageURL.Set {
		p.ImageURL = in.ImageURL.Value
	}
	return nil
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// picture checks an image URL and turns an empty one into nil.
func (c *check) picture(v *string) *string {
	if v == nil {
		return nil
	}
	if c.imageURL("image_url", v); *v == "" {
		return nil
	}
	return v
}

// The values of ProductFilter.SortBy. The empty one sorts by id.
const (
	SortPriceAsc  = "asc"
	SortPriceDesc = "desc"
	SortNewest    = "newest"
	SortName      = "name"
)

// ProductFilter narrows and orders a list of products; zero values do not narrow. Archived is for
// admins: nil lists all, true the archived ones, false those that are sold.
type ProductFilter struct {
	Category string
	Search   string // substring of the name, in any case
	MinPrice *Money
	MaxPrice *Money
	InStock  *bool
	Archived *bool
	SortBy   string
	Page     Page
	Asker    Asker
}

// Validate collects every parameter that breaks a rule.
func (f *ProductFilter) Validate() error {
	var c check
	switch f.SortBy {
	case "", SortPriceAsc, SortPriceDesc, SortNewest, SortName:
	default:
		c.bad("sort_by", "must be asc, desc, newest or name")
	}
	if f.MinPrice != nil && f.MaxPrice != nil && *f.MinPrice > *f.MaxPrice {
		c.bad("min_price", "must not be above max_price")
	}
	f.Page.check(&c, f.SortBy)
	if f.SortBy == SortPriceAsc || f.SortBy == SortPriceDesc {
		f.Page.checkMoneyKey(&c)
	}
	return c.err()
}
