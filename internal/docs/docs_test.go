package docs

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
)

// TestValid holds the description against the schema of OpenAPI 3.1.
func TestValid(t *testing.T) {
	t.Parallel()
	doc, err := libopenapi.NewDocument(OpenAPI().Body)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	_, bad := v.ValidateDocument()
	for _, e := range bad {
		t.Errorf("%s: %s %v", e.Message, e.Reason, e.SchemaValidationErrors)
	}
	if strings.Contains(string(OpenAPI().Body), `"x-`) {
		t.Error("the short words of the sources are left in it")
	}
}

// TestTour checks that each call that is described is made in the tour, that what a call saves is there before it is
// used, and that both files made of the tour have all of it.
func TestTour(t *testing.T) {
	t.Parallel()
	known := []string{"base", "email", "password", "admin_email", "admin_password", "token", "admin_token"}
	called, calls := map[string]bool{}, 0
	file := string(httpFile())
	for _, f := range tour() {
		for _, s := range f.steps {
			calls++
			called[s.id()] = true
			body, err := plainJSON(s.body)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range strings.Split(s.url+string(body), "{{")[1:] {
				if name, _, _ := strings.Cut(part, "}}"); !slices.Contains(known, name) {
					t.Errorf("%s: nothing was saved as %s", s.name, name)
				}
			}
			known = append(known, s.save.keys...)
			if strings.ContainsAny(strings.NewReplacer("{{", "", "}}", "").Replace(s.url), "{}") {
				t.Errorf("%s: the address %s lacks something", s.name, s.url)
			}
			if !strings.Contains(file, s.method+" {{base}}"+s.url+"\n") {
				t.Errorf("%s is not in the .http file", s.name)
			}
		}
	}
	meanings := map[string]string{}
	for line := range strings.Lines(file) {
		if name, value, ok := strings.Cut(line, " = "); ok && strings.HasPrefix(name, "@") {
			if meanings[name] != "" && meanings[name] != value {
				t.Errorf("in the .http file %s is %s and %s", name, meanings[name], value)
			}
			meanings[name] = value
		}
	}
	for _, op := range operations(api()) {
		if !called[op.id()] {
			t.Errorf("%s %s is described, but not called: add it to internal/docs/tour.yaml", op.method, op.path)
		}
	}
	if n := strings.Count(string(postman()), `"listen": "test"`); n != calls || calls < 40 {
		t.Errorf("%d of %d calls have tests", n, calls)
	}
}

// TestExplained checks that every operation says what it does, each parameter what it is for, and that each body and each
// answer in JSON has an example.
func TestExplained(t *testing.T) {
	t.Parallel()
	reader := string(Reference().Body)
	for _, op := range operations(api()) {
		if op.text("summary") == "" || !strings.Contains(reader, `id="`+op.id()+`"`) {
			t.Errorf("%s: no summary, or not in the reader", op.id())
		}
		for _, p := range parametersOf(op) {
			if p.text("description") == "" {
				t.Errorf("%s: %s is not explained", op.id(), p.text("name"))
			}
		}
		if body := op.object("requestBody").object("content"); len(body.keys) > 0 && firstExample(body.object(body.keys[0])) == nil {
			t.Errorf("%s: the body has no example", op.id())
		}
		responses := op.object("responses")
		asks := slices.ContainsFunc(parametersOf(op), func(p *tree) bool { return p.text("name") == "If-None-Match" })
		if asks != slices.Contains(responses.keys, "304") {
			t.Errorf("%s: 304 and If-None-Match go together", op.id())
		}
		for _, status := range responses.keys {
			for name, media := range resolve(api(), responses.get(status)).object("content").values {
				if strings.Contains(name, "json") && firstExample(media.(*tree)) == nil && op.list("tags")[0] != "Documents" {
					t.Errorf("%s: the answer %s has no example", op.id(), status)
				}
			}
		}
	}
}

// TestProblemPages checks that nothing is missing on the errors' pages, and that their examples are as the shop answers.
func TestProblemPages(t *testing.T) {
	t.Parallel()
	for code, status := range Problems() {
		p := problemPageOf(code)
		if p.Means == "" || p.Fix == "" || len(p.Why) == 0 || !strings.HasPrefix(p.Request, "curl ") || p.Title == "" || status < 400 {
			t.Errorf("%s: %+v", code, p)
		}
		if ofAll := code == "method_not_allowed" || code == "headers_too_large"; len(p.Calls) == 0 && !ofAll {
			t.Errorf("no call answers %s", code)
		}
		var example struct {
			Type, Detail, Code string
			Status             int
		}
		if err := json.Unmarshal(indented(p.Example), &example); err != nil || example.Type != "/errors/"+code || example.Status != status || !strings.HasSuffix(example.Detail, ".") {
			t.Errorf("%s: %v %+v", code, err, example)
		}
	}
}

// TestTwice checks that what is described twice is not taken for granted.
func TestTwice(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("the second one replaced the first")
		}
	}()
	newTree().set("/cart", "a").merge(newTree().set("/cart", "b"))
}
