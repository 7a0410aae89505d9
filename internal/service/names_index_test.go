package service_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hexamart/internal/service"
)

// TestNameIndex changes an index at random, and holds it against a map.
func TestNameIndex(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	text := func(most int) string {
		b := make([]byte, r.IntN(most+1))
		for i := range b {
			b[i] = byte(1 + r.IntN(4))
		}
		return string(b)
	}
	const highest = 1_500
	x, all := &service.NameIndex{}, map[int64]string{}
	for round := range 300 {
		from := 1 + r.Int64N(highest)
		to := from + r.Int64N(4)
		if round%10 == 0 {
			to = from + r.Int64N(700)
		}
		var ids []int64
		var texts []string
		for id := from; id <= to; id++ {
			delete(all, id)
			if r.IntN(5) > 0 {
				ids, texts = append(ids, id), append(texts, text(40))
				all[id] = texts[len(texts)-1]
			}
		}
		before := x
		x = service.ReplaceNames(x, from, to, ids, texts)
		if x == before {
			t.Fatal("the index was changed in place")
		}
		for range 20 {
			term, after, descending, most := text(6)+"\x01", r.Int64N(highest+100), r.IntN(2) == 0, 1+r.IntN(40)
			if r.IntN(3) == 0 {
				after = 0
			}
			var want []int64
			for _, id := range slices.Sorted(maps.Keys(all)) {
				if strings.Contains(all[id], term) && (after == 0 || (id > after) != descending && id != after) {
					want = append(want, id)
				}
			}
			if descending {
				slices.Reverse(want)
			}
			isAll := len(want) <= most
			want = want[:min(most, len(want))]
			got, gotAll := service.FindNames(x, term, after, descending, most)
			if !slices.Equal(got, want) || gotAll != isAll {
				t.Fatalf("round %d: %q after %d, %v, at most %d: got %v %v, want %v %v", round, term, after, descending, most, got, gotAll, want, isAll)
			}
		}
		for id := range int64(highest) {
			if got := service.NameOf(x, id); got != all[id] {
				t.Fatalf("round %d: the name of %d is %q, not %q", round, id, got, all[id])
			}
		}
	}
}

// BenchmarkNameIndex finds a text that one of a million names has.
func BenchmarkNameIndex(b *testing.B) {
	const products = 1_000_000
	ids, texts := make([]int64, products), make([]string, products)
	for i := range ids {
		ids[i], texts[i] = int64(i+1), fmt.Sprintf("lacquered ottoman no. %07d", i*7919%1000003)
	}
	x := service.ReplaceNames(&service.NameIndex{}, 1, products, ids, texts)
	for i := 0; b.Loop(); i++ {
		if got, _ := service.FindNames(x, texts[i*7919%products][len(texts[0])-7:], 0, false, 1_000); len(got) != 1 {
			b.Fatal(got)
		}
	}
}
