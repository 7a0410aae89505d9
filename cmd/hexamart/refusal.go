package main

import (
	"bytes"
	"net/http"
	"strconv"
)

// refused returns the status of an answer that net/http makes by itself, and writes in one piece, to what it can't read
// as a request: in plain text, or without any. Handlers answer nothing like it: these have no X-Request-Id, and no
// text of the shop's has line breaks as they are between headers.
func refused(p []byte) (status int, ok bool) {
	if len(p) < len("HTTP/1.1 400 ") || len(p) > 512 || string(p[:len("HTTP/1.")]) != "HTTP/1." {
		return 0, false
	}
	status, err := strconv.Atoi(string(p[len("HTTP/1.1 "):len("HTTP/1.1 400")]))
	plain := bytes.Contains(p, []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"))
	return status, err == nil && status >= 400 && (plain || status == http.StatusExpectationFailed && bytes.Contains(p, []byte("\r\n")))
}
