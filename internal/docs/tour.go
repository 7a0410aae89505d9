package docs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// step is a call of the tour with all that is needed to make it.
type step struct {
	operation
	name    string
	as      string // nobody, user or admin
	url     string // path and query, with variables
	headers *tree
	form    *tree // one of these two at most
	body    any
	status  string
	code    string // of the error that is expected
	save    *tree
	check   []string
}

// folder is a part of the tour.
type folder struct {
	name, about string
	steps       []step
}

// tour reads the source against the description.
func tour() (list []folder) {
	known := map[string]operation{}
	for _, op := range operations(api()) {
		known[op.id()] = op
	}
	for _, part := range readYAML("tour.yaml").([]any) {
		source := part.(*tree)
		f := folder{name: source.text("folder"), about: source.text("about")}
		for _, call := range source.get("calls").([]any) {
			op, ok := known[call.(*tree).text("call")]
			if !ok {
				panic("docs: tour.yaml calls " + call.(*tree).text("call") + ", which no file of api/ describes")
			}
			f.steps = append(f.steps, newStep(op, call.(*tree)))
		}
		list = append(list, f)
	}
	return list
}

func newStep(op operation, source *tree) step {
	s := step{operation: op, name: source.text("name"), as: source.text("as"), code: source.text("code"),
		save: source.object("save"), check: source.list("check"), headers: source.object("headers")}
	if s.name == "" {
		s.name = op.text("summary")
	}
	if s.as == "" {
		s.as = whoOf(op)
	}
	if s.status = op.object("responses").keys[0]; s.code != "" {
		s.status = strconv.Itoa(statusOf(s.code))
	}
	s.url = urlOf(op, source.object("path"), source.object("query"))
	switch content := op.object("requestBody").object("content"); {
	case source.get("form") != nil:
		s.form = source.object("form")
	case source.get("body") != nil:
		s.body = source.get("body")
	case content.get("application/json") != nil:
		s.body = firstExample(content.object("application/json"))
	}
	return s
}

// whoOf tells whose token an operation wants.
func whoOf(op operation) string {
	if security, _ := op.get("security").([]any); len(security) == 0 {
		return "nobody"
	}
	if strings.HasPrefix(op.text("description"), forAdmins) {
		return "admin"
	}
	return "user"
}

// urlOf fills in the path, from the description's examples where the source says nothing else.
func urlOf(op operation, path, query *tree) string {
	url := op.path
	for _, p := range parametersOf(op) {
		name := p.text("name")
		value := path.get(name)
		if value == nil {
			value = p.get("example")
		}
		url = strings.ReplaceAll(url, "{"+name+"}", plain(value))
	}
	for i, name := range query.keys {
		url += string("?&"[min(i, 1)]) + name + "=" + plain(query.get(name))
	}
	return url
}

// parametersOf lists the parameters of an operation and of its path.
func parametersOf(op operation) (list []*tree) {
	own, _ := op.get("parameters").([]any)
	shared, _ := op.item.get("parameters").([]any)
	for _, p := range slices.Concat(shared, own) {
		list = append(list, resolve(api(), p))
	}
	return list
}

// firstExample returns the value of a media type's first example, nil if it has none.
func firstExample(media *tree) any {
	examples := media.object("examples")
	if len(examples.keys) == 0 {
		return nil
	}
	return resolve(api(), examples.get(examples.keys[0])).get("value")
}

// plain writes a scalar as text.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.RawMessage:
		return string(v)
	}
	return ""
}

// tokenOf names the variable with the token of who makes a step.
func (s step) tokenOf() string {
	if s.as == "admin" {
		return "admin_token"
	}
	return "token"
}

// httpFile writes the tour as the REST Client of VS Code runs it.
func httpFile() []byte {
	var b strings.Builder
	b.WriteString("# HexaMart, call by call, for the REST Client of VS Code and what reads its files. Set the admin's password, and run\n" +
		"# from top to bottom; for another run take another e-mail.\n\n" +
		"@base = " + Base + "\n@email = ann@example.com\n@password = correct horse\n" +
		"@admin_email = admin@hexamart.example\n@admin_password = \n\n")
	for _, f := range tour() {
		fmt.Fprintf(&b, "# ---- %s: %s\n\n", f.name, f.about)
		for _, s := range f.steps {
			s.writeHTTP(&b)
		}
	}
	return []byte(b.String())
}

// writeHTTP writes a step; what it saves is taken from the answer of the call by its name. Calls that save the same have
// the same name, since a variable has one meaning in the whole file: the last answer under that name.
func (s step) writeHTTP(b *strings.Builder) {
	name := s.id()
	if len(s.save.keys) > 0 {
		name = "for_" + s.save.keys[0]
	}
	fmt.Fprintf(b, "### %s (%s)\n# @name %s\n%s {{base}}%s\n", s.name, s.status, name, s.method, s.url)
	if s.as != "nobody" {
		fmt.Fprintf(b, "Authorization: Bearer {{%s}}\n", s.tokenOf())
	}
	for _, h := range s.headers.keys {
		fmt.Fprintf(b, "%s: %s\n", h, s.headers.text(h))
	}
	switch {
	case s.form != nil:
		b.WriteString("Content-Type: application/x-www-form-urlencoded\n\n")
		for i, field := range s.form.keys {
			b.WriteString([]string{"", "&"}[min(i, 1)] + field + "=" + s.form.text(field))
		}
		b.WriteString("\n")
	case s.body != nil:
		b.WriteString("Content-Type: application/json\n\n" + string(indented(s.body)))
	}
	b.WriteString("\n")
	for _, variable := range s.save.keys {
		member := s.save.text(variable)
		if first, ok := strings.CutPrefix(member, "0."); ok {
			member = "[0]." + first
		} else {
			member = "." + member
		}
		fmt.Fprintf(b, "@%s = {{%s.response.body.$%s}}\n\n", variable, name, member)
	}
}
