package testkit

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// known are the secrets of all the tests of this run: whatever a server writes must have none of them.
var known struct {
	sync.Mutex
	list map[string]string // what each is
}

// secretNames are the fields of requests and answers that hold secrets.
var secretNames = regexp.MustCompile(`^(password|old_password|new_password|access_token|refresh_token)$`)

// shortest is the length of a secret, in bytes, below which it may be part of any text.
const shortest = 8

// ordinary are words that tests send as bad passwords, and that logs have of themselves.
var ordinary = regexp.MustCompile(`^(?i)(password|change-password|/?[a-z_]+/?)$`)

// Secret makes a text known as one that nothing may show.
func Secret(what, text string) {
	if len(text) < shortest || ordinary.MatchString(text) {
		return
	}
	known.Lock()
	defer known.Unlock()
	if known.list == nil {
		known.list = map[string]string{}
	}
	known.list[text] = what
}

// SecretsIn makes known what a body, a JSON object or a form, holds in fields such as password.
func SecretsIn(body string) {
	var members map[string]any
	if json.Unmarshal([]byte(body), &members) == nil {
		for name, v := range members {
			if text, ok := v.(string); ok && secretNames.MatchString(name) {
				Secret(name, text)
			}
		}
		return
	}
	if form, err := url.ParseQuery(body); err == nil {
		for name := range form {
			if secretNames.MatchString(name) {
				Secret(name, form.Get(name))
			}
		}
	}
}

// hash is what bcrypt makes, and bearer a token as a header has it.
var hash, bearer = regexp.MustCompile(`\$2[aby]\$\d\d\$`), regexp.MustCompile(`(?i)bearer [a-z0-9_-]+\.`)

// NoSecrets fails the test if something that a server wrote has a secret, a hash or a token's header.
func NoSecrets(t testing.TB, where, text string) {
	t.Helper()
	for _, shape := range []*regexp.Regexp{hash, bearer} {
		if found := shape.FindStringIndex(text); found != nil {
			t.Errorf("%s has %s", where, around(text, found[0], found[1]))
		}
	}
	known.Lock()
	defer known.Unlock()
	for secret, what := range known.list {
		if at := strings.Index(text, secret); at >= 0 {
			t.Errorf("%s has a secret, %s: %s", where, what, around(text, at, at+len(secret)))
		}
	}
}

func around(text string, from, to int) string { return text[max(0, from-80):min(len(text), to+20)] }
