package model

// Violation is a row of the database that breaks a rule of the shop's books.
type Violation struct {
	Rule    string `db:"-"`       // "stock_matches_ledger"
	Row     string `db:"row_id"`  // which one: "order 12"
	Problem string `db:"problem"` // what is wrong with it: "its total is 10.00, its items cost 12.00"
}
