package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The shop's live memory is a few MB, of which the collector's default would let as much again pile up and
// so run some dozens of times a second under load. GOGC and GOMEMLIMIT still have the last word.
const (
	gcPercent   = 400
	memoryLimit = 78 << 20 // bytes, from which on the collector works as hard as by default, or up to twice as hard
)

func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
		afterCollections(newMemory().setLimit)
	}
}

// memory tells what the process has, as of the last collection.
type memory struct{ samples []metrics.Sample }

func newMemory() *memory {
	m := &memory{}
	for _, name := range []string{"/gc/heap/live:bytes", "/memory/classes/total:bytes", "/memory/classes/heap/released:bytes",
		"/memory/classes/heap/objects:bytes", "/memory/classes/heap/free:bytes", "/memory/classes/heap/unused:bytes"} {
		m.samples = append(m.samples, metrics.Sample{Name: name})
	}
	return m
}

// setLimit raises the limit where more is live than it has room for, or lowers it again: else the collector would run all
// the time and find nothing, and nobody would be served. What others can make live is bounded elsewhere.
func (m *memory) setLimit() {
	metrics.Read(m.samples)
	live, others := m.samples[0].Value.Uint64(), m.samples[1].Value.Uint64()
	for _, heap := range m.samples[2:] {
		others -= heap.Value.Uint64()
	}
	debug.SetMemoryLimit(max(memoryLimit, int64(others+live+live/2))) // #nosec G115 -- it is some MB
}

// afterCollections calls fn after each collection from now on.
func afterCollections(fn func()) {
	mark := new([1]*byte) // which nobody holds, and which is no part of anything else
	runtime.AddCleanup(mark, func(fn func()) {
		fn()
		afterCollections(fn)
	}, fn)
}
