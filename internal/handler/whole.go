package handler

import (
	"context"
	"net"
	"net/http"
)

// Whole is a connection that can send an answer's head and body in one piece, and see to it that it arrives.
type Whole interface {
	// Whole says that the next answer has a body of at least MinWhole bytes.
	Whole()
	// Linger says that the client is still sending, what nobody reads, and that the connection ends with this answer.
	Linger()
	// Heard says that the request was read to its end: what comes next is the shop's work, until it answers.
	Heard()
	// Cut ends the answer that is being sent, and the connection with it.
	Cut()
}

// MinWhole is from how many bytes on net/http sends a body in more than one piece.
const MinWhole = 4 << 10

type connKey struct{}

// WithConn is for http.Server's ConnContext: it lets answers be sent in one piece where the connection can do that.
func WithConn(ctx context.Context, conn net.Conn) context.Context {
	if whole, ok := conn.(Whole); ok {
		return context.WithValue(ctx, connKey{}, whole)
	}
	return ctx
}

// answerArrives tells the connection of requests without a body that they are read. One that is the last of its connection and has
// a body may not be read to its end: a connection that is closed then is reset, and the answer may be lost with it. Where
// nothing is to be done with a body, the request is the last one: else net/http would keep the answer back and wait for the body.
func answerArrives(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hasBody := r.Body != nil && r.Body != http.NoBody
		switch conn, ok := r.Context().Value(connKey{}).(Whole); {
		case ok && !hasBody:
			conn.Heard()
		case hasBody && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			lastOfConnection(w, r)
		case ok && r.Close:
			defer conn.Linger()
		}
		next.ServeHTTP(w, r)
	})
}

// lastOfConnection has the answer sent without the rest of the request's body, for which net/http would wait, and keep all of the request.
func lastOfConnection(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	if conn, ok := r.Context().Value(connKey{}).(Whole); ok {
		conn.Linger()
	}
}

// inOnePiece asks for the answer with this body to be sent so.
func inOnePiece(r *http.Request, body []byte) {
	if len(body) < MinWhole || r.Method == http.MethodHead {
		return
	}
	if whole, ok := r.Context().Value(connKey{}).(Whole); ok {
		whole.Whole()
	}
}
