package docs

import (
	"strings"
	"sync"
)

// manual is what the template of the reference needs.
type manual struct {
	Title, About string
	Chapters     []chapter
}

type chapter struct {
	Name, About string
	Calls       []call
}

// call is an operation for people.
type call struct {
	ID, Method, Path, Summary, About, Who, Curl string
	Parameters                                  []parameter
	Body                                        []member
	Answers                                     []answer
}

type parameter struct {
	Name, In, About, Kind string
	Required              bool
}

// member is a field of a body.
type member struct {
	Name, Kind, About string
	Required          bool
}

type answer struct {
	Status, About string
	Example       any
}

// Reference is the whole API on one page, without scripts.
var Reference = sync.OnceValue(func() Document {
	doc := api()
	data := manual{Title: doc.object("info").text("title"), About: doc.object("info").text("description")}
	for _, tag := range doc.get("tags").([]any) {
		c := chapter{Name: tag.(*tree).text("name"), About: tag.(*tree).text("description")}
		for _, op := range operations(doc) {
			if op.list("tags")[0] == c.Name {
				c.Calls = append(c.Calls, callOf(op))
			}
		}
		data.Chapters = append(data.Chapters, c)
	}
	return render("reference.gohtml", data)
})

func callOf(op operation) call {
	c := call{ID: op.id(), Method: op.method, Path: op.path, Summary: op.text("summary"), About: op.text("description"), Who: whoOf(op)}
	for _, p := range parametersOf(op) {
		required := plain(p.get("required")) == "true"
		c.Parameters = append(c.Parameters, parameter{p.text("name"), p.text("in"), p.text("description"), kindOf(p.object("schema")), required})
	}
	content := op.object("requestBody").object("content")
	for _, kind := range content.keys {
		c.Body = membersOf(content.object(kind).object("schema"))
		break
	}
	responses := op.object("responses")
	for _, status := range responses.keys {
		response := resolve(api(), responses.get(status))
		a := answer{Status: status, About: response.text("description")}
		if status < "400" {
			a.Example = firstExample(response.object("content").object("application/json"))
		}
		c.Answers = append(c.Answers, a)
	}
	c.Curl = curlOf(op)
	return c
}

// membersOf lists the fields of a schema.
func membersOf(schema *tree) (list []member) {
	schema = resolve(api(), schema)
	required := schema.list("required")
	properties := schema.object("properties")
	for _, name := range properties.keys {
		m := member{Name: name, Kind: kindOf(properties.object(name))}
		m.About = properties.object(name).text("description")
		if m.About == "" {
			m.About = resolve(api(), properties.get(name)).text("description")
		}
		for _, r := range required {
			m.Required = m.Required || r == name
		}
		list = append(list, m)
	}
	return list
}

// kindOf says in a word or a few what a schema takes.
func kindOf(schema *tree) string {
	s := resolve(api(), schema)
	var kinds []string
	if choices := s.list("enum"); choices != nil {
		return strings.Join(choices, " | ")
	}
	alternatives, _ := s.get("anyOf").([]any)
	for _, a := range alternatives {
		kinds = append(kinds, kindOf(a.(*tree)))
	}
	if kinds == nil {
		if kinds = s.list("type"); kinds == nil {
			kinds = []string{s.text("type")}
		}
	}
	return strings.Join(kinds, " | ")
}

// curlOf writes a call for a shell.
func curlOf(op operation) string {
	s := newStep(op, newTree())
	text := "curl"
	if s.method != "GET" && (s.method != "POST" || s.body == nil) {
		text += " -X " + s.method
	}
	text += " $base" + s.url
	if s.as != "nobody" {
		text += ` -H "Authorization: Bearer $token"`
	}
	if s.body != nil {
		body, err := plainJSON(s.body)
		must(err)
		text += " \\\n     -H 'Content-Type: application/json' -d '" + string(body) + "'"
	}
	return text
}
