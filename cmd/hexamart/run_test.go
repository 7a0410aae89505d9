package main

import (
	"regexp"
	"strings"
	"testing"

	"hexamart/internal/testkit"
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
		{"--version", 0, "hexamart dev"},
		{"sreve", 2, `no command "sreve"; did you mean: hexamart serve`},
		{"dance", 2, "only help, serve, migrate"},
		{"help mirgate", 2, "did you mean: hexamart migrate"},
		{"serve --dmeo", 2, "dmeo; did you mean --demo?"},
		{"migrate --chekc", 2, "did you mean --check?"},
		{"migrate --all", 2, "not defined: -all\n"},
		{"admin", 2, "EMAIL"},
		{"SERVE", 2, "did you mean: hexamart serve"},
		{"backup", 2, "backup takes FILE; 0 given"},
		{"seed twice", 2, "seed takes no arguments; 1 given"},
	} {
		if code, out := p.run("", strings.Fields(c.args)...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("hexamart %s: exit %d, %s", c.args, code, out)
		}
	}
}

// TestManual reads the manual: each command has a page with examples, which needs no good settings, and the examples
// are of commands and flags that there are.
func TestManual(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "ALGORITHM=none")
	_, first := p.run("", "help")
	for _, c := range commandList() {
		if !strings.Contains(first, "hexamart "+c.name) {
			t.Errorf("%s is not on the first page", c.name)
		}
		code, page := p.run("", "help", c.name)
		if code != 0 || !strings.Contains(page, c.summary) || c.run != nil && !strings.Contains(page, "\nExamples:\n") {
			t.Errorf("help %s: exit %d, %s", c.name, code, page)
		}
		for _, flag := range []string{"-h", "--help"} {
			if code, same := p.run("", c.name, flag); code != 0 || same != page {
				t.Errorf("%s %s: exit %d, %s", c.name, flag, code, same)
			}
		}
		for _, line := range strings.Split(page, "\n") {
			if len(line) > 120 {
				t.Errorf("%s: a long line: %s", c.name, line)
			}
			for _, m := range regexp.MustCompile(`(?:^  |[ |&])hexamart ([a-z]+)`).FindAllStringSubmatch(line, -1) {
				if commandNamed(m[1]) == nil {
					t.Errorf("%s: there is no command %s", c.name, m[1])
				}
			}
		}
	}
}

// TestMistyped checks that a mistyped setting is named, with the one that was meant, and never its value.
func TestMistyped(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "DATABASE_URL=mysql://root@127.0.0.1:1/shop", "SECRET_KYE=hunter2secret")
	code, out := p.run("", "migrate")
	if code != 2 || !strings.Contains(out, "SECRET_KYE is not a setting; did you mean SECRET_KEY?") || strings.Contains(out, "hunter2secret") {
		t.Errorf("exit %d, %s", code, out)
	}
	p.env = []string{"CORS_ORIGIN=http://a.example"}
	if code, out := p.run("", "healthcheck"); code != 1 || !strings.Contains(out, "did you mean CORS_ORIGINS?") {
		t.Errorf("exit %d, %s", code, out)
	}
}

// TestNoDatabase checks what is said where the database can't be reached.
func TestNoDatabase(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.env = []string{"DATABASE_URL=mysql://root:hunter2secret@" + p.addr + "/shop", "SECRET_KEY=" + testkit.SecretKey}
	p.addr = newPlace(t).addr
	code, out := p.run("", "serve")
	if code != 1 || !strings.Contains(out, "refused") || strings.Contains(out, "hunter2secret") {
		t.Errorf("exit %d, %s", code, out)
	}
}

// TestErrorsOnATerminal fails with what somebody else wrote: it gives the terminal no orders.
func TestErrorsOnATerminal(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t).Clone()
	cfg.DBName = "no%c2%9b2Jsuch" // which begins as ESC [ does
	p := newPlace(t, "DATABASE_URL="+databaseURL(cfg), "SECRET_KEY="+testkit.SecretKey)
	for _, command := range []string{"migrate", "doctor"} {
		code, out := p.run("", command)
		shown := strings.Contains(out, `no\u009b2Jsuch`) || strings.Contains(out, `no\009B2Jsuch`) // as MariaDB shows it by itself
		if code != 1 || !shown || strings.Contains(out, "\u009b") {
			t.Errorf("%s: exit %d, %q", command, code, out)
		}
	}
}

// TestPlain writes out what a terminal would obey, and leaves lines, quotes and letters alone.
func TestPlain(t *testing.T) {
	t.Parallel()
	const text, want = "a \"b\" c\\d é☕\n  \x1b[2J\a\u202e\xff", "a \"b\" c\\d é☕\n  " + `\x1b[2J\a\u202e\xff`
	if got := plain(text); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
