package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// floor is the least code that gives the answers: net/http, database/sql and the driver, no token, no check,
// no error but a panic. It runs as a process of its own.
type floor struct {
	read  *sql.DB // the shop's own database
	write *sql.DB // a copy: what is written here leaves out what the shop's books want
	pages map[string][]byte
}

// The variables that tell a floor's process its databases and the file of its ready-made pages.
const (
	floorRead  = "BENCH_FLOOR_READ"
	floorWrite = "BENCH_FLOOR_WRITE"
	floorPages = "BENCH_FLOOR_PAGES"
)

// serveFloor prints its address and serves until it is killed.
func serveFloor() error {
	f := &floor{}
	b, err := os.ReadFile(os.Getenv(floorPages))
	if err == nil {
		err = json.Unmarshal(b, &f.pages)
	}
	if err != nil {
		return err
	}
	if f.read, err = openFloor(os.Getenv(floorRead)); err != nil {
		return err
	}
	if f.write, err = openFloor(os.Getenv(floorWrite)); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /same", f.same)
	mux.HandleFunc("GET /products", f.products)
	mux.HandleFunc("GET /cart", f.cart)
	mux.HandleFunc("GET /orders", f.orders)
	mux.HandleFunc("POST /cart", f.addToCart)
	mux.HandleFunc("POST /orders", f.placeOrder)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return (&http.Server{Handler: mux, ErrorLog: log.New(os.Stderr, "", 0)}).Serve(listener)
}

// openFloor returns a pool like the shop's, with the same settings of driver and session.
func openFloor(dsn string) (*sql.DB, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(readCommitted{connector})
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	return db, db.Ping()
}

// readCommitted is the isolation that the shop has.
type readCommitted struct{ driver.Connector }

func (c readCommitted) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	exec, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.New("the driver's connection executes nothing")
	}
	_, err = exec.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil)
	return conn, err
}

// must is all the floor's care for errors: net/http drops the connection, and wrk counts it.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func reply(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	must(err)
	send(w, body)
}

func send(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

func (f *floor) same(w http.ResponseWriter, r *http.Request) { send(w, f.pages[r.URL.RawQuery]) }

type floorProduct struct {
	ID       int64       `json:"id"`
	Name     string      `json:"name"`
	Price    json.Number `json:"price"`
	Category string      `json:"category"`
	Stock    int64       `json:"stock"`
	ImageURL *string     `json:"image_url"`
}

// products takes the end of its SELECT from the request.
func (f *floor) products(w http.ResponseWriter, r *http.Request) {
	rows, err := f.read.QueryContext(r.Context(), "SELECT id, name, price, category, stock, image_url FROM products "+r.URL.Query().Get("sql"))
	must(err)
	defer rows.Close()
	list := []floorProduct{}
	for rows.Next() {
		var p floorProduct
		must(rows.Scan(&p.ID, &p.Name, &p.Price, &p.Category, &p.Stock, &p.ImageURL))
		list = append(list, p)
	}
	must(rows.Err())
	reply(w, list)
}

type floorLine struct {
	ID        int64       `json:"id"`
	UserID    int64       `json:"user_id"`
	ProductID int64       `json:"product_id"`
	Name      string      `json:"name"`
	Price     json.Number `json:"price"`
	Quantity  int64       `json:"quantity"`
	Total     json.Number `json:"total_price"`
	ImageURL  *string     `json:"image_url"`
	Stock     int64       `json:"stock"`
	Available bool        `json:"available"`
}

func (f *floor) cart(w http.ResponseWriter, r *http.Request) {
	rows, err := f.read.QueryContext(r.Context(), `
		SELECT c.id, c.user_id, c.product_id, p.name, p.price, c.quantity, p.price * c.quantity, p.image_url, p.stock,
			p.archived_at IS NULL AND p.stock >= c.quantity
		FROM carts c
		JOIN products p ON p.id = c.product_id
		WHERE c.user_id = ?
		ORDER BY c.id
		LIMIT 100`, r.Header.Get("X-User"))
	must(err)
	defer rows.Close()
	list := []floorLine{}
	for rows.Next() {
		var l floorLine
		must(rows.Scan(&l.ID, &l.UserID, &l.ProductID, &l.Name, &l.Price, &l.Quantity, &l.Total, &l.ImageURL, &l.Stock, &l.Available))
		list = append(list, l)
	}
	must(rows.Err())
	reply(w, list)
}

type floorOrder struct {
	ID              int64       `json:"id"`
	OrderID         int64       `json:"order_id"`
	UserID          int64       `json:"user_id"`
	Status          string      `json:"status"`
	PaymentMethod   *string     `json:"payment_method"`
	PaymentStatus   string      `json:"payment_status"`
	ShippingAddress *string     `json:"shipping_address"`
	TotalPrice      json.Number `json:"total_price"`
	Products        []floorItem `json:"products"`
	CreatedAt       *time.Time  `json:"created_at"`
	UpdatedAt       *time.Time  `json:"updated_at"`
}

type floorItem struct {
	ProductID int64       `json:"product_id"`
	Name      string      `json:"name"`
	Quantity  int64       `json:"quantity"`
	Price     json.Number `json:"price"`
	Total     json.Number `json:"total_price"`
}

func (f *floor) orders(w http.ResponseWriter, r *http.Request) {
	rows, err := f.read.QueryContext(r.Context(), `
		SELECT id, user_id, status, payment_method, payment_status, shipping_address, total_price, created_at, updated_at
		FROM orders
		WHERE user_id = ?
		ORDER BY id DESC
		LIMIT 100`, r.Header.Get("X-User"))
	must(err)
	list, at, ids := []floorOrder{}, map[int64]int{}, []any{}
	for rows.Next() {
		var o floorOrder
		must(rows.Scan(&o.ID, &o.UserID, &o.Status, &o.PaymentMethod, &o.PaymentStatus, &o.ShippingAddress, &o.TotalPrice, &o.CreatedAt, &o.UpdatedAt))
		o.OrderID = o.ID
		at[o.ID], ids = len(list), append(ids, o.ID)
		list = append(list, o)
	}
	must(errors.Join(rows.Err(), rows.Close()))
	if len(list) > 0 {
		f.items(r.Context(), list, at, ids)
	}
	reply(w, list)
}

func (f *floor) items(ctx context.Context, list []floorOrder, at map[int64]int, ids []any) {
	rows, err := f.read.QueryContext(ctx, `
		SELECT order_id, product_id, name, quantity, price, price * quantity
		FROM order_items
		WHERE order_id IN (?`+strings.Repeat(", ?", len(ids)-1)+`)
		ORDER BY order_id, id`, ids...)
	must(err)
	defer rows.Close()
	for rows.Next() {
		var order int64
		var it floorItem
		must(rows.Scan(&order, &it.ProductID, &it.Name, &it.Quantity, &it.Price, &it.Total))
		o := &list[at[order]]
		o.Products = append(o.Products, it)
	}
	must(rows.Err())
}

func (f *floor) addToCart(w http.ResponseWriter, r *http.Request) {
	_, err := f.write.ExecContext(r.Context(), `
		INSERT INTO carts (user_id, product_id, quantity)
		VALUES (?, ?, 1)
		ON DUPLICATE KEY UPDATE quantity = quantity + 1`, r.Header.Get("X-User"), r.Header.Get("X-Product"))
	must(err)
	reply(w, map[string]string{"message": "added"})
}

func (f *floor) placeOrder(w http.ResponseWriter, r *http.Request) {
	user, product := r.Header.Get("X-User"), r.Header.Get("X-Product")
	tx, err := f.write.BeginTx(r.Context(), nil)
	must(err)
	defer func() { _ = tx.Rollback() }()
	exec := func(query string, args ...any) sql.Result {
		res, err := tx.ExecContext(r.Context(), query, args...)
		must(err)
		return res
	}
	if n, err := exec("UPDATE products SET stock = stock - 1, changed_at = changed_at WHERE id = ? AND stock >= 1", product).RowsAffected(); err != nil || n != 1 {
		panic(fmt.Sprint("took no stock of product ", product, ": ", err))
	}
	id, err := exec(`INSERT INTO orders (user_id, total_price, status, payment_method, payment_status, shipping_address, created_at, updated_at)
		VALUES (?, 19.99, 'Pending', 'UPI', 'Pending', '12 MG Road, Bengaluru', UTC_TIMESTAMP(), UTC_TIMESTAMP())`, user).LastInsertId()
	must(err)
	exec("INSERT INTO order_items (order_id, product_id, name, price, quantity) VALUES (?, ?, 'A product', 19.99, 1)", id, product)
	exec("DELETE FROM carts WHERE user_id = ?", user)
	must(tx.Commit())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"message": "placed", "order_id": %d}`, id)
}
