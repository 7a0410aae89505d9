package service

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hexamart/internal/model"
	"hexamart/internal/security"
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
	var began time.Time
	if f.Search != "" { // in an index that is of this moment
		began = time.Now()
	}
	found, err := s.searchFor(ctx, f.Search)
	if err != nil {
		return model.List[T]{}, fail("search in names", err)
	}
	index, walks, err := s.productIndex(ctx, f)
	if err != nil {
		return model.List[T]{}, fail("look for an index", err)
	}
	turns := s.walks
	if f.Search != "" {
		turns = s.searches
	}
	where, args := productFilter(f)
	order, after, afterArgs := productOrder(f)
	page := productQuery{columns, index, nil, f.Asker, append(where[:len(where):len(where)], after...),
		append(args[:len(args):len(args)], afterArgs...), " ORDER BY " + order + " LIMIT " + strconv.Itoa(f.Page.Limit+1)}
	if walks || f.Search != "" {
		page.turns = turns
	}
	var rows []T
	tried := 0
	for ids, last := range found.parts(f) {
		if !last && len(rows)*len(ids) < tried*(f.Page.Limit+1) {
			continue // going by those before, too few of these are right
		}
		rows, tried = nil, len(ids)
		if err := s.run(ctx, page, ids, func(ctx context.Context, query string, args ...any) (err error) {
			if began.IsZero() {
				began = time.Now()
			}
			rows, err = selectPage[T](ctx, s.db, f.Page.Limit+1, query, args...)
			return err
		}); err != nil {
			return model.List[T]{}, fail("list products", err)
		}
		if len(rows) > f.Page.Limit {
			break
		}
	}
	list := model.NewList(rows, f.Page.Limit, func(row T) model.Cursor { return productCursor(f.SortBy, product(row)) })
	list.Read, list.Long = began, page.turns != nil || f.Page.Count
	if f.Page.Count {
		list.Total, err = s.count(ctx, f, turns, found.all())
	}
	return list, fail("count products", err)
}

// productQuery is a SELECT of products.
type productQuery struct {
	columns, index string
	turns          *security.Queue // in which it has to wait
	asker          model.Asker
	where          []string
	args           []any
	end            string
}

// run lets a query be read among the products with these ids, or if that is nil among all. It waits for its turn, of which
// there are fewer for one that may have to look at all of them.
func (s *Products) run(ctx context.Context, q productQuery, ids []int64, read func(ctx context.Context, query string, args ...any) error) error {
	selecting := "SELECT "
	if ids != nil {
		if len(ids) == 0 {
			return nil
		}
		clause, args := among(ids)
		q.where, q.args = append(slices.Clone(q.where), clause), slices.Concat(q.args, args)
		q.index = forceIndex("PRIMARY")
	}
	turns, long := s.lists, q.turns != nil && (ids == nil || len(ids) > manyIDs)
	if long {
		turns = q.turns
	}
	done, err := enter(ctx, turns, q.asker)
	if err != nil {
		return err
	}
	defer done()
	if long {
		// The server goes on with what it has begun, whoever hangs up, so the turn is over when that is.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), turnTime)
		defer cancel()
		selecting = boundedSelect
	}
	return read(ctx, selecting+q.columns+`
		FROM products`+q.index+`
		WHERE `+strings.Join(q.where, " AND ")+`
		`+q.end, q.args...)
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

// fewProducts is how many are sorted rather than looked for along the list's order.
const fewProducts = 1000

// productIndex names the index by which a list is read. That is the one which has its order: left to themselves
// optimizers sort the whole shop for a page, or walk an index from its start to the cursor. Where a part of the filter leaves
// few products, which may be far apart in that order, it is the one that has those. walks says that the index has more
// than the list, so that finding a page of it may be a long way.
func (s *Products) productIndex(ctx context.Context, f model.ProductFilter) (hint string, walks bool, err error) {
	index := indexInOrder(f)
	parts := fewIndexes(f)
	for _, few := range parts {
		if few.index == index { // it has no more than the list, unless there is another part
			walks = len(parts) > 1
			continue
		}
		is, err := s.isFew(ctx, few, f.Asker)
		if err != nil {
			return "", false, err
		}
		if is {
			return forceIndex(few.index), false, nil
		}
		walks = true
	}
	return forceIndex(index), walks || f.InStock != nil && index != indexOfStock, nil
}

// isFew reports whether a part of a filter leaves few products, which is asked for in a turn.
func (s *Products) isFew(ctx context.Context, few fewOf, asker model.Asker) (bool, error) {
	where, args := productFilter(few.filter)
	done, err := enter(ctx, s.lists, model.Asker{Address: asker.Address})
	if err != nil {
		return false, err
	}
	defer done()
	var more bool
	err = s.db.GetContext(ctx, &more, `
		SELECT TRUE
		FROM products FORCE INDEX (`+few.index+`)
		WHERE `+strings.Join(where, " AND ")+`
		LIMIT 1 OFFSET ?`, append(args, fewProducts)...)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	return false, err
}

// indexOfStock has what is sold out, of what is sold, in the order of ids.
const indexOfStock = "ix_products_stock"

// fewOf is a part of a filter, and the index that has what it leaves.
type fewOf struct {
	filter model.ProductFilter
	index  string
}

// fewIndexes are the parts of a filter that may leave few products.
func fewIndexes(f model.ProductFilter) (all []fewOf) {
	sold := f.Archived != nil && !*f.Archived
	if sold && f.InStock != nil && !*f.InStock {
		all = append(all, fewOf{model.ProductFilter{Archived: f.Archived, InStock: f.InStock}, indexOfStock})
	}
	if byPrice := f.SortBy == model.SortPriceAsc || f.SortBy == model.SortPriceDesc; (f.MinPrice != nil || f.MaxPrice != nil) && !byPrice {
		few := model.ProductFilter{Category: f.Category, MinPrice: f.MinPrice, MaxPrice: f.MaxPrice, SortBy: model.SortPriceAsc}
		if sold {
			few.Archived = f.Archived
		}
		all = append(all, fewOf{few, indexInOrder(few)})
	}
	if f.Archived != nil && *f.Archived {
		all = append(all, fewOf{model.ProductFilter{Archived: f.Archived}, "ix_products_price"})
	}
	return all
}

// indexInOrder names the index that has a list's order: of what is sold, or of all.
func indexInOrder(f model.ProductFilter) string {
	sold := f.Archived != nil && !*f.Archived
	name := "ix_products_"
	if !sold {
		name += "all_"
	}
	if f.Category != "" {
		name += "category_"
	}
	switch f.SortBy {
	case model.SortPriceAsc, model.SortPriceDesc:
		return name + "price"
	case model.SortName:
		return name + "name"
	}
	switch {
	case f.Category != "":
		return strings.TrimSuffix(name, "_")
	case sold && f.InStock != nil && !*f.InStock:
		return indexOfStock
	default:
		return "PRIMARY"
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
