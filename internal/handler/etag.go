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
	for named := range strings.SplitSeq(strings.Join(values, ","), ",") {
		named = strings.TrimSpace(named)
		opaque := strings.TrimPrefix(named, "W/") // a proxy that changed the encoding made it weak
		switch {
		case named == "*":
			return `"` + tag + `"`
		case opaque == `"`+tag+`"`, opaque == `"`+tag+gzipTag+`"`:
			return opaque
		}
	}
	return ""
}

// precondition is what If-Match says of the product that a write is about; nil if it says nothing.
func precondition(r *http.Request) func(model.Product) error {
	values := r.Header.Values("If-Match")
	if len(values) == 0 {
		return nil
	}
	return func(now model.Product) error {
		body, err := encode(now)
		if err == nil && namedTag(values, tagOf(body)) == "" {
			err = apperr.New(apperr.PreconditionFailed, "The product was changed by somebody else since you loaded it. Please load it again.")
		}
		return err
	}
}
