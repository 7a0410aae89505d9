package handler

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/go-chi/chi/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"hexamart/internal/apperr"
	"hexamart/internal/docs"
	"hexamart/internal/security"
	"hexamart/internal/service"
)

// What the pages of the documents may do: use what this server has, and nothing else. Swagger UI draws its
// icons from data addresses.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// The documents ask neither for a token nor for the database: they are what one reads when all else fails.

func (a *API) openAPI(w http.ResponseWriter, r *http.Request) error {
	return a.respondDocument(w, r, "openapi", docs.OpenAPI)
}

func (a *API) docsPage(w http.ResponseWriter, r *http.Request) error {
	return a.respondDocument(w, r, "ui", docs.UI)
}

func (a *API) docsFile(w http.ResponseWriter, r *http.Request) error {
	name := chi.URLParam(r, "file")
	file, ok := docs.File(name)
	if !ok {
		return errNoPage
	}
	read := func() docs.Document { return file }
	if name == "postman.json" || name == "hexamart.http" {
		return a.respondDocumentHere(w, r, name, read)
	}
	return a.respondDocument(w, r, name, read)
}

func (a *API) reference(w http.ResponseWriter, r *http.Request) error {
	return a.respondDocument(w, r, "reference", docs.Reference)
}

func (a *API) listErrors(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Accept")
	html := wantsHTML(r)
	return a.respondDocument(w, r, fmt.Sprint("errors ", html), func() docs.Document { return docs.ProblemList(html) })
}

func (a *API) getError(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Accept")
	code, html := chi.URLParam(r, "code"), wantsHTML(r)
	if docs.Problems()[code] == 0 {
		return errNoPage
	}
	return a.respondDocumentHere(w, r, fmt.Sprint("error ", code, html), func() docs.Document { return docs.Problem(code, html) })
}

// errNoPage is notFound for those who look at addresses themselves.
var errNoPage = apperr.New(apperr.NotFound, "There is nothing at this address.")

// library keeps the documents as they are answered: some are large, and made of many parts.
type library struct {
	mu     sync.Mutex
	own    map[string]*page          // by the name of the document
	here   *lru.Cache[string, *page] // by its name and the origin of the server that its examples are of
	making *security.Queue           // of those for whom there is none here yet
}

// How many documents are kept for the names that clients know the server by, which they choose, and how many may wait for one to be
// made: it takes a processor for a while, so one is at a time, in turns by address.
const (
	keepHere   = 16
	waitToMake = 10_000
)

func newLibrary() *library {
	here, err := lru.New[string, *page](keepHere)
	if err != nil {
		panic(err) // a wrong number of our own
	}
	return &library{own: map[string]*page{}, here: here, making: security.NewQueue(1, waitToMake)}
}

// get makes a document that is asked for for the first time, while others wait.
func (l *library) get(name string, read func() docs.Document) *page {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.own[name] == nil {
		d := read()
		l.own[name] = newPageOf(d.Type, d.Body)
	}
	return l.own[name]
}

// at is get for a document whose examples are of the server at an origin. It fails where ctx ends before there is a turn to make it.
func (l *library) at(ctx context.Context, asker func() string, origin, name string, read func() docs.Document) (*page, error) {
	p := l.get(name, read)
	if origin == "" {
		return p, nil
	}
	key := name + "\x00" + origin
	if known, ok := l.here.Get(key); ok {
		return known, nil
	}
	leave, err := l.making.Enter(ctx, service.Network(asker()))
	if err != nil {
		return nil, busy(err)
	}
	defer leave()
	if known, ok := l.here.Get(key); ok { // since then
		return known, nil
	}
	d := docs.Document{Type: p.kind, Body: p.body}.At(origin)
	p = newPageOf(d.Type, d.Body)
	p.zipped()
	l.here.Add(key, p)
	return p, nil
}

// respondDocument answers with a document, which read makes the first time.
func (a *API) respondDocument(w http.ResponseWriter, r *http.Request, name string, read func() docs.Document) error {
	sendDocument(w, r, a.library.get(name, read))
	return nil
}

// respondDocumentHere is respondDocument for one with examples, which are of the server as the client knows it.
func (a *API) respondDocumentHere(w http.ResponseWriter, r *http.Request, name string, read func() docs.Document) error {
	p, err := a.library.at(r.Context(), func() string { return clientAddr(r) }, requestOf(r.Context()).origin, name, read)
	if err != nil {
		return err
	}
	defer a.sendingPage(r, p)()
	sendDocument(w, r, p)
	return nil
}

func sendDocument(w http.ResponseWriter, r *http.Request, p *page) {
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	p.send(w, r)
}

// wantsHTML tells browsers, which name it, from programs, which take anything.
func wantsHTML(r *http.Request) bool {
	return strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "text/html")
}

func (a *API) welcome(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Accept")
	if wantsHTML(r) {
		return a.respondDocumentHere(w, r, "welcome", func() docs.Document { return docs.Welcome(a.Version) })
	}
	links := fmt.Appendf(nil, `{"message":"Welcome to HexaMart.","version":%q`, a.Version)
	for _, l := range docs.Links {
		links = fmt.Appendf(links, ",%q:%q", l.Name, l.Path)
	}
	return writeTagged(w, r, "no-cache", "application/json", append(links, "}\n"...))
}
