package main

import (
	"strings"
	"testing"
)

// TestSettings checks that bad settings are all named at once, with exit 2 and without secrets.
func TestSettings(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "DATABASE_URL=mysql://root:hunter2secret@:x/", "ALGORITHM=none", "ADMIN_PASSWORD=swordfish", "LOG_LEVEL=loud")
	code, out := p.run("", "serve")
	if code != 2 {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{"DATABASE_URL", "SECRET_KEY", "ALGORITHM", "ADMIN_EMAIL", "LOG_LEVEL"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not named in %s", want, out)
		}
	}
	for _, secret := range []string{"hunter2secret", "swordfish"} {
		if strings.Contains(out, secret) {
			t.Errorf("a secret stands in %s", out)
		}
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "Usage:"},
		{"help", 0, "Usage:"},
		{"--help", 0, "Usage:"},
		{"serve --help", 0, "Usage:"},
		{"version", 0, "hexamart dev"},
		{"sreve", 2, `no command "sreve"`},
		{"serve --dmeo", 2, "dmeo"},
		{"admin", 2, "EMAIL"},
		{"seed twice", 2, "takes 0 arguments"},
	} {
		if code, out := p.run("", strings.Fields(c.args)...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("hexamart %s: exit %d, %s", c.args, code, out)
		}
	}
}

// TestNoDatabase checks what is said where the database can't be reached.
func TestNoDatabase(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.env = []string{"DATABASE_URL=mysql://root:hunter2secret@" + p.addr + "/shop", "SECRET_KEY=" + strings.Repeat("k", 32)}
	p.addr = newPlace(t).addr
	code, out := p.run("", "serve")
	if code != 1 || !strings.Contains(out, "refused") || strings.Contains(out, "hunter2secret") {
		t.Errorf("exit %d, %s", code, out)
	}
}
