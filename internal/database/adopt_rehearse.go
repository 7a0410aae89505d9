package database

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// Numbers of server errors for a right that is missing.
var erDenied = []uint16{1044, 1142, 1143, 1227}

// missingRights tries what the adoption does with statements that change nothing: they concern no row, or
// fail for another reason once the right is there.
func (a *adopter) missingRights(ctx context.Context) (problems []string) {
	list := []string{
		"CREATE TABLE users (id INT PRIMARY KEY)",
		"DROP TABLE " + rehearsal + "none",
		"DELETE FROM carts WHERE FALSE",
		"INSERT INTO carts SELECT * FROM carts WHERE FALSE",
		"ALTER TABLE carts ADD CONSTRAINT hexamart_none FOREIGN KEY (hexamart_none) REFERENCES users (id)",
	}
	for _, t := range legacyTables {
		list = append(list, "UPDATE "+t+" SET id = id WHERE FALSE", "ALTER TABLE "+t+" DROP COLUMN hexamart_none",
			"CREATE INDEX hexamart_none ON "+t+" (hexamart_none)")
	}
	for _, s := range list {
		if err := a.exec(ctx, s); hasNumber(err, erDenied...) {
			problems = append(problems, "the database's user lacks a right that is needed (ALL on the database would do): "+err.Error())
		}
	}
	return problems
}

// rehearsal begins the names of the tables on which the adoption is tried.
const rehearsal = "hexamart_rehearsal_"

// rehearse makes every change of tables that is left on empty copies of these, and so finds what nobody
// thought of: a row that is too wide, a partitioned table, ... It makes and drops tables, and is left out
// of a mere check. LIKE copies no foreign keys; all others are as in the original.
func (a *adopter) rehearse(ctx context.Context) (problems []string, err error) {
	if err := a.dropRehearsal(ctx); err != nil { // an earlier run was killed
		return nil, err
	}
	defer func() { err = errors.Join(err, a.dropRehearsal(context.WithoutCancel(ctx))) }()
	for _, s := range a.shapes() {
		changes, err := a.changesOfTable(ctx, s)
		if err != nil {
			return nil, err
		}
		statements := []string{"CREATE TABLE " + rehearsal + s.table + " LIKE " + s.table}
		for _, clauses := range changes {
			clauses = slices.DeleteFunc(clauses, func(c string) bool { return strings.HasPrefix(c, "DROP FOREIGN KEY") })
			for i, c := range clauses {
				clauses[i] = strings.ReplaceAll(c, "REFERENCES ", "REFERENCES "+rehearsal)
			}
			statements = append(statements, alteration(rehearsal+s.table, clauses))
		}
		for _, statement := range statements {
			if err := a.exec(ctx, statement); errno(err) > 0 && !hasNumber(err, erLockWait) {
				return []string{"the table " + s.table + " can't be brought to its new shape: " + err.Error()}, nil
			} else if err != nil {
				return nil, err
			}
		}
	}
	return a.rehearseRows(ctx)
}

// shopRows are what a shop writes: an owner's CHECK may know the earlier backend's words only.
var shopRows = []struct{ table, values string }{
	{"users", "(id, name, email, password_hash) VALUES (1, 'Asha Rao', 'asha@example.com', REPEAT('x', 60))"},
	{"products", "(id, name, price, category, stock) VALUES (1, 'Desk Lamp', 19.99, 'Home', 40)"},
	{"carts", "(user_id, product_id, quantity) VALUES (1, 1, 1)"},
	{"orders", `(id, user_id, total_price, status, payment_method, payment_status, shipping_address, created_at) VALUES
		(1, 1, 19.99, 'Pending', 'UPI', 'Pending', '12 MG Road', UTC_TIMESTAMP()),
		(2, 1, 19.99, 'Shipped', 'Credit Card', 'Pending', '12 MG Road', UTC_TIMESTAMP() + INTERVAL 1 DAY),
		(3, 1, 19.99, 'Delivered', 'Net Banking', 'Pending', '12 MG Road', UTC_TIMESTAMP() + INTERVAL 2 DAY),
		(4, 1, 19.99, 'Cancelled', 'Cash on Delivery', 'Pending', '12 MG Road', UTC_TIMESTAMP() + INTERVAL 3 DAY)`},
	{"order_items", "(order_id, product_id, name, price, quantity) VALUES (1, 1, 'Desk Lamp', 19.99, 1)"},
}

// rehearseRows adds rows to the copies of tables that are not done, and makes the changes of rows that need
// no new column in a transaction that is rolled back; an engine without any goes unrehearsed.
func (a *adopter) rehearseRows(ctx context.Context) (problems []string, err error) {
	refused := func(table string, err error) bool {
		if errno(err) == 0 || hasNumber(err, erLockWait) {
			return false
		}
		problems = append(problems, "the table "+table+" does not take what HexaMart writes: "+err.Error())
		return true
	}
	if !slices.Contains(slices.Collect(maps.Values(a.shaped)), true) { // else a copy lacks those that it refers to
		for _, r := range shopRows {
			if err := a.exec(ctx, "INSERT INTO "+rehearsal+r.table+" "+r.values); err != nil && !refused(r.table, err) {
				return nil, err
			}
			if len(problems) > 0 { // of which the next is a consequence
				return problems, nil
			}
		}
	}
	others, err := a.otherEngines(ctx)
	if err != nil || len(others) > 0 {
		return nil, err
	}
	tx, err := a.db.BeginTxx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	for _, s := range a.rowSteps() {
		if table, ok := map[string]string{"odd admin flags": "users", "e-mails in spaces": "users", "negative stock": "products", "stock in fractions": "products", "cart lines": "carts"}[s.name]; ok {
			if err := s.apply(ctx, tx); err != nil && !refused(table, err) {
				return nil, err
			}
		}
	}
	return problems, nil
}

func (a *adopter) dropRehearsal(ctx context.Context) error {
	var names []string
	for _, t := range slices.Backward(legacyTables) { // those that refer to others first
		names = append(names, rehearsal+t)
	}
	return a.exec(ctx, "DROP TABLE IF EXISTS "+strings.Join(names, ", "))
}

// changesOfTable returns the clauses of each ALTER of a table that is left, in their order.
func (a *adopter) changesOfTable(ctx context.Context, s tableShape) (changes [][]string, err error) {
	if a.shaped[s.table] {
		return nil, nil
	}
	if s.added != nil && !a.has(s.table, s.first) {
		changes = append(changes, s.added())
	}
	drops, err := a.dropKeys(ctx, s.table)
	if err != nil {
		return nil, err
	}
	others, err := a.otherEngines(ctx)
	if slices.Contains(others, s.table) {
		changes = slices.Insert(changes, 0, engineOptions)
	}
	return append(changes, append(append(s.clauses(), drops...), tableOptions...)), err
}

// awaitTables waits until nobody else is in the middle of something with the tables, which would stop the
// first change of one of them. Who may not lock tables finds that out later.
func (a *adopter) awaitTables(ctx context.Context) error {
	for _, t := range legacyTables { // one by one: MySQL with GTIDs takes no MyISAM among others
		err := a.exec(ctx, "LOCK TABLES "+t+" WRITE")
		if hasNumber(err, erDenied...) {
			return nil
		}
		if err := errors.Join(err, a.exec(context.WithoutCancel(ctx), "UNLOCK TABLES")); err != nil {
			return err
		}
	}
	return nil
}
