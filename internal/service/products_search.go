package service

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hexamart/internal/database"
	"hexamart/internal/model"
)

// fewCandidates is how many products are looked at one by one; among more than that the next that have a text
// are sooner found along the list's order.
const fewCandidates = 3_000

// search is a look for a text in the index of names. The zero search has no index: all products are to be looked at.
type search struct {
	index *nameIndex
	text  []byte
}

func (s *Products) searchFor(ctx context.Context, text string) (search, error) {
	if text == "" || !utf8.ValidString(text) {
		return search{}, nil
	}
	index, err := s.names.current(ctx)
	if err != nil || index == nil {
		return search{}, err
	}
	all, err := s.names.letters.of(ctx, text)
	if err != nil {
		return search{}, err
	}
	return search{index, all[0]}, nil
}

// parts goes through lists of products, each part of the next. The first that fills the page has it, or the last; this is
// nil where all products are to be looked at.
func (c search) parts(f model.ProductFilter) iter.Seq2[[]int64, bool] {
	byID, newest := f.SortBy == "", f.SortBy == model.SortNewest
	var after int64
	sizes := []int{fewCandidates}
	if byID || newest {
		sizes = []int{f.Page.Limit + 1, fewCandidates}
		if cur := f.Page.After(); cur != nil {
			after = cur.ID
		}
	}
	return func(yield func(ids []int64, last bool) bool) {
		for _, most := range sizes {
			if c.index == nil {
				break
			}
			ids, all := c.index.find(c.text, after, newest, most)
			if inOrder := byID || newest; (all || inOrder) && !yield(ids, all) || all {
				return
			}
		}
		yield(nil, true)
	}
}

// all returns all candidates if they are few, else nil.
func (c search) all() []int64 {
	if c.index == nil {
		return nil
	}
	if ids, all := c.index.find(c.text, 0, false, fewCandidates); all {
		return ids
	}
	return nil
}

// maxSearches is how many searches that look at all names run at once. Together they must not keep everything else
// waiting.
const maxSearches = 6

// maxWalks is the same for lists that may walk along an index for long.
const maxWalks = 4

// maxLists is the same for all other reading of products: some connections to the database stay for whoever wants less.
const maxLists = database.MaxConns * 3 / 4

// turnTime is for how long the answer to a boundedSelect is waited for, which the server ends sooner.
const turnTime = 12 * time.Second

// manyIDs is from how many products on looking at each of them takes long as well.
const manyIDs = 5_000

// waitingToRead is how many may wait for one of these: all that the server has connections for. Who asks for many at once waits
// for themselves.
const waitingToRead = 10_000

// boundedSelect is a SELECT that the server ends after ten seconds: it does not notice by itself that
// nobody waits any more. MariaDB reads the first comment, MySQL the second.
const boundedSelect = "/*M! SET STATEMENT max_statement_time = 10 FOR */ SELECT /*+ MAX_EXECUTION_TIME(10000) */ "

// idsAtOnce is below the number from which on MariaDB makes a table of such a list, and joins it.
const idsAtOnce = 900

// among is the condition that an id is one of these.
func among(ids []int64) (clause string, args []any) {
	var lists []string
	for some := range slices.Chunk(ids, idsAtOnce) {
		lists = append(lists, "id IN ("+rows("?", len(some))+")")
		for _, id := range some {
			args = append(args, id)
		}
	}
	return "(" + strings.Join(lists, " OR ") + ")", args
}
