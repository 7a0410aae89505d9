package handler

import (
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestLoginForm reads forms of many fields: the first of each that is wanted, and nothing is kept of the others.
func TestLoginForm(t *testing.T) {
	t.Parallel()
	const urlencoded, multipart = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
	part := func(header, value string) string {
		return "--x\r\nContent-Disposition: form-data; " + header + "\r\n\r\n" + value + "\r\n"
	}
	var many, parts strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&many, "&f%d", i)
		parts.WriteString(part(fmt.Sprintf("name=f%d", i), ""))
	}
	for name, c := range map[string]struct{ kind, body, want string }{
		"Pairs":       {urlencoded, "username=a%40b&password=c+d%26&email=e" + many.String(), "a@b|c d&|e"},
		"ManyBefore":  {urlencoded, many.String()[1:] + "&username=a&password=b", "a|b|"},
		"First":       {urlencoded, "username=a&username=b&password=&password=c", "a||"},
		"EscapedName": {urlencoded, "user%6eame=a&&password", "a||"},
		"Nothing":     {urlencoded, "", "||"},
		"Semicolon":   {urlencoded, "username=a;password=b", "malformed"},
		"BadEscape":   {urlencoded, "username=a&x=%zz", "malformed"},
		"BadName":     {urlencoded, "username=a&%zz=1", "malformed"},
		"NoText":      {urlencoded, "username=%ff", "malformed"},
		"Parts":       {multipart, part("name=username", "a@b") + parts.String() + part("name=password", "c\r\nd") + "--x--\r\n", "a@b|c\r\nd|"},
		"FirstPart":   {multipart, part("name=username", "a") + part("name=username", "b") + "--x--\r\n", "a||"},
		"File":        {multipart, part(`name=username; filename="f"`, "a") + part("name=password", "b") + "--x--\r\n", "|b|"},
		"NoEnd":       {multipart, part("name=username", "a"), "malformed"},
		"Nonsense":    {multipart, "nonsense", "malformed"},
		"NoBoundary":  {"multipart/form-data", part("name=username", "a") + "--x--\r\n", "malformed"},
	} {
		r := httptest.NewRequest("POST", "/auth/login?username=query&email=query", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		in, err := decodeLogin(r)
		got := strings.Join([]string{in.Username, in.Password, in.Email}, "|")
		if err != nil {
			got = "malformed"
		}
		if got != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if r.Form != nil || r.PostForm != nil || r.MultipartForm != nil && len(r.MultipartForm.Value) > 0 {
			t.Errorf("%s: the request keeps its form", name)
		}
	}
}

// TestLoginFormIsReadFirst has the end of a body be wrong where its first part is, too: no part is looked at, and its headers kept,
// while the rest may still be withheld.
func TestLoginFormIsReadFirst(t *testing.T) {
	t.Parallel()
	failed := errors.New("the client has gone")
	body := io.MultiReader(strings.NewReader("--x\r\nno header\r\n\r\n"), failingReader{failed})
	r := httptest.NewRequest("POST", "/auth/login", body)
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	if err := (formFields{"username": nil}).readParts(r); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
}
