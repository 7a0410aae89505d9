package main

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"
)

// TestMemoryLimitFollows keeps more than there is room for: the collector gets half as much again, until it is gone.
func TestMemoryLimitFollows(t *testing.T) { // alone: the limit is the process's
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	m, kept := newMemory(), make([]byte, memoryLimit)
	limit := func() int64 {
		runtime.GC()
		m.setLimit()
		return debug.SetMemoryLimit(-1)
	}
	if got := limit(); got < 3*memoryLimit/2 || got > 5*memoryLimit/2 {
		t.Errorf("with %d MB the limit is %d MB", len(kept)>>20, got>>20)
	}
	runtime.KeepAlive(kept)
	if got := limit(); got != memoryLimit {
		t.Errorf("afterwards the limit is %d MB", got>>20)
	}
}

func TestAfterCollections(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	afterCollections(func() { calls.Add(1) })
	for deadline := time.Now().Add(patience); calls.Load() < 3; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d calls", calls.Load())
		}
		runtime.GC()
	}
}
