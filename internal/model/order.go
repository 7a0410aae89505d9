package model

import (
	"slices"
	"strings"
	"time"
)

// Status is where an order stands.
type Status string

// The statuses. Delivered and Cancelled are final.
const (
	Pending   Status = "Pending"
	Shipped   Status = "Shipped"
	Delivered Status = "Delivered"
	Cancelled Status = "Cancelled"
)

// Statuses are all of them, in the order of an order's life.
var Statuses = []Status{Pending, Shipped, Delivered, Cancelled}

// Next returns the statuses that may follow s.
func (s Status) Next() []Status {
	switch s {
	case Pending:
		return []Status{Shipped, Cancelled}
	case Shipped:
		return []Status{Delivered}
	default:
		return []Status{}
	}
}

// CanBecome reports whether to may follow s.
func (s Status) CanBecome(to Status) bool { return slices.Contains(s.Next(), to) }

// PaymentMethods are the ways to pay that an order can name.
var PaymentMethods = []string{"Credit Card", "UPI", "Net Banking", "Cash on Delivery"}

// PaymentPending is the payment status of a new order.
const PaymentPending = "Pending"

// Order is a placed order. OrderID repeats ID for clients of the earlier backend. CreatedAt is nil
// only where an adopted database did not know it.
type Order struct {
	ID              int64       `db:"id" json:"id"`
	OrderID         int64       `db:"order_id" json:"order_id"`
	UserID          int64       `db:"user_id" json:"user_id"`
	Status          Status      `db:"status" json:"status"`
	PaymentMethod   *string     `db:"payment_method" json:"payment_method"`
	PaymentStatus   string      `db:"payment_status" json:"payment_status"`
	ShippingAddress *string     `db:"shipping_address" json:"shipping_address"`
	TotalPrice      Money       `db:"total_price" json:"total_price"`
	Products        []OrderItem `db:"-" json:"products"`
	CreatedAt       *time.Time  `db:"created_at" json:"created_at"`
	UpdatedAt       *time.Time  `db:"updated_at" json:"updated_at"`
}

// OrderItem is a line of an order, with the name and price of the moment it was placed.
type OrderItem struct {
	OrderID    int64  `db:"order_id" json:"-"`
	ProductID  int64  `db:"product_id" json:"product_id"`
	Name       string `db:"name" json:"name"`
	Quantity   int64  `db:"quantity" json:"quantity"`
	Price      Money  `db:"price" json:"price"`
	TotalPrice Money  `db:"total_price" json:"total_price"`
}

// StatusChange is a row of an order's history. By is the id of the user who made it, nil when that
// user is gone or the change came with an adopted database; Note is that database's word for the status
// where it was another.
type StatusChange struct {
	Status Status     `db:"status" json:"status"`
	At     *time.Time `db:"created_at" json:"at"`
	By     *int64     `db:"changed_by" json:"by"`
	Note   *string    `db:"note" json:"note,omitempty"`
}

// OrderWithHistory is an order with its status changes, oldest first.
type OrderWithHistory struct {
	Order
	History []StatusChange `json:"history"`
}

// Customer is who placed an order, as admins see it.
type Customer struct {
	ID    int64  `db:"id" json:"id"`
	Name  string `db:"name" json:"name"`
	Email string `db:"email" json:"email"`
}

// AdminOrder is an order as admins see it.
type AdminOrder struct {
	Order
	User Customer `db:"user" json:"user"`
}

// PlacedOrder is a new order and the answer to it. Under the same IdempotencyKey it is the first one
// again, as it was then, and Replayed.
type PlacedOrder struct {
	Message string `json:"message"`
	Order
	Answer   []byte `json:"-"` // all of the above as JSON, the same bytes each time
	Replayed bool   `json:"-"`
}

// OrderInput is the body of a new order; what is ordered is the caller's cart. With ExpectedTotal
// the order is placed only if that is what the cart costs. The IdempotencyKey comes from a header; nil
// is none.
type OrderInput struct {
	PaymentMethod   string  `json:"payment_method"`
	ShippingAddress string  `json:"shipping_address"`
	ExpectedTotal   *Money  `json:"expected_total"`
	IdempotencyKey  *string `json:"-"`
}

// Validate trims the address and collects every broken field.
func (in *OrderInput) Validate() error {
	var c check
	if in.PaymentMethod == "" {
		c.bad("payment_method", "is required")
	} else if !slices.Contains(PaymentMethods, in.PaymentMethod) {
		c.bad("payment_method", "must be one of %s", strings.Join(PaymentMethods, ", "))
	}
	c.address("shipping_address", &in.ShippingAddress)
	if in.IdempotencyKey != nil && !visibleASCII(*in.IdempotencyKey, 255) {
		c.bad("Idempotency-Key", "must be 1 to 255 visible ASCII characters, without spaces")
	}
	return c.err()
}

func visibleASCII(s string, longest int) bool {
	odd := func(c rune) bool { return c <= ' ' || c > '~' }
	return s != "" && len(s) <= longest && !strings.ContainsFunc(s, odd)
}

// StatusInput is an admin's new status for an order.
type StatusInput struct {
	Status Status `json:"status"`
}

// Validate wants one of Statuses.
func (in *StatusInput) Validate() error {
	var c check
	c.status("status", in.Status)
	return c.err()
}

func (c *check) status(name string, s Status) {
	if s == "" {
		c.bad(name, "is required")
	} else if !slices.Contains(Statuses, s) {
		c.bad(name, "must be one of %s", JoinStatuses(Statuses))
	}
}

// JoinStatuses lists statuses for a sentence: "Shipped, Cancelled".
func JoinStatuses(list []Status) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

// OrderFilter narrows the list of orders; zero values do not narrow. From is inclusive, To exclusive.
type OrderFilter struct {
	Status Status
	UserID int64
	From   *time.Time
	To     *time.Time
	Page   Page
}

// Validate collects every parameter that breaks a rule.
func (f *OrderFilter) Validate() error {
	var c check
	if f.Status != "" {
		c.status("status", f.Status)
	}
	if f.UserID < 0 {
		c.bad("user_id", "must be a positive number")
	}
	if f.From != nil && f.To != nil && !f.From.Before(*f.To) {
		c.bad("from", "must be before to")
	}
	f.Page.check(&c, f.Sort())
	if f.Sort() == SortCreated {
		f.Page.checkTimeKey(&c)
	}
	return c.err()
}

// Sort is what the list is sorted by, in its cursors: newest first, which is by id, or of a time by when they were
// placed.
func (f *OrderFilter) Sort() string {
	if f.UserID == 0 && (f.From != nil || f.To != nil) {
		return SortCreated
	}
	return ""
}
