package handler

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"hexamart/internal/model"
)

// receive has all of a body here before anything is done, and whoever sends it can't draw that out. That it is too large is told by
// who decodes it.
func (a *API) receive(next http.Handler) http.Handler {
	return a.handle(func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Body != nil && r.Body != http.NoBody {
			body, err := io.ReadAll(r.Body)
			rest := io.Reader(bytes.NewReader(body))
			var tooLarge *http.MaxBytesError
			switch {
			case errors.As(err, &tooLarge) || errors.Is(err, errCrowded):
				rest = io.MultiReader(rest, failingReader{err})
			case err != nil:
				return bodyError(err)
			default:
				r.ContentLength = int64(len(body))
			}
			r.Body = io.NopCloser(rest)
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// takeTurn lets requests wait in turns, by account and by address, for what they do in the shop: not while they come in, nor
// while their answers are taken, which is up to their clients.
func (a *API) takeTurn(next http.Handler) http.Handler {
	return a.inTurn(next, func(r *http.Request) (leave func(), err error) {
		return a.Services.Turn(r.Context(), askerOf(r))
	})
}

// takeListTurn is the same for lists of one's orders.
func (a *API) takeListTurn(next http.Handler) http.Handler {
	return a.inTurn(next, func(r *http.Request) (leave func(), err error) {
		return a.Services.TurnToList(r.Context(), askerOf(r))
	})
}

func askerOf(r *http.Request) model.Asker {
	return model.Asker{Address: clientAddr(r), UserID: requestOf(r.Context()).bearer.UserID}
}

// shortBody is so little that to read it is no work.
const shortBody = 1 << 10

// decode is decodeBody, in a turn for a processor.
func (a *API) decode(r *http.Request, in validator) error {
	return a.read(r, shortBody, func() error { return decodeBody(r, in) })
}

// decodePassword is decode of a new password, which is work to judge, however short it is: here, where other fields cannot be
// read, else in the service.
func (a *API) decodePassword(r *http.Request, in validator) error {
	return a.read(r, 0, func() error { return decodeBody(r, in) })
}

// read lets a body be decoded in a turn for a processor: whoever comes may send thousands of parts. Those up to so many bytes wait for nobody.
// Whoever waits for a processor gives the turn for the database to others meanwhile, and what they may no longer do afterwards is
// not done.
func (a *API) read(r *http.Request, short int64, decode func() error) error {
	if r.ContentLength >= 0 && r.ContentLength <= short {
		return decode()
	}
	still, turn := a.stillMay(r), requestOf(r.Context()).turn
	turn.giveBack()
	leave, err := a.Services.Think(r.Context(), askerOf(r))
	if err != nil {
		return err
	}
	err = func() error {
		defer leave() // whatever a decoder does
		return decode()
	}()
	if late := turn.take(); late != nil {
		return late
	}
	if gone := still(); gone != nil {
		return gone
	}
	return err
}

// takeHoldersTurn is takeTurn for whoever has a refresh token, or else a bearer token. The answer is short, so that
// nobody holds that by not taking it.
func (a *API) takeHoldersTurn(r *http.Request, refresh string) (leave func(), err error) {
	asker := model.Asker{Address: clientAddr(r)}
	if b, err := a.bearer(r); err == nil { // if not, that is told in turn
		asker.UserID = b.UserID
	}
	return a.Services.TurnOf(r.Context(), refresh, asker)
}

func (a *API) inTurn(next http.Handler, enter func(r *http.Request) (leave func(), err error)) http.Handler {
	return a.handle(func(w http.ResponseWriter, r *http.Request) error {
		turn := &turn{enter: func() (func(), error) { return enter(r) }}
		if err := turn.take(); err != nil {
			return err
		}
		defer turn.giveBack()
		requestOf(r.Context()).turn = turn
		next.ServeHTTP(&turnWriter{w, turn}, r)
		return nil
	})
}

// turn is one that can be given back and taken again. A nil turn is that of what needs none.
type turn struct {
	enter func() (leave func(), err error)
	leave func() // nil while it is given back
}

func (t *turn) take() (err error) {
	if t != nil {
		t.leave, err = t.enter()
	}
	return err
}

func (t *turn) giveBack() {
	if t != nil && t.leave != nil {
		t.leave()
		t.leave = nil
	}
}

// turnWriter gives the turn back as soon as there is an answer.
type turnWriter struct {
	http.ResponseWriter
	turn *turn
}

func (w *turnWriter) WriteHeader(status int) {
	w.turn.giveBack()
	w.ResponseWriter.WriteHeader(status)
}

func (w *turnWriter) Write(p []byte) (int, error) {
	w.turn.giveBack()
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *turnWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
