package main

import (
	"io"
	"sync"
	"time"
)

// The limits of what waits to be written: a kill -9 loses so much of the log at most.
const (
	logDelay = 100 * time.Millisecond
	logRoom  = 64 << 10 // bytes
)

// logBuffer gathers lines, so that a busy shop does not make a system call for each request.
type logBuffer struct {
	w io.Writer

	mu      sync.Mutex
	lines   []byte
	pending bool // a flush is on its way
}

// Write keeps a line for a moment.
func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line...)
	if len(b.lines) > logRoom {
		b.flush()
	} else if !b.pending {
		b.pending = true
		time.AfterFunc(logDelay, b.Flush)
	}
	return len(line), nil
}

// Flush writes what is there.
func (b *logBuffer) Flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = false
	b.flush()
}

func (b *logBuffer) flush() {
	if len(b.lines) > 0 {
		_, _ = b.w.Write(b.lines) // there is nobody to tell
		b.lines = b.lines[:0]
	}
}
