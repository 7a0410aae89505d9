package main

import (
	"errors"
	"net/http"
)

// maxHeadLines is of how many lines the head of a request may be: its first one, and a header each. net/http has a limit
// of bytes alone, and keeps of a header of six bytes many times as much. Browsers send about twenty, proxies add some.
const maxHeadLines = 200

var errHeadLines = errors.New("too many headers")

// headLines counts the lines of a connection's heads as they come in. What of a head came in with the request before
// is not counted, which is little.
type headLines struct {
	over    bool // the head: a body comes, or nothing
	lines   int
	bytes   int // of the line so far, without its end
	tooMany bool
}

// note hears of the states that http.Server sees the connection in: it waits for a head, or has read one.
func (h *headLines) note(state http.ConnState) {
	switch state {
	case http.StateIdle:
		*h = headLines{tooMany: h.tooMany}
	case http.StateActive:
		h.over = true
	}
}

// read counts what came in. It fails when the head has too many lines, and ever after: net/http overlooks an error here
// and there, and would go on behind what was lost.
func (h *headLines) read(p []byte) error {
	if h.tooMany {
		return errHeadLines
	}
	for _, b := range p {
		switch {
		case h.over:
			return nil
		case b == '\r':
		case b != '\n':
			h.bytes++
		case h.bytes == 0:
			h.over = h.lines > 0
		default:
			h.bytes = 0
			if h.lines++; h.lines > maxHeadLines {
				h.tooMany = true
				return errHeadLines
			}
		}
	}
	return nil
}
