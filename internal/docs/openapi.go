package docs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// nouns are the files of the API's description after base.yaml, in the order in which it is read.
var nouns = []string{"auth", "users", "products", "cart", "orders", "admin", "health", "docs"}

var methods = []string{"get", "post", "put", "patch", "delete"}

// OpenAPI returns the API's description by OpenAPI 3.1.
func OpenAPI() Document { return Document{typeJSON, openAPI()} }

var openAPI = sync.OnceValue(func() []byte { return indented(api()) })

// api puts the description together.
var api = sync.OnceValue(func() *tree {
	doc := readYAML("api/base.yaml").(*tree)
	paths, components := doc.part("paths"), doc.part("components")
	for _, noun := range nouns {
		part := readYAML("api/" + noun + ".yaml").(*tree)
		paths.merge(part.object("paths"))
		components.part("schemas").merge(part.object("components").object("schemas"))
	}
	for _, op := range operations(doc) {
		finish(op, components)
	}
	return doc
})

// operation is one call of the API.
type operation struct {
	*tree
	method, path string
	item         *tree // what all methods of the path share
}

func (op operation) id() string { return op.text("operationId") }

// operations are all of a description, in its order.
func operations(doc *tree) (list []operation) {
	paths := doc.object("paths")
	for _, path := range paths.keys {
		item := paths.object(path)
		for _, method := range item.keys {
			if slices.Contains(methods, method) {
				list = append(list, operation{item.object(method), strings.ToUpper(method), path, item})
			}
		}
	}
	return list
}

// forAdmins begins the description of what only admins may do.
const forAdmins = "**For admins only.**"

// finish writes out what an operation's source says in short.
func finish(op operation, components *tree) {
	codes := codesOf(op)
	security := []any{}
	switch op.take("x-who") {
	case "user", "admin":
		security = []any{newTree().set("password", []any{}), newTree().set("token", []any{})}
	}
	if slices.Contains(codes, "forbidden") {
		op.set("description", strings.TrimSpace(forAdmins+" "+op.text("description")))
	}
	op.take("x-problems")
	responses := op.object("responses")
	for _, status := range responses.keys {
		response := responses.object(status).clone()
		headers := newTree().set("X-Request-Id", reference("headers", "X-Request-Id"))
		headers.merge(response.object("headers"))
		responses.set(status, response.set("headers", headers))
	}
	byStatus := map[int][]string{}
	for _, code := range codes {
		status := statusOf(code)
		byStatus[status] = append(byStatus[status], code)
	}
	for status := 400; status < 600; status++ {
		if codes := byStatus[status]; codes != nil {
			name := strings.Join(codes, "-or-")
			components.part("responses").set(name, problemResponse(status, codes, components.part("examples")))
			responses.set(strconv.Itoa(status), reference("responses", name))
		}
	}
	op.set("responses", op.take("responses")) // where a reader looks for them: last
	op.set("security", security)
}

// codesOf lists the errors of an operation, in the order of problems.yaml: its own ones, and those that come
// with a guard, a body and a database.
func codesOf(op operation) []string {
	codes := append(op.list("x-problems"), "internal")
	switch op.text("x-who") {
	case "admin":
		codes = append(codes, "unauthenticated", "forbidden")
	case "user":
		codes = append(codes, "unauthenticated")
	}
	if op.get("requestBody") != nil {
		codes = append(codes, "malformed", "body_too_large", "unsupported_media")
	}
	if tag := op.list("tags")[0]; tag != "Service" && tag != "Documents" {
		codes = append(codes, "temporarily_unavailable")
	}
	if op.method != http.MethodGet {
		codes = append(codes, "foreign_page")
	}
	order := problems().keys
	for _, code := range codes {
		if !slices.Contains(order, code) {
			panic(fmt.Sprintf("docs: %s %s names the error %s, which problems.yaml does not explain", op.method, op.path, code))
		}
	}
	slices.SortFunc(codes, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	return slices.Compact(codes)
}

// problemResponse describes the errors that share a status; their examples are put among the shared ones.
func problemResponse(status int, codes []string, shared *tree) *tree {
	var meanings []string
	examples, names := newTree(), []any{}
	for _, code := range codes {
		meanings = append(meanings, fmt.Sprintf("[`%s`](/errors/%s): %s", code, code, problemOf(code).text("means")))
		examples.set(code, reference("examples", code))
		shared.set(code, newTree().set("summary", problemOf(code).text("means")).set("value", exampleOf(code)))
		names = append(names, code)
	}
	headers := newTree().set("X-Request-Id", reference("headers", "X-Request-Id"))
	switch {
	case status == http.StatusUnauthorized:
		headers.set("WWW-Authenticate", reference("headers", "WWW-Authenticate"))
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable, slices.Equal(codes, []string{"request_in_progress"}):
		headers.set("Retry-After", reference("headers", "Retry-After"))
	case slices.Contains(codes, "request_in_progress"): // which alone of these has it
		headers.set("Retry-After", newTree().set("description", "With `request_in_progress`: seconds to wait before trying again").
			set("schema", newTree().set("type", "string")))
	}
	schema := newTree().set("allOf", []any{reference("schemas", "Problem"), newTree().set("type", "object").set("properties",
		newTree().set("status", newTree().set("const", json.RawMessage(strconv.Itoa(status)))).
			set("code", newTree().set("type", "string").set("enum", names)))})
	media := newTree().set("schema", schema).set("examples", examples)
	return newTree().set("description", strings.Join(meanings, "\n\n")).set("headers", headers).
		set("content", newTree().set("application/problem+json", media))
}

func reference(kind, name string) *tree { return newTree().set("$ref", "#/components/"+kind+"/"+name) }

// resolve follows a reference within a description; anything else is itself.
func resolve(doc *tree, v any) *tree {
	o, _ := v.(*tree)
	if o == nil {
		return newTree()
	}
	target, ok := o.get("$ref").(string)
	if !ok {
		return o
	}
	at := doc
	for _, name := range strings.Split(strings.TrimPrefix(target, "#/"), "/") {
		at = at.object(name)
	}
	return resolve(doc, at)
}
