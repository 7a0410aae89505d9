package service

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"
)

// pageRoom is for how many rows a page has room from the beginning: most ask for no more, and few rows waste little.
const pageRoom = 101

// selectPage returns a query's rows, of which there are at most so many. It is sqlx's Select without the garbage of a
// long list, which was a quarter of that of a request: rows are read to where they stay.
func selectPage[T any](ctx context.Context, db sqlx.QueryerContext, most int, query string, args ...any) (list []T, err error) {
	rows, err := db.QueryxContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	list = make([]T, 0, min(most, pageRoom))
	for rows.Next() {
		var empty T
		list = append(list, empty)
		if err := rows.StructScan(&list[len(list)-1]); err != nil {
			return nil, err
		}
	}
	return list, rows.Err()
}
