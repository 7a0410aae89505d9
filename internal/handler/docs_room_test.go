package handler

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"hexamart/internal/docs"
	"hexamart/internal/security"
	"hexamart/internal/service"
)

// TestDocumentsAreMadeOnce asks for documents again and again, under names of the server that a client makes up: each is
// made and compressed once, and a few are kept for such names.
func TestDocumentsAreMadeOnce(t *testing.T) {
	t.Parallel()
	l, made := newLibrary(), 0
	read := func() docs.Document {
		made++
		return docs.Document{Type: "text/plain", Body: []byte("curl " + docs.Base + "/cart")}
	}
	first := l.get("a document", read)
	for i := range 1000 {
		origin := fmt.Sprintf("http://host%d.example", i)
		here := at(t, l, origin, read)
		if want := "curl " + origin + "/cart"; string(here.body) != want || at(t, l, origin, read) != here {
			t.Fatalf("got %q, want %q", here.body, want)
		}
		if p := l.get("a document", read); p != first || &p.zipped()[0] != &first.zipped()[0] {
			t.Fatal("it was made or compressed anew")
		}
	}
	if made != 1 || l.here.Len() != keepHere || len(l.own) != 1 {
		t.Errorf("made %d times, %d and %d are kept", made, l.here.Len(), len(l.own))
	}
	if p := at(t, l, "", read); p != first {
		t.Error("a client that names no server gets another document")
	}
}

func at(t *testing.T, l *library, origin string, read func() docs.Document) *page {
	t.Helper()
	p, err := l.at(t.Context(), func() string { return "198.51.100.1" }, origin, "a document", read)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDocumentsAreMadeInTurn has somebody elsewhere make a document: who needs another one that is not there yet waits, and who needs one
// that is there does not.
func TestDocumentsAreMadeInTurn(t *testing.T) {
	t.Parallel()
	a := &API{Log: slog.New(slog.DiscardHandler), Services: service.New(nil, nil, nil, security.NewLimiter(0, 0), 0)}
	router := a.Routes()
	ask := func(host, path string) int {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		r, w := httptest.NewRequest("GET", path, nil).WithContext(ctx), httptest.NewRecorder()
		r.Host = host
		router.ServeHTTP(w, r)
		return w.Code
	}
	if status := ask("shop.example", "/docs/postman.json"); status != 200 {
		t.Fatalf("status %d", status)
	}
	leave, err := a.library.making.Enter(t.Context(), "198.51.100.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		host, path string
		want       int
	}{
		{"shop.example", "/docs/postman.json", 200}, {"other.example", "/docs/postman.json", 503}, {"other.example", "/openapi.json", 200},
		{"other.example", "/", 200}, {"other.example", "/pictures/lamp.svg", 404},
	} {
		if got := ask(c.host, c.path); got != c.want {
			t.Errorf("%s of %s: status %d, want %d", c.path, c.host, got, c.want)
		}
	}
	leave()
	if status := ask("other.example", "/docs/postman.json"); status != 200 {
		t.Errorf("afterwards: status %d", status)
	}
}

// TestLargeDocumentIsKept asks the whole way for the largest document: what is sent is the one that was compressed first.
func TestLargeDocumentIsKept(t *testing.T) {
	t.Parallel()
	a := &API{Log: slog.New(slog.DiscardHandler), Services: service.New(nil, nil, nil, security.NewLimiter(0, 0), 0)}
	router := a.Routes()
	for range 2 {
		r := httptest.NewRequest("GET", "/docs/swagger-ui-bundle.js", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		kept := a.library.own["swagger-ui-bundle.js"]
		if w.Code != 200 || kept == nil || w.Header().Get("Content-Encoding") != "gzip" || w.Body.String() != string(kept.zipped()) || len(w.Header().Values("Vary")) == 0 {
			t.Fatalf("%d %v, %d bytes", w.Code, w.Header(), w.Body.Len())
		}
	}
}
