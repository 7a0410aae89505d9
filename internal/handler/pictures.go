package handler

import (
	"bytes"
	"net/http"
	"net/netip"
	"strings"

	"github.com/go-chi/chi/v5"

	"hexamart/internal/pictures"
)

// picturePolicy lets a picture do nothing but be seen.
const picturePolicy = "default-src 'none'; sandbox"

// getPicture serves a picture of the demo catalogue. A picture that is drawn anew gets a new name, so it may be
// kept for good.
func (a *API) getPicture(w http.ResponseWriter, r *http.Request) error {
	picture, ok := pictures.SVG(chi.URLParam(r, "file"))
	if !ok {
		return errNoPage
	}
	h := w.Header()
	h.Set("Content-Security-Policy", picturePolicy)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // storefronts are on other origins
	return writeTagged(w, r, "public, max-age=31536000, immutable", "image/svg+xml", picture)
}

// ownPicture is how a picture of this server's own stands in an answer. In a JSON string the quotes would have
// backslashes, so nobody's text can look like it.
var ownPicture = []byte(`"image_url":"` + pictures.Path)

// withPictures gives the server's own pictures in an answer the address that the client knows the server by: they are
// stored without one, since a shop moves, and a storefront, which is on another origin, needs it.
func withPictures(r *http.Request, body []byte) []byte {
	if !bytes.Contains(body, ownPicture) {
		return body
	}
	return bytes.ReplaceAll(body, ownPicture, []byte(`"image_url":"`+requestOf(r.Context()).origin+pictures.Path))
}

// withoutOrigin takes that address away from a picture that an admin sends back.
func withoutOrigin(r *http.Request, picture *string) *string {
	origin := requestOf(r.Context()).origin
	if picture == nil || origin == "" || !strings.HasPrefix(*picture, origin+pictures.Path) {
		return picture
	}
	path := strings.TrimPrefix(*picture, origin)
	return &path
}

// maxHost is how long a name with a port can be, in bytes. A list has it with each picture: longer ones would make of a short
// request an answer of many MB.
const maxHost = 253 + len(":65535")

// originOf tells by which scheme and host the client reaches the shop. Only the proxies that are trusted may say that it
// is another than the request's own.
func (a *API) originOf(r *http.Request) string {
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if len(a.TrustedProxies) > 0 && a.fromProxy(r) {
		if s := forwarded(r, "X-Forwarded-Proto"); s == "http" || s == "https" {
			scheme = s
		}
		if h := forwarded(r, "X-Forwarded-Host"); h != "" {
			host = h
		}
	}
	odd := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._:[]", c)
	}
	if host == "" || len(host) > maxHost || strings.ContainsFunc(host, odd) {
		return ""
	}
	return scheme + "://" + host
}

// forwarded returns the last value of a header, which the nearest proxy wrote.
func forwarded(r *http.Request, name string) string {
	values := strings.Split(strings.Join(r.Header.Values(name), ","), ",")
	return strings.TrimSpace(values[len(values)-1])
}

func (a *API) fromProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, prefix := range a.TrustedProxies {
		if prefix.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}
