package handler

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"time"

	"hexamart/internal/apperr"
)

// Refusal returns all of the answer, as it goes over the wire, to what net/http refuses before there is a request:
// the error that any other refusal is, with a request id of its own. status is what net/http would have answered. The
// connection ends after it.
func (a *API) Refusal(status int) []byte {
	err := apperr.New(apperr.Malformed, "This is not a request that the shop can read: its head breaks the rules of HTTP/1.1.")
	switch status {
	case http.StatusRequestHeaderFieldsTooLarge:
		err = apperr.New(apperr.HeadersTooLarge, "The request's headers are too large.")
	case http.StatusServiceUnavailable: // which it is never, but where there is no room for the head
		err = bodyError(errCrowded)
	}
	w := &answer{header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}}
	fail := a.handle(func(http.ResponseWriter, *http.Request) error { return err })
	a.identify(fail).ServeHTTP(w, &http.Request{URL: &url.URL{Path: "/"}, Header: http.Header{}})
	var all bytes.Buffer
	_ = (&http.Response{ // to memory
		StatusCode: w.status, ProtoMajor: 1, ProtoMinor: 1, Header: w.header, Close: true,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()),
	}).Write(&all)
	return all.Bytes()
}

// answer implements http.ResponseWriter where there is no connection.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *answer) Header() http.Header         { return w.header }
func (w *answer) WriteHeader(status int)      { w.status = status }
func (w *answer) Write(p []byte) (int, error) { return w.body.Write(p) }
