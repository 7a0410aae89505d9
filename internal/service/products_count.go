package service

import (
	"context"

	"hexamart/internal/model"
	"hexamart/internal/security"
)

// count returns how many products a filter leaves, among those with some ids, or if that is nil among all.
func (s *Products) count(ctx context.Context, f model.ProductFilter, turns *security.Queue, ids []int64) (total *int64, err error) {
	index := "" // that of ids
	if ids == nil {
		if index, err = s.countIndex(ctx, f); err != nil {
			return nil, err
		}
	}
	where, args := productFilter(f)
	var counted []int64
	err = s.run(ctx, productQuery{"COUNT(*)", index, turns, f.Asker, where, args, ""}, ids, func(ctx context.Context, query string, args ...any) error {
		return s.db.SelectContext(ctx, &counted, query, args...)
	})
	total = new(int64)
	if len(counted) > 0 {
		*total = counted[0]
	}
	return total, err
}

// countIndex names the index in which what a filter leaves is counted: one that has all that it asks for, or few products.
// Else it is the table itself. Left to themselves optimizers look for row after row of another index in it, which takes
// ten times as long as to read all of them.
func (s *Products) countIndex(ctx context.Context, f model.ProductFilter) (hint string, err error) {
	sold := f.Archived != nil && !*f.Archived
	byPrice := f.Category != "" || f.MinPrice != nil || f.MaxPrice != nil
	switch {
	case f.Search != "" || f.Archived != nil && *f.Archived:
	case f.InStock == nil && byPrice:
		return forceIndex(indexInOrder(model.ProductFilter{Archived: f.Archived, Category: f.Category, SortBy: model.SortPriceAsc})), nil
	case f.InStock != nil && !byPrice && sold:
		return forceIndex(indexOfStock), nil
	}
	f.SortBy = "" // so that no part has its order
	parts := fewIndexes(f)
	if f.Category != "" {
		few := model.ProductFilter{Archived: f.Archived, Category: f.Category}
		parts = append(parts, fewOf{few, indexInOrder(few)})
	}
	for _, few := range parts {
		if is, err := s.isFew(ctx, few, f.Asker); is || err != nil {
			return forceIndex(few.index), err
		}
	}
	return forceIndex("PRIMARY"), nil
}

func forceIndex(name string) string { return " FORCE INDEX (" + name + ")" }
