package service

import (
	"context"
	"fmt"
	"strings"

	"hexamart/internal/model"
)

// List returns a page of the products that are sold.
func (s *Products) List(ctx context.Context, f model.ProductFilter) (model.List[model.Product], error) {
	sold := false
	f.Archived = &sold
	return listProducts(ctx, s, productColumns, f, func(p model.Product) model.Product { return p })
}

// ListAll returns a page of all products, archived ones included unless the filter says otherwise.
func (s *Products) ListAll(ctx context.Context, f model.ProductFilter) (model.List[model.AdminProduct], error) {
	return listProducts(ctx, s, productColumns+", archived_at", f,
		func(p model.AdminProduct) model.Product { return p.Product })
}

func listProducts[T any](ctx context.Context, s *Products, columns string, f model.ProductFilter,
	product func(T) model.Product) (model.List[T], error) {
	if err := f.Validate(); err != nil {
		return model.List[T]{}, err
	}
	selecting := "SELECT "
	if f.Search != "" {
		done, err := s.searchTurn(ctx)
		if err != nil {
			return model.List[T]{}, fail("wait for a turn to search", err)
		}
		defer done()
		selecting = boundedSelect
	}
	where, args := productFilter(f)
	order, after, afterArgs := productOrder(f)
	var rows []T
	err := s.db.SelectContext(ctx, &rows, selecting+columns+`
		FROM products`+productIndex(f)+`
		WHERE `+strings.Join(append(where, after...), " AND ")+`
		ORDER BY `+order+`
		LIMIT ?`, append(append(args[:len(args):len(args)], afterArgs...), f.Page.Limit+1)...)
	if err != nil {
		return model.List[T]{}, fail("list products", err)
	}
	list := model.NewList(rows, f.Page.Limit, func(row T) model.Cursor { return productCursor(f.SortBy, product(row)) })
	if f.Page.Count {
		list.Total = new(int64)
		err = s.db.GetContext(ctx, list.Total, selecting+`COUNT(*)
			FROM products
			WHERE `+strings.Join(where, " AND "), args...)
	}
	return list, fail("count products", err)
}

// maxSearches is how many searches run at once. One may have to look at every name, and together they
// must not keep everything else waiting.
const maxSearches = 6

// boundedSelect is a SELECT that the server ends after ten seconds: it does not notice by itself that
// nobody waits any more. MariaDB reads the first comment, MySQL the second.
const boundedSelect = "/*M! SET STATEMENT max_statement_time = 10 FOR */ SELECT /*+ MAX_EXECUTION_TIME(10000) */ "

func (s *Products) searchTurn(ctx context.Context) (done func(), err error) {
	select {
	case s.searches <- struct{}{}:
		return func() { <-s.searches }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func productFilter(f model.ProductFilter) (where []string, args []any) {
	where = []string{"TRUE"}
	add := func(clause string, values ...any) {
		where, args = append(where, clause), append(args, values...)
	}
	if f.Archived != nil && *f.Archived {
		add("archived_at IS NOT NULL")
	} else if f.Archived != nil {
		add("archived_at IS NULL")
	}
	if f.Category != "" {
		add("category = ?", f.Category)
	}
	if f.Search != "" {
		add("name LIKE ? ESCAPE '!'", "%"+likeEscaper.Replace(f.Search)+"%")
	}
	if f.MinPrice != nil {
		add("price >= ?", *f.MinPrice)
	}
	if f.MaxPrice != nil {
		add("price <= ?", *f.MaxPrice)
	}
	if f.InStock != nil && *f.InStock {
		add("stock > 0")
	} else if f.InStock != nil {
		add("stock = 0")
	}
	return where, args
}

// likeEscaper escapes with ! because a backslash means something else under another sql_mode.
var likeEscaper = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// productOrder returns the ORDER BY of a list, which ends in the id to be total, and what starts a
// page after its cursor. Prices of cursors have been checked to be amounts.
func productOrder(f model.ProductFilter) (order string, after []string, args []any) {
	cur := f.Page.After()
	column, direction, than := "", "ASC", ">"
	switch f.SortBy {
	case model.SortPriceAsc:
		column = "price"
	case model.SortPriceDesc:
		column, direction, than = "price", "DESC", "<"
	case model.SortNewest:
		direction, than = "DESC", "<"
	case model.SortName:
		column = "name"
	}
	if column == "" {
		if cur != nil {
			after, args = []string{"id " + than + " ?"}, []any{cur.ID}
		}
		return "id " + direction, after, args
	}
	if cur != nil {
		after = []string{fmt.Sprintf("(%[1]s %[2]s ? OR (%[1]s = ? AND id %[2]s ?))", column, than)}
		args = []any{cur.Key, cur.Key, cur.ID}
	}
	return fmt.Sprintf("%[1]s %[2]s, id %[2]s", column, direction), after, args
}

// productIndex names the index that has the list's order, where the optimizer must not choose: MariaDB
// takes "archived_at IS NULL" for so good a condition that it walks the index from its start to the
// cursor, and a page costs more the deeper it is.
func productIndex(f model.ProductFilter) string {
	priced := f.MinPrice != nil || f.MaxPrice != nil
	byPrice := f.SortBy == model.SortPriceAsc || f.SortBy == model.SortPriceDesc
	byName := f.SortBy == model.SortName
	switch {
	case f.Archived == nil || *f.Archived || (priced && !byPrice):
		return "" // another index may narrow more than the order's
	case byPrice && f.Category != "":
		return " FORCE INDEX (ix_products_category_price)"
	case byPrice:
		return " FORCE INDEX (ix_products_price)"
	case byName && f.Category != "":
		return " FORCE INDEX (ix_products_category_name)"
	case byName:
		return " FORCE INDEX (ix_products_name)"
	case f.Category != "":
		return " FORCE INDEX (ix_products_category)"
	default:
		return ""
	}
}

func productCursor(sortBy string, p model.Product) model.Cursor {
	c := model.Cursor{Sort: sortBy, ID: p.ID}
	switch sortBy {
	case model.SortPriceAsc, model.SortPriceDesc:
		c.Key = p.Price.String()
	case model.SortName:
		c.Key = p.Name
	}
	return c
}
