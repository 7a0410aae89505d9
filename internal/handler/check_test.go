package handler_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hexamart/internal/testkit"
)

// step is a request and what its answer must be. who is nil for nobody.
type step struct {
	who    *testkit.Person
	call   string // "GET /products"
	body   string
	status int
	want   is
}

// is lists texts that an answer must have or, after a !, must not have.
type is []string

// f makes paths and bodies.
var f = fmt.Sprintf

// run takes the steps one after the other.
func run(t *testing.T, s *testkit.Shop, steps []step) {
	t.Helper()
	for _, st := range steps {
		send(t, s, st)
	}
}

// send takes one step and returns the answer. It also holds the answer to what is true of all.
func send(t *testing.T, s *testkit.Shop, st step, headers ...string) testkit.Answer {
	t.Helper()
	method, path, _ := strings.Cut(st.call, " ")
	a := s.Do(st.who, method, path, st.body, headers...)
	call := strings.TrimSpace(st.call + " " + st.body)
	if len(call) > 300 {
		call = call[:300] + "..."
	}
	if a.Status != st.status {
		t.Errorf("%s: status %d, want %d: %s", call, a.Status, st.status, a.Body)
		return a
	}
	for _, text := range st.want {
		if text, not := strings.CutPrefix(text, "!"); strings.Contains(a.Body, text) == not {
			t.Errorf("%s: %s in the answer is %t: %s", call, text, !not, a.Body)
		}
	}
	checkAnswer(t, call, method, a)
	return a
}

// secrets never leave the shop.
var secrets = []string{"$2a$", "password_hash", "token_version", "SELECT ", "INSERT INTO", "UPDATE ", "sql: ", "Error 1",
	"goroutine ", ".go:", "hexamart_test_", "runtime error", "dial "}

// checkAnswer checks what is true of every answer.
func checkAnswer(t *testing.T, call, method string, a testkit.Answer) {
	t.Helper()
	bad := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: %s: %s", call, f(format, args...), a.Body)
	}
	if a.Header.Get("X-Request-Id") == "" {
		bad("no X-Request-Id")
	}
	for name, want := range protection {
		if got := a.Header.Get(name); got != want {
			bad("%s is %q", name, got)
		}
	}
	if a.Header.Get("Set-Cookie") != "" {
		bad("a cookie")
	}
	for _, secret := range secrets {
		if strings.Contains(a.Body, secret) {
			bad("%q in the answer", secret)
		}
	}
	if a.Status >= 400 {
		checkProblem(t, call, a)
		return
	}
	if got := a.Header.Get("Content-Type"); got != "application/json" {
		bad("Content-Type is %q", got)
	}
	if !json.Valid([]byte(a.Body)) {
		bad("not JSON")
		return
	}
	if a.Status == http.StatusCreated && a.Header.Get("Location") == "" {
		bad("no Location")
	}
	if m, _ := members(a.Body)["message"]; method != "GET" && method != "HEAD" && !strings.Contains(a.Body, `"access_token"`) && !message.MatchString(text(m)) {
		bad("the message is no sentence")
	}
}

var (
	sentence = regexp.MustCompile(`^["\p{Lu}\d].*[.!?]$`)
	message  = regexp.MustCompile(`^\S.*[.!]$`) // may begin with a product's name
	codeForm = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
)

// checkProblem checks the shape of an error.
func checkProblem(t *testing.T, call string, a testkit.Answer) {
	t.Helper()
	bad := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: %s: %s", call, f(format, args...), a.Body)
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		bad("Content-Type is %q", got)
	}
	var p struct {
		Type, Title, Detail, Code string
		Status                    int
		RequestID                 string `json:"request_id"`
		Errors                    []struct{ Field, Message string }
	}
	if err := json.Unmarshal([]byte(a.Body), &p); err != nil {
		bad("%v", err)
		return
	}
	if p.Type != "/errors/"+p.Code || p.Title != http.StatusText(a.Status) || p.Status != a.Status || p.RequestID != a.Header.Get("X-Request-Id") {
		bad("type, title, status or request_id is wrong")
	}
	if !sentence.MatchString(p.Detail) || !codeForm.MatchString(p.Code) {
		bad("detail or code is wrong")
	}
	if (a.Status == 422) != (len(p.Errors) > 0) {
		bad("errors has %d fields", len(p.Errors))
	}
	for _, e := range p.Errors {
		if e.Field == "" || !sentence.MatchString(e.Message) {
			bad("the error of field %q is wrong", e.Field)
		}
	}
	wants := map[int]string{401: "Www-Authenticate", 405: "Allow", 429: "Retry-After", 503: "Retry-After"}
	if name := wants[a.Status]; name != "" && a.Header.Get(name) == "" {
		bad("no %s", name)
	}
	if a.Status == 401 && a.Header.Get("WWW-Authenticate") != "Bearer" {
		bad("WWW-Authenticate is %q", a.Header.Get("WWW-Authenticate"))
	}
	if after := a.Header.Get("Retry-After"); after != "" {
		if n, err := strconv.Atoi(after); err != nil || n < 1 {
			bad("Retry-After is %q", after)
		}
	}
}

// badFields returns the sorted names of the fields that a 422 complains of.
func badFields(a testkit.Answer) string {
	var p struct{ Errors []struct{ Field string } }
	if err := json.Unmarshal([]byte(a.Body), &p); err != nil {
		return err.Error()
	}
	var names []string
	for _, e := range p.Errors {
		names = append(names, e.Field)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// members returns the members of a JSON object, nil if it is none.
func members(object string) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	_ = json.Unmarshal([]byte(object), &m)
	return m
}

// elements returns the elements of a JSON array as they are written.
func elements(t *testing.T, array string) []string {
	t.Helper()
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(array), &raw); err != nil {
		t.Fatalf("%v in %s", err, array)
	}
	list := []string{}
	for _, r := range raw {
		list = append(list, string(r))
	}
	return list
}

// names returns the sorted names of a JSON object's members.
func names(object string) string {
	return strings.Join(slices.Sorted(maps.Keys(members(object))), " ")
}

// text returns a JSON string's text.
func text(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s)
	return s
}

// ids returns the ids in an answer's JSON array, in their order.
func ids(a testkit.Answer) string { return idsIn(a.Body) }

func idsIn(array string) string {
	var list []struct{ ID int64 }
	if err := json.Unmarshal([]byte(array), &list); err != nil {
		return err.Error()
	}
	words := []string{}
	for _, row := range list {
		words = append(words, strconv.FormatInt(row.ID, 10))
	}
	return strings.Join(words, " ")
}

// quote returns s as JSON.
func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// escape writes s for a query.
func escape(s string) string { return url.QueryEscape(s) }
