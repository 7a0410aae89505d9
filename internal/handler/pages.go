package handler

import (
	"bytes"
	"context"
	"hash/maphash"
	"net/http"
	"sync"
	"time"

	"hexamart/internal/model"
	"hexamart/internal/service"
)

// The limits of what is kept of answers that are the same for everybody.
const (
	pageAge    = time.Second - service.NamesAge // beyond a second another instance's writes, or those by hand, must show
	maxKept    = 8 << 20                        // bytes of all of them
	maxPageKey = 300                            // bytes; longer queries are hardly asked twice
	pageCost   = 1 << 10                        // bytes of a page beside its body and key, about
	longPage   = 20 * time.Millisecond
	restAfter  = 4 // times what it took
)

// page is an answer that is the same for everybody, encoded.
type page struct {
	kind   string // media type
	body   []byte
	tag    string
	header http.Header // of a list: Link, X-Total-Count
	zipped func() []byte

	size    int       // bytes that it takes while it is kept
	made    time.Time // before it was read
	version uint64    // of the products when it was read
	edition uint64    // likewise
	took    time.Duration
	long    bool
}

// content is what a page is made of.
type content struct {
	v      any
	header http.Header // of a list: Link, X-Total-Count
	read   time.Time   // when reading began, zero if that was at once
	long   bool        // that may take long
}

func newPage(r *http.Request, c content) (*page, error) {
	var body []byte
	if err := encode(c.v, func(encoded []byte) {
		if body = withPictures(r, encoded); len(body) == len(encoded) {
			body = bytes.Clone(encoded)
		}
	}); err != nil {
		return nil, err
	}
	p := newPageOf("application/json", body)
	p.header, p.made, p.long = c.header, c.read, c.long
	return p, nil
}

// newPageOf compresses its body when that is asked for, once.
func newPageOf(kind string, body []byte) *page {
	return &page{kind: kind, body: body, tag: tagOf(body), zipped: sync.OnceValue(func() []byte { return zip(body) })}
}

// pages keeps what was asked for again, for a moment, and lets those who ask at once for one thing share the
// work. What this instance writes makes all it keeps void, but see holds.
type pages struct {
	flights flights
	seed    maphash.Seed

	mu    sync.RWMutex
	kept  map[string]*page
	bytes int
	asked [1 << 12]uint64 // what was asked for lately: a page is kept from its second time on
}

func newPages() *pages {
	return &pages{flights: flights{under: map[string]*flight{}}, seed: maphash.MakeSeed(), kept: map[string]*page{}}
}

// versions are those of the products.
type versions interface {
	Version() uint64
	Edition() uint64
}

// holds reports whether a page may still be shown: nothing was written since. Where it took long to read, stock may have
// changed for a moment: who sells and takes back again and again does not keep the shop from everything else.
func (p *page) holds(of versions) bool {
	age := time.Since(p.made)
	return age < pageAge && p.edition == of.Edition() &&
		(p.version == of.Version() || p.long && p.took >= longPage && age < restAfter*p.took)
}

// get returns the page of a key as it is at the present version of the products, from what is kept or by fill, which
// others who ask meanwhile share. fill calls begin, like a fillPage, and says when it began to read, if that was not at once.
func (ps *pages) get(ctx context.Context, key string, asker func() string, of versions, fill func(ctx context.Context, begin func() error) (*page, error)) (*page, error) {
	ps.mu.RLock()
	p := ps.kept[key]
	ps.mu.RUnlock()
	if p != nil && p.holds(of) {
		return p, nil
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout) // with all waiting for others
	defer cancel()
	return ps.flights.do(ctx, key, asker(), of, func(version uint64, begin func() error) (*page, error) {
		asked, edition := time.Now(), of.Edition()
		p, err := fill(ctx, begin)
		if err != nil {
			return nil, err
		}
		if p.made.IsZero() {
			p.made = asked
		}
		p.version, p.edition, p.took = version, edition, time.Since(p.made)
		ps.keep(key, p)
		return p, nil
	})
}

func (ps *pages) keep(key string, p *page) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	hash := maphash.String(ps.seed, key)
	if seen := &ps.asked[hash%uint64(len(ps.asked))]; *seen != hash {
		*seen = hash
		return
	}
	if old := ps.kept[key]; old != nil {
		ps.bytes -= old.size
		delete(ps.kept, key)
	}
	p.size = pageCost + len(key) + len(p.body) + len(p.body)/4 // the last is what it has when it is compressed
	if ps.bytes+p.size > maxKept {
		for k, old := range ps.kept {
			if time.Since(old.made) >= pageAge || old.version != p.version {
				ps.bytes -= old.size
				delete(ps.kept, k)
			}
		}
	}
	if ps.bytes+p.size <= maxKept {
		ps.kept[key] = p
		ps.bytes += p.size
	}
}

// respondPage answers with what fill reads, or what it read a moment ago: as JSON with an entity tag, or
// with 304 to a client that has it already. Caches may keep it and must ask each time.
func (a *API) respondPage(w http.ResponseWriter, r *http.Request, fill func(ctx context.Context, asker model.Asker) (content, error)) error {
	read := func(ctx context.Context, begin func() error) (*page, error) {
		if a.Observe.Read != nil {
			a.Observe.Read()
		}
		c, err := fill(ctx, model.Asker{Address: a.asker(r), Begin: begin})
		if err != nil {
			return nil, err
		}
		return newPage(r, c)
	}
	var p *page
	var err error
	if key := requestOf(r.Context()).origin + routePath(r) + "\x00" + r.URL.RawQuery; len(key) <= maxPageKey {
		p, err = a.pages.get(r.Context(), key, func() string { return a.asker(r) }, a.Services.Products, read)
	} else {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		p, err = read(ctx, nil)
	}
	if err != nil {
		return err
	}
	defer a.sendingPage(r, p)()
	p.write(w, r)
	return nil
}

// sendingPage counts a page until end.
func (a *API) sendingPage(r *http.Request, p *page) (end func()) {
	zipped := len(p.body) / 4 // what it has beside when it is compressed, about
	return a.sending.begin(r, func() string { return a.asker(r) }, p.body, zipped)
}

func (p *page) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, values := range p.header {
		h[name] = values
	}
	h["Vary"] = append(h["Vary"], "Accept-Encoding")
	p.send(w, r)
}

// send answers where the choice of the encoding is in Vary already.
func (p *page) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Cache-Control"] = noCache
	if sent := r.Header["If-None-Match"]; sent != nil {
		if known := namedTag(sent, p.tag); known != "" {
			h.Set("ETag", known)
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	body := p.body
	if acceptsGzip(r.Header["Accept-Encoding"]) {
		body = p.zipped()
		h.Set("Content-Encoding", "gzip")
		h.Set("ETag", `"`+p.tag+gzipTag+`"`)
	} else {
		h.Set("ETag", `"`+p.tag+`"`)
	}
	inOnePiece(r, body)
	write(w, http.StatusOK, p.kind, body)
}

var noCache = []string{"no-cache"}
