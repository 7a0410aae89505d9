package handler

import (
	"container/list"
	"net/http"
	"sync"
)

// The limits of answers while they are sent: all of one is in memory until its client has taken it.
const (
	maxSending = 32 << 20 // bytes of all of them
	minSending = 2 << 10  // bytes, below which net/http has an answer in buffers of its own
)

// sending counts answers while they are sent. When they take too much memory, the oldest one ends of whoever has most.
type sending struct {
	mu      sync.Mutex
	bytes   int
	bodies  map[*byte]*sharedBody
	answers *list.List // of *sent, in the order in which they began
}

// sharedBody is what an answer is of: a page may be that of many.
type sharedBody struct {
	start *byte
	size  int // bytes
	sends int // how many send it
}

// sent is an answer while it is sent.
type sent struct {
	conn  Whole
	asker string
	body  *sharedBody
	at    *list.Element
}

func newSending() *sending { return &sending{bodies: map[*byte]*sharedBody{}, answers: list.New()} }

// begin counts an answer until end. Beside its body it takes so many bytes more.
func (s *sending) begin(r *http.Request, asker func() string, body []byte, more int) (end func()) {
	conn, ok := r.Context().Value(connKey{}).(Whole)
	if !ok || len(body) < minSending || r.Method == http.MethodHead {
		return func() {}
	}
	a := &sent{conn: conn, asker: asker()}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.at = s.answers.PushBack(a)
	if a.body = s.bodies[&body[0]]; a.body == nil {
		a.body = &sharedBody{&body[0], cap(body) + more, 0}
		s.bodies[a.body.start] = a.body
		s.bytes += a.body.size
	}
	a.body.sends++
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

// oldestOfMost returns the oldest answer of whoever has most, not counting the last one, which has only begun. Of what many
// send each has a part.
func (s *sending) oldestOfMost() *sent {
	bytes, oldest := map[string]int{}, map[string]*sent{}
	most := ""
	for at := s.answers.Front(); at != s.answers.Back(); at = at.Next() {
		a := at.Value.(*sent)
		if oldest[a.asker] == nil {
			oldest[a.asker] = a
		}
		if bytes[a.asker] += max(a.body.size/a.body.sends, 1); bytes[a.asker] > bytes[most] {
			most = a.asker
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
	if a.body.sends--; a.body.sends == 0 {
		delete(s.bodies, a.body.start)
		s.bytes -= a.body.size
	}
}
