package handler

import (
	"container/list"
	"net/http"
	"sync"

	"hexamart/internal/service"
)

// The limits of answers while they are sent: all of one is in memory until its client has taken it.
const (
	maxSending = 32 << 20 // bytes of all of them
	minSending = 2 << 10  // bytes, below which net/http has an answer in buffers of its own
	zipperSize = 1 << 20  // bytes of what compresses an answer while it is sent, about
)

// sending counts answers while they are sent. When they take too much memory, the oldest one ends of whoever has most.
type sending struct {
	mu      sync.Mutex
	bytes   int
	bodies  map[*byte]int // how many send one: a page may be that of many
	answers *list.List    // of *sent, in the order in which they began
}

// sent is an answer while it is sent.
type sent struct {
	conn  Whole
	asker func() string
	body  *byte
	size  int // bytes
	at    *list.Element
}

func newSending() *sending { return &sending{bodies: map[*byte]int{}, answers: list.New()} }

// begin counts an answer until end. Beside its body it takes so many bytes more.
func (s *sending) begin(r *http.Request, asker func() string, body []byte, more int) (end func()) {
	conn, ok := r.Context().Value(connKey{}).(Whole)
	if !ok || len(body) < minSending || r.Method == http.MethodHead {
		return func() {}
	}
	a := &sent{conn: conn, asker: sync.OnceValue(asker), body: &body[0], size: cap(body) + more}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.at = s.answers.PushBack(a)
	if s.bodies[a.body]++; s.bodies[a.body] == 1 {
		s.bytes += a.size
	}
	for s.bytes > maxSending && s.answers.Len() > 1 {
		oldest := s.oldestOfMost()
		s.remove(oldest)
		oldest.conn.Cut()
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.remove(a)
	}
}

// oldestOfMost returns the oldest answer of whoever has most, not counting the last one, which has only begun.
func (s *sending) oldestOfMost() *sent {
	bytes, oldest := map[string]int{}, map[string]*sent{}
	most := ""
	for at := s.answers.Front(); at != s.answers.Back(); at = at.Next() {
		a := at.Value.(*sent)
		asker := a.asker()
		if oldest[asker] == nil {
			oldest[asker] = a
		}
		if bytes[asker] += a.size; bytes[asker] > bytes[most] {
			most = asker
		}
	}
	return oldest[most]
}

func (s *sending) remove(a *sent) {
	if a.at == nil {
		return
	}
	s.answers.Remove(a.at)
	a.at = nil
	if s.bodies[a.body]--; s.bodies[a.body] == 0 {
		delete(s.bodies, a.body)
		s.bytes -= a.size
	}
}

// countAnswers counts those that are compressed while they are sent, or not at all.
func (a *API) countAnswers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&countedWriter{w, a, r}, r)
	})
}

type countedWriter struct {
	http.ResponseWriter
	api     *API
	request *http.Request
}

func (w *countedWriter) Write(body []byte) (int, error) {
	more := 0
	if w.Header()["Content-Encoding"] == nil && acceptsGzip(w.request.Header["Accept-Encoding"]) {
		more = zipperSize
	}
	defer w.api.sending.begin(w.request, func() string { return service.Network(clientAddr(w.request)) }, body, more)()
	return w.ResponseWriter.Write(body)
}

// Unwrap is for http.ResponseController.
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
