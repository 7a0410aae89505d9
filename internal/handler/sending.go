package handler

import (
	"container/list"
	"net/http"
	"sync"

	"hexamart/internal/security"
)

// The limits of answers while they are sent: all of one is in memory until its client has taken it.
const (
	maxSending = 32 << 20 // bytes of all of them
	minSending = 8 << 10  // bytes, below which as many as there are connections take no more than that
)

// sending counts answers while they are sent. When they take too much memory, the oldest ones end of whoever has most.
type sending struct {
	mu      sync.Mutex
	bytes   int
	bodies  map[*byte]*sharedBody
	senders map[string]*sender // by address, or network of them
}

// sharedBody is what answers are of: a page may be that of many.
type sharedBody struct {
	start *byte
	size  int // bytes
	sends int // how many send it
}

// sender is one customer of a provider's to whom answers are sent.
type sender struct {
	address string
	bytes   int                   // of their bodies
	parts   *list.List            // of *part, in the order in which they began
	of      map[*sharedBody]*part // the same
}

// part is the answers of one body to one sender.
type part struct {
	*sender
	body    *sharedBody
	answers map[*sent]struct{}
	at      *list.Element
}

// sent is an answer while it is sent.
type sent struct {
	conn Whole
	part *part // nil once it is over
}

func newSending() *sending {
	return &sending{bodies: map[*byte]*sharedBody{}, senders: map[string]*sender{}}
}

// begin counts an answer to an asker until end. Beside its body it takes so many bytes more.
func (s *sending) begin(r *http.Request, asker func() string, body []byte, more int) (end func()) {
	conn, ok := r.Context().Value(connKey{}).(Whole)
	if size := cap(body) + more; !ok || len(body) == 0 || size < minSending || r.Method == http.MethodHead {
		return func() {}
	}
	a, address := &sent{conn: conn}, security.Customer(asker())
	s.mu.Lock()
	defer s.mu.Unlock()
	a.part = s.partOf(s.senderOf(address), s.bodyOf(body, more))
	a.part.answers[a] = struct{}{}
	a.part.body.sends++
	for s.bytes > maxSending {
		oldest := s.oldestOfMost(a.part)
		if oldest == nil {
			break
		}
		for other := range oldest.answers {
			s.remove(other)
			other.conn.Cut()
		}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.remove(a)
	}
}

func (s *sending) bodyOf(body []byte, more int) *sharedBody {
	b := s.bodies[&body[0]]
	if b == nil {
		b = &sharedBody{start: &body[0], size: cap(body) + more}
		s.bodies[b.start] = b
		s.bytes += b.size
	}
	return b
}

func (s *sending) senderOf(address string) *sender {
	to := s.senders[address]
	if to == nil {
		to = &sender{address: address, parts: list.New(), of: map[*sharedBody]*part{}}
		s.senders[address] = to
	}
	return to
}

func (s *sending) partOf(to *sender, b *sharedBody) *part {
	p := to.of[b]
	if p == nil {
		p = &part{sender: to, body: b, answers: map[*sent]struct{}{}}
		p.at = to.parts.PushBack(p)
		to.of[b] = p
		to.bytes += b.size
	}
	return p
}

// oldestOfMost returns the oldest part of whoever has most, beside one that has only begun; nil if there is no other.
func (s *sending) oldestOfMost(begun *part) *part {
	var of *sender
	most := 0
	for _, to := range s.senders {
		bytes := to.bytes
		if to == begun.sender {
			bytes -= begun.body.size
		}
		if bytes > most {
			of, most = to, bytes
		}
	}
	if of == nil {
		return nil
	}
	oldest := of.parts.Front()
	if oldest.Value.(*part) == begun {
		oldest = oldest.Next()
	}
	return oldest.Value.(*part)
}

func (s *sending) remove(a *sent) {
	p := a.part
	if p == nil {
		return
	}
	a.part = nil
	delete(p.answers, a)
	if p.body.sends--; p.body.sends == 0 {
		delete(s.bodies, p.body.start)
		s.bytes -= p.body.size
	}
	if len(p.answers) > 0 {
		return
	}
	to := p.sender
	to.parts.Remove(p.at)
	delete(to.of, p.body)
	if to.bytes -= p.body.size; to.parts.Len() == 0 {
		delete(s.senders, to.address)
	}
}
