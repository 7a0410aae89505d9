package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestFrozenDatabase stops the database server in its tracks for ten seconds while orders come in: who
// waits for it is told to come back, nobody waits long, and afterwards everything goes on by itself.
func TestFrozenDatabase(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "RATE_LIMIT_LOGIN=off")
	p.serve("--demo")
	l := p.load(8)
	signal := func(sig syscall.Signal) {
		for _, pid := range p.servers() {
			if err := syscall.Kill(pid, sig); err != nil {
				t.Error(err)
			}
		}
	}
	l.await("orders come in", func() bool { return l.acked() > 0 })
	t.Cleanup(func() { signal(syscall.SIGCONT) })
	signal(syscall.SIGSTOP)
	frozen := time.Now()
	anyone := &client{t: t, base: p.url("")}
	l.await("everybody is told to come back", func() bool { return l.refused() >= len(l.people) })
	told := time.Since(frozen)
	anyone.want(503, "GET", "/readyz", "", nil)
	anyone.want(503, "GET", "/products", "", nil)
	anyone.want(200, "GET", "/healthz", "", nil)
	anyone.want(200, "GET", "/", "", nil)
	time.Sleep(10*time.Second - time.Since(frozen))
	before := l.acked()
	signal(syscall.SIGCONT)
	thawed := time.Now()
	l.await("orders come in again", func() bool { return l.acked() > before })
	t.Logf("told after %s, back after %s", told.Round(time.Millisecond), time.Since(thawed).Round(time.Millisecond))
	anyone.want(200, "GET", "/readyz", "", nil)
	l.stop()
	if l.longest > 15*time.Second { // a request that nothing ends takes 20 seconds
		t.Errorf("somebody waited for %s", l.longest)
	}
	l.check()
}

// load is people who order as fast as they can.
type load struct {
	p      *place
	people []*shopper
	ending chan struct{}
	wg     sync.WaitGroup

	mu      sync.Mutex
	orders  int
	waits   map[*shopper]bool // who was answered 503
	longest time.Duration
	wrong   []string
}

type shopper struct {
	*client
	placed map[int64]bool
}

func (p *place) load(people int) *load {
	p.t.Helper()
	l := &load{p: p, ending: make(chan struct{}), waits: map[*shopper]bool{}}
	for i := range people {
		l.people = append(l.people, &shopper{p.shopper(fmt.Sprintf("load%d", i)), map[int64]bool{}})
	}
	for i, s := range l.people {
		l.wg.Go(func() {
			for n := i; ; n++ {
				select {
				case <-l.ending:
					return
				default:
					l.order(s, 1+n%8)
				}
			}
		})
	}
	return l
}

func (l *load) order(s *shopper, product int) {
	l.send(s, "POST", "/cart", fmt.Sprintf(`{"product_id":%d,"quantity":1}`, product), 200)
	answer := l.send(s, "POST", "/orders", `{"payment_method":"UPI","shipping_address":"12 MG Road"}`, 201)
	var order struct {
		ID int64 `json:"order_id"`
	}
	if answer != nil && json.Unmarshal(answer, &order) == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		s.placed[order.ID] = true
		l.orders++
	}
}

// send returns the body of a good answer, else nil. Only what is sold out may be refused otherwise than
// by asking to come again.
func (l *load) send(s *shopper, method, path, body string, good int) []byte {
	start := time.Now()
	status, header, answer := l.p.exchange(method, path, body, s.token)
	l.mu.Lock()
	l.longest = max(l.longest, time.Since(start))
	switch {
	case status == good, status == http.StatusConflict:
	case status == http.StatusServiceUnavailable && header.Get("Retry-After") != "":
		l.waits[s] = true
	default:
		l.wrong = append(l.wrong, fmt.Sprintf("%s %s: %d %s", method, path, status, answer))
	}
	l.mu.Unlock()
	if status == http.StatusServiceUnavailable {
		time.Sleep(50 * time.Millisecond)
	}
	if status != good {
		return nil
	}
	return answer
}

// exchange is one request; status 0 is for no answer.
func (p *place) exchange(method, path, body, token string) (int, http.Header, []byte) {
	req, err := http.NewRequest(method, p.url(path), strings.NewReader(body))
	if err != nil {
		return 0, nil, []byte(err.Error())
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, []byte(err.Error())
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, []byte(err.Error())
	}
	return res.StatusCode, res.Header, answer
}

func (l *load) await(what string, there func() bool) {
	l.p.t.Helper()
	l.p.await(what, there)
}

func (l *load) acked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.orders
}

func (l *load) refused() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waits)
}

func (l *load) stop() {
	close(l.ending)
	l.wg.Wait()
}

// check wants every acknowledged order to be there once, and no answer to have been a bad one.
func (l *load) check() {
	l.p.t.Helper()
	if len(l.wrong) > 0 {
		l.p.t.Errorf("%d bad answers, such as %s", len(l.wrong), l.wrong[0])
	}
	for _, s := range l.people {
		var orders []struct{ ID int64 }
		s.want(200, "GET", "/orders?limit=1000", "", &orders)
		for _, o := range orders {
			delete(s.placed, o.ID)
		}
		if len(s.placed) > 0 {
			l.p.t.Errorf("acknowledged and lost: %v", s.placed)
		}
	}
}
