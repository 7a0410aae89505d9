package handler_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// manyTurns is more than there are.
const manyTurns = 2*database.MaxConns + 10

// maxOfAccount is how many turns an account has at a time.
const maxOfAccount = 8

// stuckWriter is an answer that its client does not take.
type stuckWriter struct {
	*httptest.ResponseRecorder
	begun, taken chan struct{}
}

func (w stuckWriter) Write(p []byte) (int, error) {
	if w.Code != http.StatusOK { // which is no answer to what was asked for
		return w.ResponseRecorder.Write(p)
	}
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
			begun, over := make(chan struct{}, manyTurns), make(chan struct{})
			var asking sync.WaitGroup
			users := make([]*testkit.Person, manyTurns) // of whom one has few turns
			for i := range users {
				users[i] = s.User()
			}
			for _, u := range users {
				asking.Go(func() { ask(s, u, begun, over) })
			}
			tooLate := time.After(10 * time.Second)
			for i := range manyTurns {
				select {
				case <-begun:
				case <-tooLate:
					close(over)
					t.Fatalf("%d of %d have begun", i, manyTurns)
				}
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

// TestTurnsOfAccountAreTaken has one account want more than it may at a time: requests with its token wait, wherever they come from,
// and others' do not.
func TestTurnsOfAccountAreTaken(t *testing.T) {
	t.Parallel()
	for path, enter := range map[string]func(*service.Services) func(context.Context, model.Asker) (func(), error){
		"/cart":   func(s *service.Services) func(context.Context, model.Asker) (func(), error) { return s.Turn },
		"/orders": func(s *service.Services) func(context.Context, model.Asker) (func(), error) { return s.TurnToList },
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			u, other := s.User(), s.User()
			for i := 0; ; i++ {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				leave, err := enter(s.Services)(ctx, model.Asker{Address: f("198.51.100.%d", i), UserID: u.ID})
				cancel()
				if err != nil {
					break
				}
				t.Cleanup(leave)
			}
			for who, status := range map[*testkit.Person]int{u: 503, other: 200} {
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				r, w := httptest.NewRequest("GET", path, nil).WithContext(ctx), httptest.NewRecorder()
				r.Header.Set("Authorization", "Bearer "+who.Token)
				if s.Handler.ServeHTTP(w, r); w.Code != status {
					t.Errorf("status %d, want %d", w.Code, status)
				}
				cancel()
			}
		})
	}
}

// TestTurnsOfHolderAreTaken is the same for refresh tokens, with whose account as many turns are taken as it may have.
func TestTurnsOfHolderAreTaken(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u, other := s.User(), s.User()
	for range maxOfAccount {
		leave, err := s.Services.Turn(t.Context(), model.Asker{Address: "198.51.100.1", UserID: u.ID})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(leave)
	}
	for _, path := range []string{"/auth/refresh", "/auth/logout"} {
		for who, status := range map[*testkit.Person]int{u: 503, other: 200} {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			r, w := httptest.NewRequest("POST", path, strings.NewReader(refreshBody(who))).WithContext(ctx), httptest.NewRecorder()
			if s.Handler.ServeHTTP(w, r); w.Code != status {
				t.Errorf("%s: status %d, want %d", path, w.Code, status)
			}
			cancel()
		}
	}
}

// TestTokensMakeKnown asks with a good token, as in a session that is older than the program, and with a bad one: where the good
// one came from has the next turn but one, before strangers who came first.
func TestTokensMakeKnown(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	other := testkit.NewShopOn(t, s.DB)
	for address, token := range map[string]string{"203.0.113.9": u.Token, "203.0.113.10": u.Token + "x"} {
		r := httptest.NewRequest("GET", "/cart", nil)
		r.RemoteAddr = address + ":1234"
		r.Header.Set("Authorization", "Bearer "+token)
		other.Handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	var held []func()
	for range 2 * database.MaxConns {
		leave, err := other.Services.Turn(t.Context(), model.Asker{Address: "198.51.100.1"})
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, leave)
	}
	const strangers = 20
	went := make(chan string, strangers+2)
	come := func(address string) {
		leave, err := other.Services.Turn(t.Context(), model.Asker{Address: address})
		if err != nil {
			t.Error(err)
			return
		}
		went <- address
		time.Sleep(time.Millisecond) // so that one goes after another
		leave()
	}
	for i := range strangers {
		go come(f("198.51.100.%d", 10+i))
	}
	time.Sleep(100 * time.Millisecond) // until they wait
	go come("203.0.113.9")
	go come("203.0.113.10")
	time.Sleep(100 * time.Millisecond)
	held[0]()
	for n := range strangers + 2 {
		if address := <-went; address == "203.0.113.9" && n > 2 || address == "203.0.113.10" && n < strangers/2 {
			t.Errorf("%s went as number %d", address, n)
		}
	}
	for _, leave := range held[1:] {
		leave()
	}
}

// TestTurnsComeBack lets requests panic more often than there are turns.
func TestTurnsComeBack(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	cart := s.Services.Cart
	s.Services.Cart = nil
	for range manyTurns {
		if res := s.Do(u, "GET", "/cart", ""); res.Status != 500 {
			t.Fatalf("status %d", res.Status)
		}
	}
	s.Services.Cart = cart
	send(t, s, step{u, "GET /cart", "", 200, nil})
}

// TestBodiesAreReadForSomebody sends bodies without a good token, of which nothing is read, and such that end too early.
func TestBodiesAreReadForSomebody(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	for token, want := range map[string]int{"": 401, "x.y.z": 401, u.Token: 400} {
		read := false
		body := readerFunc(func([]byte) (int, error) {
			read = true
			return 0, io.ErrUnexpectedEOF
		})
		for _, call := range []string{"POST /cart", "POST /products", "PUT /users/change-password", "POST /orders"} {
			method, path, _ := strings.Cut(call, " ")
			r, w := httptest.NewRequest(method, path, body), httptest.NewRecorder()
			r.Header.Set("Authorization", "Bearer "+token)
			if s.Handler.ServeHTTP(w, r); w.Code != want || read != (want == 400) {
				t.Errorf("%s: status %d, want %d; read: %t", call, w.Code, want, read)
			}
		}
	}
}

// TestListTurnsAreTaken is TestTurnsAreTaken for lists of orders, which have turns of their own.
func TestListTurnsAreTaken(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	testkit.TakeAll(t, s.Services.TurnToList)
	for path, status := range map[string]int{"/orders": 503, "/cart": 200, "/orders/1": 404} {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		r := httptest.NewRequest("GET", path, nil).WithContext(ctx)
		r.Header.Set("Authorization", "Bearer "+u.Token)
		w := httptest.NewRecorder()
		if s.Handler.ServeHTTP(w, r); w.Code != status {
			t.Errorf("%s: status %d", path, w.Code)
		}
		cancel()
	}
}

// TestTurnsAreTaken has somebody hold all turns: what is one's own waits for one, and what is everybody's does not.
func TestTurnsAreTaken(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	testkit.TakeAll(t, s.Services.Turn)
	for request, waits := range map[string]bool{
		"GET /cart": true, "POST /cart": true, "POST /orders": true, "GET /orders": false, "POST /orders/1/cancel": true, "GET /users/profile": true,
		"PUT /users/address": true, "GET /auth/sessions": true, "POST /auth/refresh": true, "POST /auth/logout": true,
		"PUT /users/change-password": true, "POST /auth/login": true, "GET /products": false, "GET /healthz": false, "GET /readyz": false,
	} {
		t.Run(request, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			method, path, _ := strings.Cut(request, " ")
			body := `{"username": "a@example.com", "password": "x", "old_password": "x", "new_password": "thimble8"}`
			r := httptest.NewRequest(method, path, strings.NewReader(body)).WithContext(ctx)
			r.Header.Set("Authorization", "Bearer "+u.Token)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			if s.Handler.ServeHTTP(w, r); (w.Code == http.StatusServiceUnavailable) != waits {
				t.Errorf("status %d", w.Code)
			}
		})
	}
}

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

// TestTurnsOfTwoWithOneAccount has somebody else, whose token is of the same account and may have ended, take and want all turns that
// it has: the owner has the next, from an address of their own.
func TestTurnsOfTwoWithOneAccount(t *testing.T) {
	t.Parallel()
	for path, enter := range map[string]func(s *testkit.Shop) func(context.Context, model.Asker) (func(), error){
		"/cart":   func(s *testkit.Shop) func(context.Context, model.Asker) (func(), error) { return s.Services.Turn },
		"/orders": func(s *testkit.Shop) func(context.Context, model.Asker) (func(), error) { return s.Services.TurnToList },
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := testkit.NewShop(t)
			u := s.User()
			done, over := make(chan int, 200), make(chan struct{})
			var others sync.WaitGroup
			for range 200 {
				others.Go(func() {
					leave, err := enter(s)(t.Context(), model.Asker{Address: "198.51.100.1", UserID: u.ID})
					if err != nil {
						t.Error(err)
						return
					}
					done <- 1
					<-over
					leave()
				})
			}
			time.Sleep(100 * time.Millisecond) // until they wait
			before := len(done)
			owner := make(chan int)
			go func() { owner <- s.Do(u, "GET", path, "").Status }()
			time.Sleep(100 * time.Millisecond)
			over <- struct{}{}
			over <- struct{}{}
			if status := <-owner; status != http.StatusOK || len(done) > before+3 {
				t.Errorf("status %d, after %d others", status, len(done)-before)
			}
			close(over)
			others.Wait()
		})
	}
}
