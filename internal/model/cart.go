package model

// MaxCartLines is how many different products one cart holds: one page shows all of them.
const MaxCartLines = 100

// MaxQuantity is how many pieces of one product a cart holds.
const MaxQuantity = 1000

// CartItem is one product in a user's cart, at today's name and price. Available tells whether it
// could be ordered as it stands: still sold, and enough of it in stock.
type CartItem struct {
	ID         int64   `db:"id" json:"id"`
	UserID     int64   `db:"user_id" json:"user_id"`
	ProductID  int64   `db:"product_id" json:"product_id"`
	Name       string  `db:"name" json:"name"`
	Price      Money   `db:"price" json:"price"`
	Quantity   int64   `db:"quantity" json:"quantity"`
	TotalPrice Money   `db:"total_price" json:"total_price"`
	ImageURL   *string `db:"image_url" json:"image_url"`
	Stock      int64   `db:"stock" json:"stock"`
	Available  bool    `db:"available" json:"available"`
}

// CartInput adds pieces of a product to the cart.
type CartInput struct {
	ProductID *Int `json:"product_id"`
	Quantity  *Int `json:"quantity"`
}

// Validate collects every broken field.
func (in *CartInput) Validate() error {
	var c check
	if in.ProductID == nil {
		c.bad("product_id", "is required")
	} else if *in.ProductID < 1 {
		c.bad("product_id", "must be a positive number")
	}
	c.quantity(in.Quantity, 1)
	return c.err()
}

// QuantityInput sets how many pieces of a product the cart holds; 0 removes it.
type QuantityInput struct {
	Quantity *Int `json:"quantity"`
}

// Validate checks the range.
func (in *QuantityInput) Validate() error {
	var c check
	c.quantity(in.Quantity, 0)
	return c.err()
}

func (c *check) quantity(n *Int, least int64) {
	if n == nil {
		c.bad("quantity", "is required")
		return
	}
	c.within("quantity", *n, least, MaxQuantity)
}

// Shortage is a line that can't be had as asked. Available is 0 for a product that is no longer sold.
type Shortage struct {
	ProductID int64  `json:"product_id"`
	Name      string `json:"name"`
	Requested int64  `json:"requested"`
	Available int64  `json:"available"`
	Archived  bool   `json:"-"`
}
