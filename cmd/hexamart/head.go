package main

import (
	"bytes"
	"errors"
	"net/http"

	"hexamart/internal/handler"
)

// maxHeadLines is of how many lines the head of a request may be: its first one, and a header each. net/http has a limit
// of bytes alone, and keeps of a header of six bytes many times as much. Browsers send about twenty, proxies add some.
const maxHeadLines = 200

// smallPiece is how much is read at once where a piece may hold the end of a body and lines of the next head, which are
// not told apart, and so not counted.
const smallPiece = 512

var errHead = errors.New("too many headers, or no place for them")

// headLines counts the lines of a connection's heads as they come in.
type headLines struct {
	over    bool // the head: a body comes, or nothing
	unsure  bool // whether the head began with what was read before
	body    int  // bytes since the last head
	lines   int
	bytes   int // of the line so far, without its end
	size    int // bytes of the head, and what came with it
	tooMany bool
	crowded bool // it is a large one, for which there is no place
}

// note hears of the states that http.Server sees the connection in: it waits for a head, or has read one.
func (h *headLines) note(state http.ConnState) {
	switch state {
	case http.StateIdle:
		// A byte alone is that by which net/http finds out whether the client is still there.
		*h = headLines{unsure: h.body > 1, tooMany: h.tooMany, crowded: h.crowded}
	case http.StateActive:
		h.over = true
	}
}

// most is how much of so many bytes may be read at once.
func (h *headLines) most(n int) int {
	if h.over || h.unsure {
		return min(n, smallPiece)
	}
	return n
}

// fails reports whether the head has too many lines, or no place, and ever after: net/http overlooks an error here and there,
// and would go on behind what was lost.
func (h *headLines) fails() bool {
	h.tooMany = h.tooMany || !h.over && h.lines > maxHeadLines
	return h.tooMany || h.crowded
}

// isLarge reports whether the head is a large one that has yet to come in whole.
func (h *headLines) isLarge() bool {
	return !h.over && h.size+h.lines*handler.HeaderCost > handler.LargeHead
}

// read counts what came in, and returns how much of it is no more than the rest of the head, or is too much of it.
func (h *headLines) read(p []byte) int {
	if h.over {
		h.body += len(p)
		return len(p)
	}
	h.size += len(p)
	for at := 0; at < len(p); {
		if h.lines == 0 && h.bytes == 0 { // before the first one net/http overlooks a few ends of lines, and parts of them
			at = len(p) - len(bytes.TrimLeft(p[at:], "\r\n"))
		}
		line, _, ended := bytes.Cut(p[at:], []byte{'\n'})
		at += len(line)
		h.bytes += len(bytes.TrimSuffix(line, []byte{'\r'}))
		if !ended {
			break
		}
		at++
		if h.bytes == 0 && !h.unsure {
			h.over = true
			return at
		}
		h.bytes = 0
		if h.lines++; h.lines > maxHeadLines && !h.unsure {
			return at
		}
	}
	return len(p)
}
