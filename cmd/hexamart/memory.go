package main

import (
	"os"
	"runtime/debug"
)

// The shop's live memory is a few MB, of which the collector's default would let as much again pile up and
// so run some dozens of times a second under load. GOGC and GOMEMLIMIT still have the last word.
const (
	gcPercent   = 400
	memoryLimit = 78 << 20 // bytes, from which on the collector works as hard as by default, or harder
)

func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

// leaveRoomFor raises the limit where an index of so many bytes would let the collector run all the time.
func leaveRoomFor(index int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(max(memoryLimit, 2*int64(index)))
	}
}
