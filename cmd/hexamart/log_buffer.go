package main

import (
	"io"
	"sync"
	"time"
)

// The limits of what waits to be written: a kill -9 loses so much of the log at most.
const (
	logDelay    = 100 * time.Millisecond
	logRoom     = 64 << 10    // bytes
	logPatience = time.Second // how long a reader of the log may take nothing
)

// logBuffer gathers lines, so that a busy shop does not make a system call for each request. Who logs waits for a slow
// reader of the log, but not for one that has stopped to read: then lines are left out, and the shop goes on.
type logBuffer struct {
	w      io.Writer
	missed func(lines int) // says how many were left out, by way of Write

	mu      sync.Mutex
	lines   []byte
	spare   []byte        // what the last lines were in
	pending bool          // a flush is on its way
	writing chan struct{} // closed when what is being written is written; nil if nothing is
	stuck   bool          // it has taken longer than logPatience
	left    int           // lines left out since then
}

// Write keeps a line for a moment.
func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) > logRoom && !b.await() {
		b.left++
		return len(line), nil
	}
	b.lines = append(b.lines, line...)
	if !b.pending {
		b.pending = true
		time.AfterFunc(logDelay, b.Flush)
	}
	if len(b.lines) > logRoom {
		b.begin()
	}
	return len(line), nil
}

// Flush writes what is there, unless nobody reads it.
func (b *logBuffer) Flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = false
	if b.writing == nil || b.await() { // what was being written before the lines that are there now
		b.await()
	}
}

// await begins to write what is there, or waits for what is being written, and returns whether that was done in time.
// Meanwhile mu is free.
func (b *logBuffer) await() bool {
	b.begin()
	writing := b.writing
	if writing == nil || b.stuck {
		return !b.stuck
	}
	b.mu.Unlock()
	timer := time.NewTimer(logPatience)
	defer timer.Stop()
	select {
	case <-writing:
	case <-timer.C:
	}
	b.mu.Lock()
	if b.writing == writing {
		b.stuck = true
	}
	return b.writing != writing
}

// begin has what is there written by a goroutine, unless another is at it.
func (b *logBuffer) begin() {
	if b.writing != nil || len(b.lines) == 0 {
		return
	}
	lines := b.lines
	b.lines, b.writing = b.spare[:0], make(chan struct{})
	go func() {
		_, _ = b.w.Write(lines) // there is nobody to tell
		b.wrote(lines)
	}()
}

// wrote ends a writing, and begins the next where nobody else is going to.
func (b *logBuffer) wrote(lines []byte) {
	b.mu.Lock()
	left := b.left
	b.spare, b.stuck, b.left = lines, false, 0
	close(b.writing)
	b.writing = nil
	if len(b.lines) > logRoom || !b.pending {
		b.begin()
	}
	b.mu.Unlock()
	if left > 0 {
		b.missed(left)
	}
}
