package handler_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// manyTurns is more than there are.
const manyTurns = 2*database.MaxConns + 10

// stuckWriter is an answer that its client does not take.
type stuckWriter struct {
	*httptest.ResponseRecorder
	begun, taken chan struct{}
}

func (w stuckWriter) Write(p []byte) (int, error) {
	w.begun <- struct{}{}
	<-w.taken
	return w.ResponseRecorder.Write(p)
}

// TestTurnsAreForWork has many send half a body, and many take none of their answer: nobody waits for them.
func TestTurnsAreForWork(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(s *testkit.Shop, u *testkit.Person, begun, over chan struct{}){
		"HalfABody": func(s *testkit.Shop, u *testkit.Person, begun, over chan struct{}) {
			begins := readerFunc(func(p []byte) (int, error) {
				begun <- struct{}{}
				<-over
				return 0, io.ErrUnexpectedEOF
			})
			r := httptest.NewRequest("PUT", "/users/address", io.MultiReader(strings.NewReader(`{"address": `), begins))
			r.Header.Set("Authorization", "Bearer "+u.Token)
			r.Header.Set("Content-Type", "application/json")
			s.Handler.ServeHTTP(httptest.NewRecorder(), r)
		},
		"NoAnswer": func(s *testkit.Shop, u *testkit.Person, begun, over chan struct{}) {
			r := httptest.NewRequest("GET", "/cart", nil)
			r.Header.Set("Authorization", "Bearer "+u.Token)
			s.Handler.ServeHTTP(stuckWriter{httptest.NewRecorder(), begun, over}, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			u := s.User()
			begun, over := make(chan struct{}), make(chan struct{})
			var asking sync.WaitGroup
			for range manyTurns {
				asking.Go(func() { ask(s, u, begun, over) })
			}
			for range manyTurns {
				<-begun
			}
			if res := s.Do(s.User(), "GET", "/cart", ""); res.Status != http.StatusOK {
				t.Errorf("status %d", res.Status)
			}
			close(over)
			asking.Wait()
		})
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestTurnsOfOneAddress has one address ask for much at once: it all is done, if after those from elsewhere.
func TestTurnsOfOneAddress(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	var asking sync.WaitGroup
	for i := range 4 * manyTurns {
		asking.Go(func() {
			if res := s.Do(u, "PUT", "/users/address", fmt.Sprintf(`{"address": "%d"}`, i)); res.Status != http.StatusOK {
				t.Errorf("status %d: %s", res.Status, res.Body)
			}
		})
	}
	asking.Wait()
}
