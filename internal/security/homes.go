package security

import (
	"net/netip"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
)

// How many addresses are kept in mind, and of one person: who has one account is not known at a hundred at once. Whoever has one
// IPv6 network of 48 bits, as one customer of a provider may, has 65,536 of the networks that count as addresses.
const (
	knownAddresses = 10_000
	knownHomes     = 3
	knownOf48      = 256
)

// homes are the addresses where people are at home. The zero homes has none.
type homes struct {
	people *lru.LRU[string, int]                 // by address, how many are
	of     *lru.LRU[string, []string]            // by person
	near   map[string]*lru.LRU[string, struct{}] // the addresses in people by their network of 48 bits
}

func (h *homes) has(address string) bool { return h.people != nil && h.people.Contains(address) }

func (h *homes) add(address, who string) {
	if h.people == nil {
		h.people = newLRU(knownAddresses, func(address string, _ int) { h.leave(address) })
		h.of = newLRU[[]string](knownAddresses, nil)
		h.near = map[string]*lru.LRU[string, struct{}]{}
	}
	all, _ := h.of.Get(who)
	people, _ := h.people.Get(address)
	if at := slices.Index(all, address); at >= 0 {
		all = slices.Delete(slices.Clone(all), at, at+1)
	} else {
		people++
	}
	h.people.Add(address, max(people, 1))
	h.crowd(address)
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

// crowd lets an address push out the oldest of its own network of 48 bits, where that has many, and not those of others.
func (h *homes) crowd(address string) {
	network := Customer(address)
	if network == address {
		return
	}
	near := h.near[network]
	if near == nil {
		near = newLRU[struct{}](knownAddresses, nil)
		h.near[network] = near
	}
	near.Add(address, struct{}{})
	if near.Len() > knownOf48 {
		oldest, _, _ := near.GetOldest()
		h.people.Remove(oldest)
	}
}

// leave takes an address that is forgotten out of its network.
func (h *homes) leave(address string) {
	network := Customer(address)
	if near := h.near[network]; near != nil {
		if near.Remove(address); near.Len() == 0 {
			delete(h.near, network)
		}
	}
}

// Customer is who may have an address, or a network of IPv6, and its neighbours: providers give one customer up to 48 bits. Addresses
// of IPv4 are one customer's each.
func Customer(address string) string {
	network, err := netip.ParsePrefix(address)
	if err != nil {
		return address
	}
	wide, _ := network.Addr().Prefix(48)
	return wide.String()
}

func newLRU[V any](size int, forget func(key string, _ V)) *lru.LRU[string, V] {
	kept, err := lru.NewLRU[string, V](size, forget)
	if err != nil {
		panic(err) // a wrong constant of our own
	}
	return kept
}
