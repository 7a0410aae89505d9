package handler

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"hexamart/internal/apperr"
	"hexamart/internal/docs"
)

// What the pages of the documents may do: use what this server has, and nothing else. Swagger UI draws its
// icons from data addresses.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// The documents ask neither for a token nor for the database: they are what one reads when all else fails.

func (a *API) openAPI(w http.ResponseWriter, r *http.Request) error {
	return respondDocument(w, r, docs.OpenAPI())
}

func (a *API) docsPage(w http.ResponseWriter, r *http.Request) error {
	return respondDocument(w, r, docs.UI())
}

func (a *API) docsFile(w http.ResponseWriter, r *http.Request) error {
	name := chi.URLParam(r, "file")
	file, ok := docs.File(name)
	if !ok {
		return errNoPage
	}
	if name == "postman.json" || name == "hexamart.http" {
		file = file.At(requestOf(r.Context()).origin)
	}
	return respondDocument(w, r, file)
}

func (a *API) reference(w http.ResponseWriter, r *http.Request) error {
	return respondDocument(w, r, docs.Reference())
}

func (a *API) listErrors(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Accept")
	return respondDocument(w, r, docs.ProblemList(wantsHTML(r)))
}

func (a *API) getError(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Accept")
	page, ok := docs.Problem(chi.URLParam(r, "code"), wantsHTML(r))
	if !ok {
		return errNoPage
	}
	return respondDocument(w, r, page.At(requestOf(r.Context()).origin))
}

// errNoPage is notFound for those who look at addresses themselves.
var errNoPage = apperr.New(apperr.NotFound, "There is nothing at this address.")

func respondDocument(w http.ResponseWriter, r *http.Request, d docs.Document) error {
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	return writeTagged(w, r, "no-cache", d.Type, d.Body)
}

// wantsHTML tells browsers, which name it, from programs, which take anything.
func wantsHTML(r *http.Request) bool {
	return strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "text/html")
}

func (a *API) welcome(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Accept")
	if wantsHTML(r) {
		return respondDocument(w, r, docs.Welcome(a.Version).At(requestOf(r.Context()).origin))
	}
	links := fmt.Appendf(nil, `{"message":"Welcome to HexaMart.","version":%q`, a.Version)
	for _, l := range docs.Links {
		links = fmt.Appendf(links, ",%q:%q", l.Name, l.Path)
	}
	return writeTagged(w, r, "no-cache", "application/json", append(links, "}\n"...))
}
