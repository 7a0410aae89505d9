package handler_test

import "strings"

// exception is a kind of statement that may do more than others, and how much that is at most.
type exception struct {
	by   string   // in the services
	has  []string // in its text
	most int      // rows looked at
	why  string
}

var exceptions = map[string]exception{
	"count":              {"", []string{"SELECT COUNT(*)"}, 100_000, "a total has to count, and is read only where it is asked for"},
	"search":             {"listProducts", []string{"name LIKE"}, 100_000, "a part of a name is in no index"},
	"dashboard":          {"readTotals", nil, 500_000, "sums all up"},
	"dashboard days":     {"readDays", nil, 500_000, "sums all up"},
	"dashboard products": {"readProductFigures", nil, 500_000, "sums all up"},
	"seed":               {"(*Products).Seed", []string{"SELECT name FROM products"}, 100_000, "a command that compares all names, and is run once"},
}

func (j *judge) excepted(s sending, looked int) bool {
	for name, e := range exceptions {
		if e.by != "" && e.by != s.by || looked > e.most {
			continue
		}
		all := true
		for _, text := range e.has {
			all = all && strings.Contains(s.sql, text)
		}
		if all {
			j.used[name] = true
			return true
		}
	}
	return false
}

// finish reports what was excepted for nothing.
func (j *judge) finish() {
	for name := range exceptions {
		if !j.used[name] {
			j.t.Errorf("nothing is excepted as %q any more: take it out", name)
		}
	}
}
