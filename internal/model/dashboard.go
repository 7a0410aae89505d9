package model

// Bounds of the dashboard's days.
const (
	DefaultDays = 30
	MaxDays     = 366
)

// LowStock is the stock at which a product is worth a look.
const LowStock = 5

// Dashboard is how the shop does. Revenue counts orders that are not cancelled. RevenueByDay and
// TopProducts are of the days asked for, today included, by UTC; the rest is of all time.
type Dashboard struct {
	Totals         Totals           `json:"totals"`
	OrdersByStatus map[Status]int64 `json:"orders_by_status"`
	RevenueByDay   []DayRevenue     `json:"revenue_by_day"`
	TopProducts    []ProductSales   `json:"top_products"`
	LowStock       []Product        `json:"low_stock"`
	RecentOrders   []AdminOrder     `json:"recent_orders"`
}

// Totals are of all time; Products are those that are sold.
type Totals struct {
	Users    int64 `db:"users" json:"users"`
	Products int64 `db:"products" json:"products"`
	Orders   int64 `db:"orders" json:"orders"`
	Revenue  Money `db:"revenue" json:"revenue"`
}

// DayRevenue is one day; Date is 2026-11-22. Days without orders are there too.
type DayRevenue struct {
	Date    string `db:"date" json:"date"`
	Orders  int64  `db:"orders" json:"orders"`
	Revenue Money  `db:"revenue" json:"revenue"`
}

// ProductSales is how often a product was sold, and for how much.
type ProductSales struct {
	ProductID int64  `db:"product_id" json:"product_id"`
	Name      string `db:"name" json:"name"`
	Quantity  int64  `db:"quantity" json:"quantity"`
	Revenue   Money  `db:"revenue" json:"revenue"`
}

// DashboardFilter says how many days RevenueByDay and TopProducts look back.
type DashboardFilter struct {
	Days int // 0 means DefaultDays
}

// Validate checks the range.
func (f *DashboardFilter) Validate() error {
	var c check
	if f.Days == 0 {
		f.Days = DefaultDays
	}
	c.within("days", Int(f.Days), 1, MaxDays)
	return c.err()
}
