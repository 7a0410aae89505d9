package handler

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
)

// gzipTag ends the entity tag of a compressed answer: it is another representation.
const gzipTag = "-gzip"

func tagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// namedTag returns the tag, as it stands in the values of If-None-Match or If-Match, that names this
// content in whichever encoding; "" if none does. A * is for anything.
func namedTag(values []string, tag string) string {
	all := strings.Join(values, ",") // among which a proxy that changed the encoding made some weak, with W/
	plain, zipped := `"`+tag+`"`, `"`+tag+gzipTag+`"`
	switch {
	case strings.Contains(all, plain), strings.TrimSpace(all) == "*":
		return plain
	case strings.Contains(all, zipped):
		return zipped
	}
	return ""
}

// writeTagged writes what is the same for everybody with an entity tag, or 304 to a client that has it already.
func writeTagged(w http.ResponseWriter, r *http.Request, caching, contentType string, body []byte) error {
	h := w.Header()
	h.Set("Cache-Control", caching)
	tag := tagOf(body)
	if known := namedTag(r.Header.Values("If-None-Match"), tag); known != "" {
		h.Set("ETag", known)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("ETag", `"`+tag+`"`)
	write(w, http.StatusOK, contentType, body)
	return nil
}

// precondition is what If-Match says of the product that a write is about; nil if it says nothing.
func precondition(r *http.Request) func(model.Product) error {
	values := r.Header.Values("If-Match")
	if len(values) == 0 {
		return nil
	}
	return func(now model.Product) error {
		var tag string
		err := encode(now, func(body []byte) { tag = tagOf(withPictures(r, body)) })
		if err == nil && namedTag(values, tag) == "" {
			err = apperr.New(apperr.PreconditionFailed, "The product was changed by somebody else since you loaded it. Please load it again.")
		}
		return err
	}
}
