package docs

import (
	"fmt"
	"strconv"
	"strings"
)

// postman writes the tour as a collection for Postman and newman (format 2.1).
func postman() []byte {
	info := newTree().set("name", "HexaMart").
		set("description", "Every call of the shop, in an order that works from top to bottom on the demo catalogue. Set base, admin_email and admin_password; run it all, or log in and try what you like.").
		set("schema", "https://schema.getpostman.com/json/collection/v2.1.0/collection.json")
	items := []any{}
	for _, f := range tour() {
		calls := []any{}
		for _, s := range f.steps {
			calls = append(calls, s.postman())
		}
		items = append(items, newTree().set("name", f.name).set("description", f.about).set("item", calls))
	}
	variables := []any{}
	for _, v := range [][2]string{{"base", Base}, {"email", ""}, {"password", "correct horse"},
		{"admin_email", "admin@hexamart.example"}, {"admin_password", ""}, {"token", ""}, {"admin_token", ""}} {
		variables = append(variables, newTree().set("key", v[0]).set("value", v[1]))
	}
	return indented(newTree().set("info", info).set("item", items).set("variable", variables))
}

func (s step) postman() *tree {
	request := newTree().set("method", s.method).set("description", s.text("description"))
	auth := newTree().set("type", "noauth")
	if s.as != "nobody" {
		auth = newTree().set("type", "bearer").set("bearer", []any{
			newTree().set("key", "token").set("value", "{{"+s.tokenOf()+"}}").set("type", "string")})
	}
	headers := []any{}
	for _, name := range s.headers.keys {
		headers = append(headers, newTree().set("key", name).set("value", s.headers.text(name)))
	}
	switch {
	case s.form != nil:
		fields := []any{}
		for _, name := range s.form.keys {
			fields = append(fields, newTree().set("key", name).set("value", s.form.text(name)))
		}
		request.set("body", newTree().set("mode", "urlencoded").set("urlencoded", fields))
	case s.body != nil:
		headers = append(headers, newTree().set("key", "Content-Type").set("value", "application/json"))
		request.set("body", newTree().set("mode", "raw").set("raw", strings.TrimSpace(string(indented(s.body)))).
			set("options", newTree().set("raw", newTree().set("language", "json"))))
	}
	request.set("auth", auth).set("header", headers).set("url", "{{base}}"+s.url)
	events := []any{}
	if s.id() == "register" && s.code == "" {
		events = append(events, script("prerequest", "pm.collectionVariables.set('email', 'ann-' + Date.now() + '@example.com');"))
	}
	events = append(events, script("test", s.tests()...))
	return newTree().set("name", s.name).set("event", events).set("request", request)
}

func script(listen string, lines ...string) *tree {
	exec := []any{}
	for _, line := range lines {
		exec = append(exec, line)
	}
	return newTree().set("listen", listen).set("script", newTree().set("type", "text/javascript").set("exec", exec))
}

// tests are the lines that judge the answer to a step, and keep what later ones need.
func (s step) tests() []string {
	lines := []string{
		"pm.test('is answered with " + s.status + "', () => pm.response.to.have.status(" + s.status + "));",
		"pm.test('has a request id', () => pm.response.to.have.header('X-Request-Id'));",
	}
	kinds := resolve(api(), s.object("responses").get(s.status)).object("content")
	var types []string
	for _, kind := range kinds.keys {
		types = append(types, strconv.Quote(kind))
	}
	lines = append(lines, fmt.Sprintf("pm.test('is of a kind that is described', () => pm.expect([%s]).to.include(pm.response.headers.get('Content-Type').split(';')[0]));",
		strings.Join(types, ", ")))
	if kinds.get("application/json") == nil && s.code == "" {
		return append(lines, "pm.test('is not empty', () => pm.expect(pm.response.text()).to.not.be.empty);")
	}
	lines = append(lines, "const body = pm.response.json();")
	if s.code != "" {
		lines = append(lines, fmt.Sprintf("pm.test('says %s', () => { pm.expect(body.code).to.eql('%s'); pm.expect(body.type).to.eql('%s'); });",
			s.code, s.code, ProblemPath(s.code)))
	}
	for _, check := range s.check {
		lines = append(lines, fmt.Sprintf("pm.test(%q, () => { %s; });", strings.NewReplacer("pm.expect", "", "\\", "").Replace(check), check))
	}
	for _, variable := range s.save.keys {
		member := s.save.text(variable)
		if first, ok := strings.CutPrefix(member, "0."); ok {
			member = "[0]." + first
		} else {
			member = "." + member
		}
		lines = append(lines, fmt.Sprintf("pm.collectionVariables.set('%s', body%s);", variable, member))
	}
	return lines
}
