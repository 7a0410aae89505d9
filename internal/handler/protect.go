package handler

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"hexamart/internal/apperr"
	"hexamart/internal/security"
)

// What all answers tell browsers, as ready values that all share: an answer is no page, loads nothing, is shown
// in no frame, and its address is nobody's business. A handler that answers with a page says so itself.
var (
	noSniff    = []string{"nosniff"}
	noFrames   = []string{"DENY"}
	noReferrer = []string{"no-referrer"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	onlyTLS    = []string{"max-age=31536000"} // seconds: a year
)

func (a *API) protect(h http.Header, r *http.Request) {
	h["X-Content-Type-Options"] = noSniff
	h["X-Frame-Options"] = noFrames
	h["Referrer-Policy"] = noReferrer
	h["Content-Security-Policy"] = noContent
	if a.overTLS(r) {
		h["Strict-Transport-Security"] = onlyTLS
	}
}

// overTLS reports whether the client speaks TLS, with the shop or with a proxy that is to be believed.
func (a *API) overTLS(r *http.Request) bool {
	return r.TLS != nil || len(a.TrustedProxies) > 0 && strings.EqualFold(forwarded(r, "X-Forwarded-Proto"), "https") && a.fromProxy(r)
}

// refuseForeignPages keeps pages of origins that are not listed from changing anything: a form, or a body without a type, is sent
// by a browser without asking first, from its user's address, and counts as that one's.
func (a *API) refuseForeignPages(next http.Handler) http.Handler {
	return a.handle(func(w http.ResponseWriter, r *http.Request) error {
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
		if !safe && a.isForeign(r) {
			return apperr.New(apperr.ForeignPage, "Pages of another site may not do this. Who runs the shop can list their origin in CORS_ORIGINS.")
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// isForeign reports whether a browser asks for a page that is neither of a listed origin nor the shop's own. What is no browser
// says nothing of pages. A name that nobody has told the shop may be somebody else's, who has given it the shop's address.
func (a *API) isForeign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" && r.Header.Get("Sec-Fetch-Site") == "" || slices.Contains(a.CORSOrigins, origin) {
		return false
	}
	var pages http.CrossOriginProtection
	own := a.originOf(r)
	return !a.isNamed(own) || pages.Check(r) != nil && origin != own
}

// isNamed reports whether an origin is surely the shop's: by an address, by TLS, by a name of this machine's alone or of an origin that
// is listed.
func (a *API) isNamed(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	host := u.Hostname()
	_, err = netip.ParseAddr(host)
	return err == nil || u.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		slices.ContainsFunc(a.CORSOrigins, func(listed string) bool {
			l, err := url.Parse(listed)
			return err == nil && l.Hostname() == host
		})
}

// The limits of bodies, in bytes. Any that the shop has use for are small, however they are escaped: those beyond get one of few
// places, as large heads do. It takes more than a hundred addresses to have all of them.
const (
	maxBody          = 64 << 10
	smallBody        = 8 << 10
	maxLargeBodies   = 512 // at once
	largeBodiesOfOne = 5   // address, or network of 48 bits
)

var errCrowded = errors.New("too many large requests at once")

// limitBody bounds what is read of a body, and of all at once. One that is compressed is not unpacked.
func (a *API) limitBody(next http.Handler) http.Handler {
	return a.handle(func(w http.ResponseWriter, r *http.Request) error {
		if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
			return apperr.New(apperr.UnsupportedMedia, "The body must not be compressed.")
		}
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return nil
		}
		body := &boundedBody{ReadCloser: http.MaxBytesReader(w, r.Body, maxBody), length: r.ContentLength}
		body.enter = func() (leave func(), err error) {
			return a.largeBodies.EnterAs(r.Context(), "", security.Customer(a.asker(r)))
		}
		body.conn, _ = r.Context().Value(connKey{}).(Whole)
		defer body.leave()
		r.Body = body
		next.ServeHTTP(w, r)
		return nil
	})
}

// The head of a request is kept for as long as that takes. Few are large, which browsers' are not: 8 KiB is a lot of cookies.
const (
	LargeHead       = 8 << 10 // bytes from which on a head is large
	HeaderCost      = 64      // bytes that count for each header besides its own
	MaxLargeHeads   = 1024    // at once
	LargeHeadsOfOne = 10      // address, or network of 48 bits
)

// limitHead bounds how many requests with a large head there are at once.
func (a *API) limitHead(next http.Handler) http.Handler {
	return a.handle(func(w http.ResponseWriter, r *http.Request) error {
		if headSize(r) > LargeHead {
			leave, err := a.largeHeads.EnterAs(r.Context(), "", security.Customer(a.asker(r)))
			if err != nil {
				return bodyError(errCrowded)
			}
			defer leave()
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

func headSize(r *http.Request) int {
	size := len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + HeaderCost
		}
	}
	return size
}

// boundedBody takes a place among the large ones when it turns out to be one.
type boundedBody struct {
	io.ReadCloser
	length int64 // that the client has announced; -1 if none
	conn   Whole // nil if it is none
	read   int
	enter  func() (leave func(), err error)
	left   func() // nil while it is a small one
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.length > maxBody { // a client that asks first is not told to go on
		return 0, &http.MaxBytesError{Limit: maxBody}
	}
	if b.read >= smallBody && b.left == nil {
		leave, err := b.enter()
		if err != nil {
			return 0, errCrowded
		}
		b.left = leave
	}
	n, err := b.ReadCloser.Read(p)
	b.read += n
	if b.conn != nil && errors.Is(err, io.EOF) {
		b.conn.Heard()
	}
	return n, err
}

func (b *boundedBody) leave() {
	if b.left != nil {
		b.left()
	}
}
