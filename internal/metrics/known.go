package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
)

// known is a map that is read at each request and hardly ever written: reading it takes no lock and makes no
// garbage.
type known[K comparable, V any] struct {
	writing sync.Mutex
	present atomic.Pointer[map[K]V]
}

func (k *known[K, V]) get(key K) (V, bool) {
	var none V
	present := k.present.Load()
	if present == nil {
		return none, false
	}
	v, ok := (*present)[key]
	return v, ok
}

func (k *known[K, V]) put(key K, v V) {
	k.writing.Lock()
	defer k.writing.Unlock()
	next := map[K]V{}
	if present := k.present.Load(); present != nil {
		next = maps.Clone(*present)
	}
	if len(next) < mostKept {
		next[key] = v
	}
	k.present.Store(&next)
}
