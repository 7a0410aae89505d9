package testkit

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/helpers"

	"hexamart/internal/docs"
)

// contract is the API's description, to hold requests and answers against. What is sent may have more than is
// described, which the shop ignores; what is answered may not, since clients could come to rely on it.
var contract = sync.OnceValues(func() (sent, answered validator.Validator) {
	build := func(options ...config.Option) validator.Validator {
		doc, err := libopenapi.NewDocument(docs.OpenAPI().Body)
		if err != nil {
			panic(err)
		}
		v, errs := validator.NewValidator(doc, append(options, config.WithFormatAssertions(), config.WithStandardBodyDecoders(), config.WithoutSecurityValidation())...)
		if len(errs) > 0 {
			panic(fmt.Sprint(errs))
		}
		return v
	}
	return build(), build(config.WithStrictMode(), config.WithStrictIgnorePaths("$.body[*].before.**", "$.body[*].after.**"), config.WithStrictIgnoredHeadersExtra("Access-Control-Allow-Origin",
		"Access-Control-Allow-Credentials", "Access-Control-Expose-Headers", "Vary", "X-Content-Type-Options", "Allow",
		"X-Frame-Options", "Strict-Transport-Security", "Content-Security-Policy", "Referrer-Policy", "Cross-Origin-Resource-Policy", "Cache-Control", "Connection", "Content-Encoding"))
})

// refusals are the statuses of requests that may be as wrong as they like, or were not looked at.
var refusals = []int{400, 401, 403, 405, 408, 413, 415, 422, 429, 500, 503}

// keepsContract reports where a request and its answer differ from the API's description; "" if they don't.
// A request that the shop took must be one that is described, and every answer must be.
func keepsContract(r *http.Request, body string, a Answer) string {
	if r.Method == http.MethodOptions { // which is of CORS
		return ""
	}
	sent, answered := contract()
	if strings.Contains(r.URL.Path, "openapi.json") || strings.Contains(r.URL.Path, "/docs/") { // have a form of their own
		answered = sent
	}
	as := func() *http.Request { return described(r, body) }
	res := &http.Response{StatusCode: a.Status, Header: a.Header.Clone(), Body: io.NopCloser(bytes.NewReader(unzip(a)))}
	var bad []*errors.ValidationError
	if _, bad = answered.ValidateHttpResponse(as(), res); len(bad) > 0 && bad[0].ValidationType == helpers.PathValidation {
		if a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed {
			return "" // there is nothing to describe
		}
		return fmt.Sprintf("%s %s is not described: describe it in internal/docs/api, and call it in internal/docs/tour.yaml", r.Method, r.URL.Path)
	}
	if len(bad) == 0 && !slices.Contains(refusals, a.Status) {
		_, bad = sent.ValidateHttpRequestSync(as())
	}
	if len(bad) == 0 {
		return ""
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s was answered with %d, and this is not as internal/docs/api describes it. Mend whichever is wrong:", r.Method, r.URL, a.Status)
	for _, e := range bad {
		fmt.Fprintf(&text, "\n  %s: %s", e.Message, e.Reason)
		for _, f := range e.SchemaValidationErrors {
			fmt.Fprintf(&text, "\n    %s: %s", f.FieldPath, f.Reason)
		}
	}
	return text.String() + "\n  sent: " + body + "\n  answered: " + a.Body
}

// described is a request as the description has it: one of the many spellings that the shop takes.
func described(r *http.Request, body string) *http.Request {
	c := r.Clone(r.Context())
	c.URL.RawPath = ""
	segments := strings.FieldsFunc(r.URL.EscapedPath(), func(c rune) bool { return c == '/' })
	for i, s := range segments {
		if plain, err := url.PathUnescape(s); err == nil {
			segments[i] = strings.ReplaceAll(plain, "/", "_") // one segment it was, and one it stays
		}
	}
	c.URL.Path = "/" + strings.Join(segments, "/")
	if c.Method == http.MethodHead {
		c.Method = http.MethodGet
	}
	query := c.URL.Query()
	for name, values := range query { // an empty parameter is as good as none
		if strings.TrimSpace(values[0]) == "" {
			delete(query, name)
		}
	}
	c.URL.RawQuery = query.Encode()
	c.Body, c.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	if kind := c.Header.Get("Content-Type"); body != "" && (kind == "" || strings.Contains(kind, "+json")) {
		c.Header.Set("Content-Type", "application/json")
	}
	return c
}

func unzip(a Answer) []byte {
	if a.Header.Get("Content-Encoding") == "gzip" {
		if r, err := gzip.NewReader(strings.NewReader(a.Body)); err == nil {
			if b, err := io.ReadAll(r); err == nil {
				return b
			}
		}
	}
	return []byte(a.Body)
}
