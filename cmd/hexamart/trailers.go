package main

import (
	"io"
	"net/http"
)

// withoutTrailers drops what comes after a body, and what a head announces of that, for which nobody asks: net/http keeps it with its
// request in a map that takes a hundred times what was sent. The body is put before it in a copy, for net/http goes by the type of
// its own request's when it judges whether what follows on the connection can be told from the rest of this one.
func withoutTrailers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Trailer = nil
		if r.Body != http.NoBody {
			bare := r.WithContext(r.Context())
			bare.Body = &bareBody{r.Body, r}
			r = bare
		}
		next.ServeHTTP(w, r)
	})
}

// bareBody is a body after which nothing comes.
type bareBody struct {
	io.ReadCloser
	of *http.Request // net/http's
}

// Read implements io.Reader. With the end of the body net/http has read what is behind it.
func (b *bareBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.of.Trailer = nil
	}
	return n, err
}
