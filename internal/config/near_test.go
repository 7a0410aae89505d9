package config

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	choices := []string{"serve", "seed", "migrate", "admin", "CORS_ORIGINS", "ADDR"}
	for word, want := range map[string]string{
		"sreve": "serve", "serv": "serve", "server": "serve", "sed": "seed", "mirgate": "migrate", "migrations": "",
		"amdin": "admin", "CORS_ORIGIN": "CORS_ORIGINS", "CROS_ORIGNS": "CORS_ORIGINS", "ADRR": "ADDR", "DADA": "", "": "", "x": "", "serve": "",
	} {
		if got := Nearest(word, choices); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func TestMistypedVariables(t *testing.T) {
	t.Parallel()
	c, err := parse(map[string]string{"CORS_ORIGIN": "http://a.example", "SECRET_KYE": "hunter2", "ADMIN_PASSWRD": "hunter2", "LOG_LEVEL": "info", "LOG_LEVELS": "x",
		"PATH": "/bin", "HOME": "/", "MAIL_SERVER": "old", "HEXAMART_MYSQLDD": "x"})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(c.Warnings, "\n")
	const want = "ADMIN_PASSWRD is not a setting; did you mean ADMIN_PASSWORD?\n" +
		"CORS_ORIGIN is not a setting; did you mean CORS_ORIGINS?\n" +
		"HEXAMART_MYSQLDD is not a setting; did you mean HEXAMART_MYSQLD?\n" +
		"SECRET_KYE is not a setting; did you mean SECRET_KEY?" // and LOG_LEVEL is set besides
	if got != want {
		t.Errorf("got\n%s", got)
	}
}
