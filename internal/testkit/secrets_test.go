package testkit

import (
	"strings"
	"testing"
)

// verdict is a test that only remembers whether it failed.
type verdict struct {
	testing.TB
	failed bool
}

func (v *verdict) Helper()               {}
func (v *verdict) Errorf(string, ...any) { v.failed = true }

// TestSecretsAreFound checks the search for secrets itself, which every log of a test goes through.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	SecretsIn(`{"email":"ann@example.com","password":"only-here-1","refresh_token":"only-here-2"}`)
	SecretsIn("username=ann&new_password=only+here+3")
	Secret("key", "only-here-4")
	SecretsIn(`{"password":"short"}`)
	SecretsIn(`{"password":"password"}`)
	for text, want := range map[string]bool{
		"x=only-here-1 y": true, "only-here-2": true, `"only here 3"`: true, "(only-here-4)": true, "$2b$12$abc": true, "$2a$04$": true, "Authorization: Bearer abc.def": true,
		"only-here": false, "short password ann@example.com": false, "new_password is wrong": false, `WWW-Authenticate: "Bearer"`: false, "": false,
	} {
		v := &verdict{}
		if NoSecrets(v, "it", strings.Repeat("before ", 20)+text); v.failed != want {
			t.Errorf("%s: %t", text, v.failed)
		}
	}
}
