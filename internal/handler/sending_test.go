package handler

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"hexamart/internal/docs"
)

// slowConn is a connection whose client takes their time.
type slowConn struct{ cut bool }

func (*slowConn) Whole()  {}
func (*slowConn) Linger() {}
func (*slowConn) Heard()  {}
func (c *slowConn) Cut()  { c.cut = true }

// TestSendingRoom sends more than there is room for: the oldest answers of whoever has most are cut, and nobody else's.
func TestSendingRoom(t *testing.T) {
	t.Parallel()
	s := newSending()
	begin := func(asker string, body []byte) (*slowConn, func()) {
		conn := &slowConn{}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		return conn, s.begin(r.WithContext(context.WithValue(r.Context(), connKey{}, conn)), func() string { return asker }, body, 0)
	}
	const part = maxSending / 8
	shared := make([]byte, 2*part)
	var ends []func()
	var conns []*slowConn
	for _, c := range []struct {
		asker string
		body  []byte
	}{
		{"ann", make([]byte, 2*part)},                     // 0
		{"bob", shared}, {"bob", shared}, {"bob", shared}, // 1 to 3
		{"eve", make([]byte, part)}, {"eve", make([]byte, part)}, {"eve", make([]byte, part)}, // 4 to 6
		{"ann", make([]byte, minSending-1)}, {"eve", make([]byte, part)}, {"fay", make([]byte, part)}, // 7 to 9
	} {
		conn, end := begin(c.asker, c.body)
		conns, ends = append(conns, conn), append(ends, end)
	}
	for i, conn := range conns {
		if conn.cut != (i == 4) {
			t.Errorf("answer %d: cut is %t", i, conn.cut)
		}
	}
	ends[0]()
	if conn, end := begin("gil", make([]byte, 2*part)); conn.cut || conns[5].cut {
		t.Error("there is no room where something has ended")
	} else {
		ends = append(ends, end)
	}
	if conn, end := begin("gil", make([]byte, 2*maxSending)); conn.cut || !conns[1].cut || !conns[9].cut {
		t.Error("one that is larger than the room does not have it for itself")
	} else {
		ends = append(ends, end)
	}
	for _, end := range ends {
		end()
	}
	if s.bytes != 0 || len(s.bodies) != 0 || len(s.senders) != 0 {
		t.Errorf("%d bytes of %d bodies and %d senders are left", s.bytes, len(s.bodies), len(s.senders))
	}
}

// TestSendingToNetworks sends a page to each of many networks of one customer's, and one that is larger to somebody else: that is not cut.
func TestSendingToNetworks(t *testing.T) {
	t.Parallel()
	s := newSending()
	begin := func(asker string, size int) *slowConn {
		conn := &slowConn{}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		s.begin(r.WithContext(context.WithValue(r.Context(), connKey{}, conn)), func() string { return asker }, make([]byte, size), 0)
		return conn
	}
	ann, first := begin("2001:db8:2:1::/64", maxSending/50), begin("2001:db8:1:ffff::/64", maxSending/100)
	for i := range 200 {
		begin(fmt.Sprintf("2001:db8:1:%x::/64", i), maxSending/100)
	}
	if !first.cut {
		t.Error("there is room for more than there is")
	}
	if ann.cut {
		t.Error("somebody else's answer was cut")
	}
}

// writing is an answer of which one sees how it is written.
type writing struct {
	*httptest.ResponseRecorder
	see func()
}

func (w writing) Write(p []byte) (int, error) {
	w.see()
	return w.ResponseRecorder.Write(p)
}

// TestCompressedIsCounted looks at what is counted while an answer is written, compressed or not, and after it.
func TestCompressedIsCounted(t *testing.T) {
	t.Parallel()
	a := &API{sending: newSending()}
	a.findClient = a.clientIP()
	body := make([]byte, 10*minSending)
	answer := a.compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, "application/json", body) }))
	for encoding, least := range map[string]int{"identity": len(body), "gzip": len(body) + 1} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", encoding)
		seen := 0
		for i := range body { // so that it does not get small
			body[i] = byte(rand.IntN(256))
		}
		answer.ServeHTTP(writing{httptest.NewRecorder(), func() { seen = a.sending.bytes }}, r.WithContext(context.WithValue(r.Context(), connKey{}, &slowConn{})))
		if seen < least || a.sending.bytes != 0 {
			t.Errorf("%s: %d bytes are counted, %d after it", encoding, seen, a.sending.bytes)
		}
	}
}

// TestSendingIsQuick has thousands take a page that is kept for all, and some large ones beside: what gives way is found at once, not
// by a look at each of them for each.
func TestSendingIsQuick(t *testing.T) {
	t.Parallel()
	s := newSending()
	shared, cut := make([]byte, maxSending/8), 0
	var ends []func()
	begin := func(body []byte) {
		conn := &slowConn{}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		end := s.begin(r.WithContext(context.WithValue(r.Context(), connKey{}, conn)), func() string { return "eve" }, body, 0)
		ends = append(ends, func() {
			if end(); conn.cut {
				cut++
			}
		})
	}
	for range 4000 {
		begin(shared)
	}
	for range 7 {
		begin(make([]byte, maxSending/8))
	}
	if parts := s.senders["eve"].parts.Len(); parts != 8 || s.bytes != maxSending {
		t.Errorf("%d parts of %d bytes", parts, s.bytes)
	}
	begin(make([]byte, maxSending/8))
	for _, end := range ends {
		end()
	}
	if cut != 4000 || s.bytes != 0 || len(s.senders) != 0 {
		t.Errorf("%d were cut, %d bytes to %d senders are left", cut, s.bytes, len(s.senders))
	}
}

// TestDocumentsAreCounted looks at what is counted while a document is written that was made for a host.
func TestDocumentsAreCounted(t *testing.T) {
	t.Parallel()
	a := &API{sending: newSending(), library: newLibrary()}
	a.findClient = a.clientIP()
	large := make([]byte, 10*minSending)
	answer := a.compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = a.respondDocumentHere(w, r, "large", func() docs.Document { return docs.Document{Type: "application/json", Body: large} })
	}))
	r, seen := httptest.NewRequest(http.MethodGet, "/", nil), 0
	r.Header.Set("Accept-Encoding", "gzip") // in which there is next to nothing of it
	answer.ServeHTTP(writing{httptest.NewRecorder(), func() { seen = a.sending.bytes }}, r.WithContext(context.WithValue(r.Context(), connKey{}, &slowConn{})))
	if seen < len(large) || a.sending.bytes != 0 {
		t.Errorf("%d bytes are counted, %d after it", seen, a.sending.bytes)
	}
}
