package handler_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"hexamart/internal/testkit"
)

// countingWriter counts how often it is written to.
type countingWriter struct {
	*httptest.ResponseRecorder
	writes int
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes++
	return w.ResponseRecorder.Write(p)
}

// TestCompressedBeforeSent asks for compressed answers of all kinds: nothing is sent before all of it is compressed, so that nobody
// who is slow to take it keeps what compresses.
func TestCompressedBeforeSent(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	for range 30 {
		s.Order(u, s.Product("Lamp", "19.99", 5), 1)
	}
	for path, status := range map[string]int{"/": 200, "/orders": 200, "/auth/sessions": 200, "/products": 200, "/docs": 200, "/openapi.json": 200, "/nowhere": 404, "/cart/0": 405} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set("Accept-Encoding", "gzip")
			r.Header.Set("Authorization", "Bearer "+u.Token)
			w := &countingWriter{ResponseRecorder: httptest.NewRecorder()}
			s.Handler.ServeHTTP(w, r)
			h := w.Header()
			if w.Code != status || w.writes != 1 || h.Get("Content-Encoding") != "gzip" || h.Get("Content-Length") != strconv.Itoa(w.Body.Len()) || len(h.Values("Vary")) == 0 {
				t.Errorf("status %d, written in %d pieces of together %d bytes, headers %v", w.Code, w.writes, w.Body.Len(), h)
			}
			plain, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, plain); n == 0 || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
		})
	}
}
