package testkit

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Answer is a response, read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   string

	t testing.TB
}

// Do sends a request to the whole API as somebody, nil for nobody, and holds it and the answer against the API's
// description. The body is sent as JSON unless it
// is empty or headers, given as pairs of "Name: value", say otherwise.
func (s *Shop) Do(as *Person, method, path, body string, headers ...string) Answer {
	s.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, content)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if as != nil {
		r.Header.Set("Authorization", "Bearer "+as.Token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, r)
	SecretsIn(body)
	SecretsIn(w.Body.String())
	a := Answer{w.Code, w.Header(), w.Body.String(), s.t}
	if trouble := keepsContract(r, body, a); trouble != "" {
		s.t.Error(trouble)
	}
	return a
}

// JSON decodes the body, which must be JSON, into v.
func (a Answer) JSON(v any) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(a.Body), v); err != nil {
		a.t.Fatalf("%v in %s", err, a.Body)
	}
}

// Field returns a member of the body, which must be a JSON object: a string, a json.Number, ...
func (a Answer) Field(name string) any {
	a.t.Helper()
	members := map[string]any{}
	dec := json.NewDecoder(strings.NewReader(a.Body))
	dec.UseNumber()
	if err := dec.Decode(&members); err != nil {
		a.t.Fatalf("%v in %s", err, a.Body)
	}
	return members[name]
}
