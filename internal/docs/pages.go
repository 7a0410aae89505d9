package docs

import (
	"bytes"
	"html/template"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
)

var templates = template.Must(template.New("").Funcs(template.FuncMap{"markdown": markdown, "json": shown}).ParseFS(pages, "pages/*.gohtml"))

// render fills in a page.
func render(name string, data any) Document {
	var b bytes.Buffer
	must(templates.ExecuteTemplate(&b, name, data))
	return Document{typeHTML, b.Bytes()}
}

// markdown writes the texts of the sources as HTML; what is HTML in them is left out.
func markdown(text string) (template.HTML, error) {
	var b bytes.Buffer
	err := goldmark.Convert([]byte(text), &b)
	return template.HTML(b.String()), err // #nosec G203 -- of our own text
}

func shown(v any) string { return strings.TrimSpace(string(indented(v))) }

// UI is the page to read and try the API on, with Swagger UI.
func UI() Document { return render("docs.gohtml", nil) }

// Link is a way to a part of the documents.
type Link struct{ Name, Path, About string }

// Links are the ways to all of them.
var Links = []Link{
	{"docs", "/docs", "read the API and try it in the browser"},
	{"reference", "/redoc", "the API on one page, to read and to print"},
	{"openapi", "/openapi.json", "the same for programs (OpenAPI 3.1)"},
	{"postman", "/docs/postman.json", "every call, as a collection for Postman"},
	{"http", "/docs/hexamart.http", "every call, for the REST Client of VS Code"},
	{"errors", "/errors", "what each error means and how to get past it"},
}

// Welcome is the page of /, for browsers.
func Welcome(version string) Document {
	return render("welcome.gohtml", struct {
		Version string
		Links   []Link
	}{version, Links})
}

// problemPage is what the template of an error needs.
type problemPage struct {
	Code, Means, Fix, Request, Title string
	Status                           int
	Why, Calls                       []string
	Example                          *tree
}

func problemPageOf(code string) problemPage {
	p := problemOf(code)
	example := exampleOf(code)
	page := problemPage{Code: code, Means: p.text("means"), Fix: p.text("fix"), Request: p.text("request"),
		Title: example.text("title"), Status: statusOf(code), Why: p.list("why"), Example: example}
	for _, op := range operations(api()) {
		status := op.object("responses").get(plain(p.get("status")))
		examples := resolve(api(), status).object("content").object("application/problem+json").object("examples")
		if slices.Contains(examples.keys, code) {
			page.Calls = append(page.Calls, op.method+" "+op.path)
		}
	}
	return page
}

// Problem returns the page of an error, one of Problems, as HTML or as plain text.
func Problem(code string, html bool) Document {
	p := problemPageOf(code)
	if html {
		return render("problem.gohtml", p)
	}
	return Document{typeText, []byte(p.text())}
}

func (p problemPage) text() string {
	var b strings.Builder
	b.WriteString(p.Code + " (" + plain(problemOf(p.Code).get("status")) + " " + p.Title + ")\n\n" + p.Means + "\n\nWhy\n")
	for _, why := range p.Why {
		b.WriteString("  - " + why + "\n")
	}
	b.WriteString("\nHow to get past it\n  " + p.Fix + "\n\nFor example\n  " + p.Request + "\nis answered with\n" + string(indented(p.Example)))
	return b.String()
}

// ProblemList returns the page of all errors.
func ProblemList(html bool) Document {
	list := []problemPage{}
	for _, code := range problems().keys {
		list = append(list, problemPageOf(code))
	}
	if html {
		return render("problems.gohtml", list)
	}
	var b strings.Builder
	for _, p := range list {
		b.WriteString(ProblemPath(p.Code) + "\n    " + p.Means + "\n")
	}
	return Document{typeText, []byte(b.String())}
}
