package handler_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"hexamart/internal/docs"
	"hexamart/internal/testkit"
)

// TestDescribed walks over the routes and over the API's description: each has what the other has, and they
// agree on who may call.
func TestDescribed(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	s.Do(nil, "GET", "/openapi.json", "").JSON(&doc)
	described := map[string]string{}
	for path, item := range doc.Paths {
		for method, raw := range item {
			var op struct {
				Security    []any
				Description string
			}
			if method == "parameters" || json.Unmarshal(raw, &op) != nil {
				continue
			}
			who := "everybody"
			if len(op.Security) > 0 {
				who = "users"
			}
			if strings.HasPrefix(op.Description, "**For admins only.**") {
				who = "admins"
			}
			described[strings.ToUpper(method)+" "+path] = who
		}
	}
	routes := map[string]bool{}
	err := chi.Walk(s.Handler.(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routes[method+" "+route] = true
		return nil
	})
	if err != nil || len(routes) < 30 {
		t.Fatalf("%d routes, %v", len(routes), err)
	}
	for route := range routes {
		switch who := described[route]; {
		case who == "":
			t.Errorf("%s has a route, but no description. Describe it in the file of its noun in internal/docs/api (x-who says who may call, "+
				"x-problems its own errors; its neighbours show how), give its body an example that works on the demo catalogue, and call it in internal/docs/tour.yaml.", route)
		case who != guards[route]:
			t.Errorf("%s is described as for %s, but is for %s: mend its x-who in internal/docs/api", route, who, guards[route])
		}
	}
	for route := range described {
		if !routes[route] {
			t.Errorf("%s is described, but routes.go does not have it: remove it from internal/docs/api and internal/docs/tour.yaml, or add the route", route)
		}
	}
}

// TestEveryErrorExplained reads the codes from apperr's source: each has a page, with its own status, and no page is
// of a code that there is not.
func TestEveryErrorExplained(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	file, err := parser.ParseFile(token.NewFileSet(), "../apperr/apperr.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
				code, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				codes[code] = true
			}
		}
		return true
	})
	if !codes["out_of_stock"] || len(codes) < 20 {
		t.Fatalf("found %v", codes)
	}
	explained := docs.Problems()
	for code := range codes {
		if explained[code] == 0 {
			t.Errorf("the error %s is not explained: add it to internal/docs/problems.yaml, and to x-problems of the calls that answer it", code)
		}
	}
	list := s.Do(nil, "GET", "/errors", "").Body
	for code, status := range explained {
		if !codes[code] {
			t.Errorf("internal/docs/problems.yaml explains %s, which is no code of internal/apperr", code)
		}
		for _, accept := range []string{"*/*", "text/html,application/xhtml+xml,*/*;q=0.8"} {
			a := s.Do(nil, "GET", "/errors/"+code, "", "Accept: "+accept)
			isPage := strings.HasPrefix(a.Header.Get("Content-Type"), "text/html")
			if a.Status != 200 || !strings.Contains(a.Body, strconv.Itoa(status)) || !strings.Contains(a.Body, "curl ") || strings.Contains(a.Body, docs.Base) || isPage != strings.Contains(accept, "html") {
				t.Errorf("%s, %s: %d %s", code, accept, a.Status, a.Body)
			}
		}
		if !strings.Contains(list, code) {
			t.Errorf("%s is not in the list", code)
		}
	}
	if a := s.Do(nil, "GET", "/errors/nonsense", ""); a.Status != 404 {
		t.Errorf("nonsense: %d", a.Status)
	}
}

// TestDocuments reads all documents without a database: every link on their pages leads somewhere, nothing is loaded from
// elsewhere, and no page runs a script that stands in it.
func TestDocuments(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	if err := s.DB.Close(); err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	seen, left := map[string]bool{}, []string{"/", "/docs", "/docs/docs.js"}
	for len(left) > 0 {
		path := left[0]
		left = left[1:]
		address, fragment, _ := strings.Cut(path, "#")
		if address == "" || seen[address] || strings.HasPrefix(address, "https://www.rfc-editor.org/") || strings.HasPrefix(address, "/products") {
			continue
		}
		seen[address] = true
		a := s.Do(nil, "GET", address, "", "Accept: text/html")
		if a.Status != 200 || a.Header.Get("ETag") == "" || a.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %d %v", path, a.Status, a.Header)
		}
		if again := s.Do(nil, "GET", address, "", "Accept: text/html", "If-None-Match: "+a.Header.Get("ETag")); again.Status != 304 || again.Body != "" {
			t.Errorf("%s: not 304 but %d", path, again.Status)
		}
		if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			continue
		}
		if fragment != "" && !strings.Contains(a.Body, `id="`+fragment+`"`) {
			t.Errorf("%s leads nowhere", path)
		}
		if regexp.MustCompile(`<script[^>]*>[^<]|<style|\son[a-z]+=|\sstyle=`).MatchString(a.Body) {
			t.Errorf("%s has a script or a style in it, which its policy forbids", path)
		}
		for _, m := range link.FindAllStringSubmatch(a.Body, -1) {
			left = append(left, m[1])
		}
	}
	for _, want := range []string{"/redoc", "/openapi.json", "/docs/postman.json", "/docs/hexamart.http", "/docs/swagger-ui-bundle.js", "/docs/docs.css", "/errors/out_of_stock"} {
		if !seen[want] {
			t.Errorf("no page leads to %s: %v", want, slices.Sorted(maps.Keys(seen)))
		}
	}
	policy := s.Do(nil, "GET", "/docs", "").Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) || strings.Contains(policy, "unsafe") {
			t.Errorf("the policy is %s", policy)
		}
	}
	run(t, s, []step{{nil, "GET /docs/nonsense.js", "", 404, nil}, {nil, "GET /docs/docs.gohtml", "", 404, nil}})
}

// TestWelcome checks that / points to all of the documents, for programs and for browsers.
func TestWelcome(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	a, page := s.Do(nil, "GET", "/", ""), s.Do(nil, "GET", "/", "", "Accept: text/html")
	for _, l := range docs.Links {
		if a.Field(l.Name) != l.Path || !strings.Contains(page.Body, `href="`+l.Path+`"`) {
			t.Errorf("%s is not in %s or %s", l.Path, a.Body, page.Body)
		}
	}
	for _, path := range []string{"/", "/docs/hexamart.http", "/docs/postman.json", "/errors/empty_cart"} {
		if body := s.Do(nil, "GET", path, "", "Accept: text/html").Body; !strings.Contains(body, "http://example.com") {
			t.Errorf("the examples of %s are of another server: %s", path, body)
		}
	}
	for _, answer := range []testkit.Answer{a, page} {
		if !strings.Contains(strings.Join(answer.Header.Values("Vary"), ","), "Accept") {
			t.Error("a cache would mix the two up")
		}
	}
}
