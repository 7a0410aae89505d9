package testkit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Load is a crowd of shoppers who use a shop over HTTP, as good clients do: an order has an idempotency
// key and is sent again until it is answered, whatever happens to the server meanwhile. It remembers what
// it was told, for Check.
type Load struct {
	Shops    []string // base URLs; each shopper begins with one and goes to the next when it fails
	Products []int64  // few, so that shoppers meet
	Shoppers int
	Patience time.Duration // until a shopper gives an unanswered order up, which is a Problem

	Orders   []LoadOrder    // acknowledged
	Answers  map[string]int // by status and code, "lost" for a connection that ended
	Problems []string       // what must never happen
	Longest  time.Duration  // that an order took from its first attempt to its answer

	mu     sync.Mutex
	client *http.Client
	crowd  []*shopper
}

// LoadOrder is an order that a shopper was told of.
type LoadOrder struct {
	ID        int64       `json:"id"`
	Status    string      `json:"status"`
	Total     json.Number `json:"total_price"`
	Token     string      `json:"-"`
	Cancelled bool        `json:"-"` // and told so
}

// Enter makes the shoppers' accounts, in a shop that is well.
func (l *Load) Enter(ctx context.Context) {
	l.Answers = map[string]int{}
	l.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: l.Shoppers}, Timeout: 30 * time.Second}
	l.crowd = make([]*shopper, l.Shoppers)
	var entering sync.WaitGroup
	for i := range l.crowd {
		s := &shopper{Load: l, at: i}
		l.crowd[i] = s
		entering.Go(func() {
			s.account = fmt.Sprintf(`{"name": "Shopper", "email": "load-%d-%d@example.com", "password": "thimble-1"}`, time.Now().UnixNano(), i)
			if status, body := s.insist(ctx, "/auth/register", s.account); status != http.StatusCreated && status != http.StatusConflict { // after an attempt without an answer
				s.problem("registration was answered with %d %s", status, body)
			}
			s.login(ctx)
		})
	}
	entering.Wait()
	l.Answers = map[string]int{}
}

// LoginAgain has the shoppers log in to a shop in which their sessions have ended; Check uses their new tokens.
func (l *Load) LoginAgain(ctx context.Context, shop string) {
	l.Shops = []string{shop}
	for _, s := range l.crowd {
		old := s.token
		s.login(ctx)
		for i := range l.Orders {
			if l.Orders[i].Token == old {
				l.Orders[i].Token = s.token
			}
		}
	}
}

// Run shops until ctx ends and the orders that are under way are answered.
func (l *Load) Run(ctx context.Context) {
	defer l.client.CloseIdleConnections()
	var shopping sync.WaitGroup
	for _, s := range l.crowd {
		shopping.Go(func() { s.shop(ctx) })
	}
	shopping.Wait()
}

// shopper is one of the crowd.
type shopper struct {
	*Load
	at      int    // which shop
	account string // what it registered with
	token   string
}

func (s *shopper) login(ctx context.Context) {
	var login struct {
		Token string `json:"access_token"`
	}
	if status, body := s.insist(ctx, "/auth/login", s.account); status != http.StatusOK || json.Unmarshal(body, &login) != nil {
		s.problem("login was answered with %d %s", status, body)
	}
	s.token = login.Token
}

func (s *shopper) shop(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		line := fmt.Sprintf(`{"product_id": %d, "quantity": %d}`, s.Products[rand.N(len(s.Products))], 1+rand.N(3))
		s.send(ctx, "POST", "/cart", line, "")
		if rand.N(2) == 0 {
			continue
		}
		if order, ok := s.order(fmt.Sprintf("order-%d", n)); ok && rand.N(4) == 0 {
			s.cancel(ctx, order)
		}
	}
}

// order places one, and asks again under the same key until there is an answer that says yes or no.
func (s *shopper) order(key string) (at int, ok bool) {
	start := time.Now()
	for time.Since(start) < s.Patience {
		status, body := s.send(context.Background(), "POST", "/orders", `{"payment_method": "UPI", "shipping_address": "12 MG Road"}`, key)
		switch {
		case status == http.StatusCreated:
			var o LoadOrder
			err := json.Unmarshal(body, &o)
			s.mu.Lock()
			defer s.mu.Unlock()
			if err != nil || o.ID == 0 {
				s.Problems = append(s.Problems, fmt.Sprintf("an order was answered with %s", body))
			}
			o.Token = s.token
			s.Orders = append(s.Orders, o)
			s.Longest = max(s.Longest, time.Since(start))
			return len(s.Orders) - 1, true
		case status == http.StatusConflict && !bytes.Contains(body, []byte("request_in_progress")):
			return 0, false // no stock, or no cart
		case status == 0 || status == http.StatusServiceUnavailable || status == http.StatusConflict || status == http.StatusTooManyRequests:
			time.Sleep(time.Duration(20+rand.N(80)) * time.Millisecond)
		default:
			s.problem("an order was answered with %d %s", status, body)
			return 0, false
		}
	}
	s.problem("an order had no answer after %v", s.Patience)
	return 0, false
}

func (s *shopper) cancel(ctx context.Context, at int) {
	s.mu.Lock()
	id := s.Orders[at].ID
	s.mu.Unlock()
	if status, _ := s.send(ctx, "POST", fmt.Sprintf("/orders/%d/cancel", id), "", ""); status == http.StatusOK {
		s.mu.Lock()
		s.Orders[at].Cancelled = true
		s.mu.Unlock()
	}
}

// insist posts until a shop on a busy machine has found the time to hash a password.
func (s *shopper) insist(ctx context.Context, path, body string) (status int, answer []byte) {
	for start := time.Now(); time.Since(start) < 2*time.Minute; time.Sleep(time.Second) {
		if status, answer = s.send(ctx, "POST", path, body, ""); status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
			break
		}
	}
	return status, answer
}

// send returns the status and the body of the answer, 0 where the connection ended without one.
func (s *shopper) send(ctx context.Context, method, path, body, key string) (int, []byte) {
	r, err := http.NewRequestWithContext(ctx, method, s.Shops[s.at%len(s.Shops)]+path, bytes.NewReader([]byte(body)))
	if err != nil {
		s.problem("%v", err)
		return 0, nil
	}
	r.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := s.client.Do(r)
	var answer []byte
	if err == nil {
		answer, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	if err != nil {
		if ctx.Err() == nil {
			s.count("lost")
			s.at++
			time.Sleep(20 * time.Millisecond)
		}
		return 0, nil
	}
	s.judge(method+" "+path, res, answer)
	return res.StatusCode, answer
}

// judge counts an answer, and remembers one that no client may ever see.
func (s *shopper) judge(request string, res *http.Response, body []byte) {
	var problem struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(body, &problem)
	s.count(fmt.Sprint(res.StatusCode, " ", problem.Code))
	switch {
	case res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") == "":
		s.problem("%s: 503 without Retry-After", request)
	case res.StatusCode >= 500 && res.StatusCode != http.StatusServiceUnavailable, res.StatusCode == http.StatusUnauthorized:
		s.problem("%s: %d %s", request, res.StatusCode, body)
	}
}

func (l *Load) count(answer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Answers[answer]++
}

// Answered returns how many answers there were of a status and code so far.
func (l *Load) Answered(answer string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Answers[answer]
}

// Acknowledged returns the orders that were acknowledged so far.
func (l *Load) Acknowledged() []LoadOrder {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.Orders)
}

func (l *Load) problem(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Problems = append(l.Problems, fmt.Sprintf(format, args...))
}

// Check asks a shop for every order that was acknowledged, and returns what is missing, there twice or not
// as it was told, after the Problems.
func (l *Load) Check(shop string) []string {
	wrong, seen := l.Problems, map[int64]bool{}
	for _, o := range l.Orders {
		if seen[o.ID] {
			wrong = append(wrong, fmt.Sprintf("order %d was the answer to two keys", o.ID))
		}
		seen[o.ID] = true
		r, err := http.NewRequest("GET", fmt.Sprintf("%s/orders/%d", shop, o.ID), nil)
		if err != nil {
			return append(wrong, err.Error())
		}
		r.Header.Set("Authorization", "Bearer "+o.Token)
		res, err := l.client.Do(r)
		if err != nil {
			return append(wrong, err.Error())
		}
		var now LoadOrder
		err = json.NewDecoder(res.Body).Decode(&now)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || err != nil || now.Total != o.Total || (o.Cancelled && now.Status != "Cancelled") {
			wrong = append(wrong, fmt.Sprintf("order %+v is now %d %+v, %v", o, res.StatusCode, now, err))
		}
	}
	return wrong
}
