package security

import (
	"slices"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
)

// How many addresses are kept in mind, and of one person: who has one account is not known at a hundred at once.
const (
	knownAddresses = 10_000
	knownHomes     = 3
)

// homes are the addresses where people are at home. The zero homes has none.
type homes struct {
	people *lru.LRU[string, int]      // by address, how many are
	of     *lru.LRU[string, []string] // by person
}

func (h *homes) has(address string) bool { return h.people != nil && h.people.Contains(address) }

func (h *homes) add(address, who string) {
	if h.people == nil {
		h.people, h.of = newLRU[int](), newLRU[[]string]()
	}
	all, _ := h.of.Get(who)
	people, _ := h.people.Get(address)
	if at := slices.Index(all, address); at >= 0 {
		all = slices.Delete(slices.Clone(all), at, at+1)
	} else {
		people++
	}
	h.people.Add(address, max(people, 1))
	if all = append(all, address); len(all) > knownHomes {
		if others, ok := h.people.Peek(all[0]); others > 1 {
			h.people.Add(all[0], others-1)
		} else if ok {
			h.people.Remove(all[0])
		}
		all = all[1:]
	}
	h.of.Add(who, all)
}

func newLRU[V any]() *lru.LRU[string, V] {
	kept, err := lru.NewLRU[string, V](knownAddresses, nil)
	if err != nil {
		panic(err) // a wrong constant of our own
	}
	return kept
}
