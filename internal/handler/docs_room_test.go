package handler

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"

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
		here := l.at(origin, "a document", read)
		if want := "curl " + origin + "/cart"; string(here.body) != want || l.at(origin, "a document", read) != here {
			t.Fatalf("got %q, want %q", here.body, want)
		}
		if p := l.get("a document", read); p != first || &p.zipped()[0] != &first.zipped()[0] {
			t.Fatal("it was made or compressed anew")
		}
	}
	if made != 1 || l.here.Len() != keepHere || len(l.own) != 1 {
		t.Errorf("made %d times, %d and %d are kept", made, l.here.Len(), len(l.own))
	}
	if p := l.at("", "a document", read); p != first {
		t.Error("a client that names no server gets another document")
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
