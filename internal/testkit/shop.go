package testkit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/crypto/bcrypt"

	"hexamart/internal/handler"
	"hexamart/internal/model"
	"hexamart/internal/security"
	"hexamart/internal/service"
)

// SecretKey signs the tokens of test shops.
const SecretKey = "a key that only the tests know, and long enough"

// SessionLife is how long a session of a test shop lasts.
const SessionLife = 30 * 24 * time.Hour

// Shop is a shop on a database of its own.
type Shop struct {
	DB       *sqlx.DB
	Services *service.Services
	Tokens   *security.Tokens
	API      *handler.API
	Handler  http.Handler
	Log      *Log

	t      testing.TB
	people int
}

// NewShop returns an empty shop on a new database.
func NewShop(t testing.TB) *Shop {
	t.Helper()
	return NewShopOn(t, DB(t))
}

// NewShopOn returns a shop on a database that has the schema: a second instance beside another, say.
func NewShopOn(t testing.TB, db *sqlx.DB) *Shop {
	t.Helper()
	return NewShopUnder(t, db, SecretKey)
}

// NewShopUnder is NewShopOn with another secret key, and those before it.
func NewShopUnder(t testing.TB, db *sqlx.DB, key string, previous ...string) *Shop {
	t.Helper()
	tokens, err := security.NewTokens(key, "HS256", time.Hour, previous...)
	if err != nil {
		t.Fatal(err)
	}
	services := service.New(db, security.NewPasswords(bcrypt.MinCost), tokens, security.NewLimiter(10, time.Hour), SessionLife) // an hour: nothing grows back in a test
	log := newLog(t)
	Secret("the secret key", key)
	api := &handler.API{Services: services, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Version: "test", CORSOrigins: []string{"http://localhost:5173"}, Ready: func(ctx context.Context) error { return db.PingContext(ctx) }}
	return &Shop{DB: db, Services: services, Tokens: tokens, API: api, Handler: api.Routes(), Log: log, t: t}
}

// Person is somebody with an account. The nil Person is somebody without.
type Person struct {
	ID       int64
	Name     string
	Email    string
	Password string
	Token    string
	Refresh  string // the refresh token
}

// User returns a new customer, who is logged in.
func (s *Shop) User() *Person {
	s.t.Helper()
	s.people++
	p := &Person{Name: fmt.Sprintf("User %d", s.people), Email: fmt.Sprintf("user%d@example.com", s.people), Password: fmt.Sprintf("thimble-%d", s.people)}
	var err error
	p.ID, err = s.Services.Auth.Register(s.t.Context(), model.RegisterInput{Name: p.Name, Email: p.Email, Password: p.Password}, model.Actor{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.Login(p)
	return p
}

// Admin returns a new admin, who is logged in.
func (s *Shop) Admin() *Person {
	s.t.Helper()
	p := s.User()
	if err := s.Services.Auth.PromoteUser(s.t.Context(), model.Actor{}, p.Email); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// Login gives a person a fresh token.
func (s *Shop) Login(p *Person) {
	s.t.Helper()
	login, err := s.Services.Auth.Login(s.t.Context(), model.LoginInput{Username: p.Email, Password: p.Password}, model.Actor{Address: "test"})
	if err != nil {
		s.t.Fatal(err)
	}
	p.Token, p.Refresh = login.AccessToken, login.RefreshToken
	Secret("password", p.Password)
	Secret("access token", p.Token)
	Secret("refresh token", p.Refresh)
}

// Product returns a new product in the category Test.
func (s *Shop) Product(name, price string, stock int) model.Product {
	s.t.Helper()
	return s.ProductIn("Test", name, price, stock)
}

// ProductIn returns a new product in a category.
func (s *Shop) ProductIn(category, name, price string, stock int) model.Product {
	s.t.Helper()
	cents, err := model.ParseMoney(price)
	if err != nil {
		s.t.Fatal(err)
	}
	pieces := model.Int(stock)
	p, err := s.Services.Products.Create(s.t.Context(), model.Actor{}, model.ProductInput{Name: name, Price: &cents, Category: category, Stock: &pieces})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// Fill puts pieces of a product into a person's cart.
func (s *Shop) Fill(p *Person, product model.Product, quantity int) {
	s.t.Helper()
	id, pieces := model.Int(product.ID), model.Int(quantity)
	if _, err := s.Services.Cart.Add(s.t.Context(), p.ID, model.CartInput{ProductID: &id, Quantity: &pieces}); err != nil {
		s.t.Fatal(err)
	}
}

// OrderInput is a good order.
func OrderInput() model.OrderInput {
	return model.OrderInput{PaymentMethod: "UPI", ShippingAddress: "12 MG Road, Bengaluru"}
}

// Order places an order of pieces of a product.
func (s *Shop) Order(p *Person, product model.Product, quantity int) model.Order {
	s.t.Helper()
	s.Fill(p, product, quantity)
	o, err := s.Services.Orders.PlaceOrder(s.t.Context(), p.ID, OrderInput())
	if err != nil {
		s.t.Fatal(err)
	}
	return o.Order
}

// Stock returns what the database says of a product's stock.
func (s *Shop) Stock(product model.Product) int64 {
	s.t.Helper()
	return s.Count("SELECT stock FROM products WHERE id = ?", product.ID)
}

// Count returns the one number that a query selects.
func (s *Shop) Count(query string, args ...any) (n int64) {
	s.t.Helper()
	if err := s.DB.GetContext(s.t.Context(), &n, query, args...); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// Exec changes the database behind the shop's back.
func (s *Shop) Exec(query string, args ...any) {
	s.t.Helper()
	if _, err := s.DB.ExecContext(s.t.Context(), query, args...); err != nil {
		s.t.Fatal(err)
	}
}

// Log keeps all that a shop logs. At the test's end it is searched for secrets.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func newLog(t testing.TB) *Log {
	l := &Log{}
	t.Cleanup(func() { NoSecrets(t, "the log", l.String()) })
	return l
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
