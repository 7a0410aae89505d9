package handler_test

import (
	"strings"
)

// exception is a kind of statement that may look at more than others: so many rows for each that it gives, and so
// many more. One that may read or sort whole tables does so on purpose.
type exception struct {
	by   string   // in the services
	has  []string // any of these in its text
	each int
	more int
	all  bool
	why  string
}

var exceptions = map[string]exception{
	"totals":            {has: []string{"COUNT(*) FROM products ", "SELECT COUNT(*) FROM orders o WHERE", "SELECT COUNT(*) FROM audit_log a WHERE"}, all: true, why: "a total has to count, and is read only where it is asked for"},
	"figures":           {by: "readSums", all: true, why: "adds all orders up, once; from then on they are followed"},
	"figures of days":   {by: "readWindow", all: true, why: "adds the days up, once"},
	"figures' position": {by: "readPosition", all: true, why: "finds out once which rows of history are known, of the last ten thousand"},
	"counted":           {by: "(*counted).read", more: 300, why: "counts the last ones"},
	"names":             {by: "(*names).part", all: true, why: "reads all names, some thousands at a time, into an index"},
	"news":              {by: "readNews", all: true, why: "reads what has happened since the last time, however much"},
	"changed names":     {has: []string{"FORCE INDEX (ix_products_changed)"}, all: true, why: "reads what has changed, or finds out that it is much, two thousand at most"},
	"seed":              {by: "addMissing", has: []string{"SELECT name FROM products"}, all: true, why: "a command that compares all names, and is hardly ever run"},

	"everybody": {by: "(*Sessions).lastOfSome", all: true, why: "a command that ends the sessions of all users, a thousand at a time"},

	"few products": {by: "(*Products).isFew", more: 1001, why: "finds out whether there are few"},
	"search":       {by: "listProducts", has: []string{"name LIKE"}, all: true, why: "before names are in an index, all are looked at"},
	"filtered products": {by: "listProducts", has: []string{"price >= ", "price <= ", "stock = 0", "archived_at IS NOT NULL"}, each: 60, more: 4_000,
		why: "what a filter leaves is sorted if it is little, else met often enough on the way along the order"},
	"a user's orders":    {by: "listOrders", has: []string{"o.user_id = "}, more: 2 * 5_010, why: "what else is asked of one user's orders is looked for among these"},
	"orders of a time":   {by: "listOrders", has: []string{"o.created_at"}, each: 60, more: 4_000, why: "those of a status are looked for among them"},
	"one admin's doings": {by: "(*Admin).ListAudit", has: []string{"a.actor_id = "}, more: 2 * 510, why: "what else is asked of them is looked for among these"},
	"sessions":           {by: "makeRoom", more: 100, why: "counts a user's, which are few"},
	"doings of a kind":   {by: "(*Admin).ListAudit", has: []string{"a.action = "}, more: 2 * 2_010, why: "those of a time are looked for among these"},
}

// excepted reports whether one of the exceptions is made for a statement.
func (j *judge) excepted(s sending, p performance) (is bool) {
	for name, e := range exceptions {
		if e.by != "" && e.by != s.by || len(e.has) > 0 && !containsAny(s.sql, e.has) {
			continue
		}
		if e.all || p.plan == "" && p.looked <= max(e.each, rowsEach)*p.most+rowsMore+e.more {
			j.used[name], is = true, true
		}
	}
	return is
}

func containsAny(s string, texts []string) bool {
	for _, text := range texts {
		if strings.Contains(s, text) {
			return true
		}
	}
	return false
}

// finish reports what is excepted for nothing, and what could not be judged.
func (j *judge) finish() {
	for name := range exceptions {
		if !j.used[name] {
			j.t.Errorf("nothing needs the exception %q any more: take it out", name)
		}
	}
	for kind, call := range j.hidden {
		if !j.judged[kind] {
			j.t.Errorf("%s: the plan can't be seen, because what is looked for is not there:\n%s", call, kind)
		}
	}
}
