package service_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hexamart/internal/service"
)

// TestBestAfter compares the best products with those of a window that was made anew.
func TestBestAfter(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 2_000 {
		sold := make([]int64, r.IntN(90))
		for i := range sold {
			sold[i] = 1 + r.Int64N(12)
		}
		more := map[int32]int64{}
		for range r.IntN(60) {
			id := int32(1 + r.IntN(95))
			more[id] = 1 + r.Int64N(5)
			if int(id) <= len(sold) && r.IntN(2) == 0 {
				more[id] = -1 - r.Int64N(sold[id-1])
			}
		}
		if r.IntN(3) == 0 { // nearly all that led fall behind
			for i, n := range sold {
				if n > 4 && r.IntN(30) > 0 {
					more[int32(i+1)] = 1 - n
				}
			}
		}
		left := map[int32]int64{}
		for i, n := range sold {
			left[int32(i+1)] = n
		}
		for id, n := range more {
			if left[id] += n; left[id] == 0 {
				delete(left, id)
			}
		}
		want := []int32{}
		for id := range left {
			want = append(want, id)
		}
		slices.SortFunc(want, func(a, b int32) int { return int(left[b]-left[a])*1000 + int(a-b) })
		want = want[:min(10, len(want))]
		quick, slow := service.BestAfter(10, sold, more)
		if !slices.Equal(quick, want) || !slices.Equal(slow, want) {
			t.Fatalf("%v and %v, want %v: sold %v, more %v", quick, slow, want, sold, more)
		}
	}
}

// TestSettled follows which rows of history are beyond doubt.
func TestSettled(t *testing.T) {
	t.Parallel()
	many := make([]int64, 12_000) // every second id is missing
	for i := range many {
		many[i] = int64(2*i + 100)
	}
	at := []time.Duration{0, 10, 20, 30, 61, 75, 80}
	visible := [][]int64{{1, 2, 3, 5, 6}, {5, 6, 9}, {4, 5, 6, 9}, {9}, {9}, {8, 9, 10}, many}
	upTo, beyond := service.Settled(60, at, visible)
	if want := []int64{3, 3, 6, 6, 6, 10, 2*1_999 + 100}; !slices.Equal(upTo, want) {
		t.Errorf("settled up to %v, want %v", upTo, want)
	}
	if want := []int{2, 3, 1, 1, 1, 0, 10_000}; !slices.Equal(beyond, want) {
		t.Errorf("%v beyond, want %v", beyond, want)
	}
}
