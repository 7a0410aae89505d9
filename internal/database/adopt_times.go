package database

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// keep returns assignments, for the end of a SET, that keep the times which an owner's columns would take of
// every change of a row; alias is empty or ends with a dot.
func (a *adopter) keep(table, alias string) (list string) {
	for _, name := range slices.Sorted(maps.Keys(a.columns)) {
		if c := a.columns[name]; c.Table == table && strings.Contains(strings.ToLower(c.Extra), "on update") {
			list += ", " + alias + quoted(c.Name) + " = " + alias + quoted(c.Name)
		}
	}
	return list
}

// fineTimes are the columns that are to hold whole seconds, and hold parts of one. Servers differ in what they make of these.
func (a *adopter) fineTimes() (list []column) {
	for _, name := range []string{"users.created_at", "products.created_at", "orders.created_at", "orders.updated_at"} {
		if c, ok := a.columns[name]; ok && isDate(c) && strings.Contains(c.Full, "(") {
			list = append(list, c)
		}
	}
	return list
}

func wholeSeconds(name string) string { return "DATE_FORMAT(" + name + ", '%Y-%m-%d %H:%i:%s')" }

func (a *adopter) timeChanges(ctx context.Context, db sqlx.QueryerContext) (list []Change, err error) {
	for _, c := range a.fineTimes() {
		found, err := changesOf(c.Table, c.Name, "CAST("+c.Name+" AS CHAR)", wholeSeconds(c.Name), "MICROSECOND("+c.Name+") <> 0")(ctx, db)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

func (a *adopter) cutTimes(ctx context.Context, tx *sqlx.Tx) error {
	for _, c := range a.fineTimes() {
		if err := statements("UPDATE "+c.Table+" SET "+c.Name+" = "+wholeSeconds(c.Name)+a.keep(c.Table, "")+
			" WHERE MICROSECOND("+c.Name+") <> 0")(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}
