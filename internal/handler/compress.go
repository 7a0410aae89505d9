package handler

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// compressible is what gets shorter by it: text.
var compressible = []string{"application/json", problemType, "text/html", "text/plain", "text/css", "text/javascript", "image/svg+xml"}

var zippers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }} // each of which takes a MB

func zip(body []byte) []byte {
	var b bytes.Buffer
	w := zippers.Get().(*gzip.Writer)
	defer zippers.Put(w)
	w.Reset(&b)
	_, _ = w.Write(body) // to memory
	_ = w.Close()
	return b.Bytes()
}

// compress sends text compressed to clients that ask for it, and counts answers while they are sent. All of one is compressed
// before anything is sent: what is written to a client through a compressor keeps that for as long as the client likes.
func (a *API) compress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept-Encoding")
		c := &compressor{ResponseWriter: w, api: a, request: r}
		next.ServeHTTP(c, r)
		c.sendHeader() // of an answer without a body
	})
}

// compressor writes an answer. Its header waits for the body.
type compressor struct {
	http.ResponseWriter
	api     *API
	request *http.Request
	status  int // that waits to be written, 0 if none does
	begun   bool
}

// WriteHeader implements http.ResponseWriter.
func (c *compressor) WriteHeader(status int) { c.status = status }

func (c *compressor) sendHeader() {
	if c.begun = true; c.status != 0 {
		c.ResponseWriter.WriteHeader(c.status)
		c.status = 0
	}
}

// Write implements http.ResponseWriter.
func (c *compressor) Write(body []byte) (int, error) {
	sent, more := body, 0
	if !c.begun && c.applies(body) {
		h := c.Header()
		sent, more = zip(body), cap(body)
		h.Set("Content-Encoding", "gzip")
		h.Set("Content-Length", strconv.Itoa(len(sent)))
		if tag := h.Get("ETag"); tag != "" {
			h.Set("ETag", strings.TrimSuffix(tag, `"`)+gzipTag+`"`)
		}
	}
	c.sendHeader()
	if len(sent) > 0 {
		defer c.api.sending.begin(c.request, func() string { return c.api.asker(c.request) }, sent, more)()
	}
	if n, err := c.ResponseWriter.Write(sent); err != nil {
		return min(n, len(body)), err
	}
	return len(body), nil
}

// applies reports whether a body is to be compressed: it is all of the answer, and text.
func (c *compressor) applies(body []byte) bool {
	h := c.Header()
	media, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return len(body) > 0 && h.Get("Content-Length") == strconv.Itoa(len(body)) && h.Get("Content-Encoding") == "" &&
		slices.Contains(compressible, media) && acceptsGzip(c.request.Header["Accept-Encoding"])
}

// Unwrap is for http.ResponseController.
func (c *compressor) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// acceptsGzip reports whether a client asked for gzip, and not for none of it.
func acceptsGzip(values []string) bool {
	for _, value := range values {
		for coding := range strings.SplitSeq(value, ",") {
			name, weight, _ := strings.Cut(coding, ";")
			if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
				continue
			}
			weight = strings.TrimPrefix(strings.ToLower(strings.ReplaceAll(weight, " ", "")), "q=")
			return strings.Trim(weight, "0.") != "" || weight == ""
		}
	}
	return false
}
