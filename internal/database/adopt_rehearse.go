package database

import (
	"context"
	"errors"
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
	return nil, nil
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
		changes = slices.Insert(changes, 0, []string{"ENGINE = InnoDB"})
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
