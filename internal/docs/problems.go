package docs

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
)

// problems are the errors by their codes.
var problems = sync.OnceValue(func() *tree { return readYAML("problems.yaml").(*tree) })

// ProblemPath is where an error's page is. As the type of an error it is a relative reference, which RFC 9457
// allows: it leads to the server that was asked, whatever name and scheme a proxy gave it.
func ProblemPath(code string) string { return "/errors/" + code }

// Problems returns the codes of all errors that have a page, and their statuses.
func Problems() map[string]int {
	all := map[string]int{}
	for _, code := range problems().keys {
		all[code] = statusOf(code)
	}
	return all
}

func problemOf(code string) *tree { return problems().object(code) }

func statusOf(code string) int {
	text, _ := problemOf(code).get("status").(json.RawMessage)
	status, err := strconv.Atoi(string(text))
	must(err)
	return status
}

// exampleOf is the body of an answer with this error.
func exampleOf(code string) *tree {
	p := problemOf(code)
	status := statusOf(code)
	example := newTree().set("type", ProblemPath(code)).set("title", http.StatusText(status)).
		set("status", json.RawMessage(strconv.Itoa(status))).set("detail", p.text("detail")).
		set("code", code).set("request_id", "5QKXYAPOVGE4TOHRTCV2FE3YMU")
	if members, ok := p.get("members").(*tree); ok {
		example.merge(members)
	}
	return example
}
