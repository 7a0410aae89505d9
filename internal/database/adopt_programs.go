package database

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// programProblems are triggers and events that would take part in what the adoption or the shop does. One that can only
// write elsewhere, as for an owner's audit, is named and left alone.
func (a *adopter) programProblems(ctx context.Context) (problems []string, err error) {
	programs, err := Programs(ctx, a.db)
	for _, p := range programs {
		insert := strings.HasSuffix(p.Moment, " INSERT")
		switch {
		case p.Table == "" && p.Moment == "ENABLED" && p.meddles():
			problems = append(problems, fmt.Sprintf("%s may change the shop's tables at any time: see what it does (%s), and drop it or ALTER EVENT ... DISABLE", p, p.Show()))
		case p.Table == "":
			a.warnings = append(a.warnings, fmt.Sprintf("%s is %s: see what it does (%s)", p, strings.ToLower(p.Moment), p.Show()))
		case !insert || !slices.Contains(legacyTables, p.Table):
			problems = append(problems, p.String()+" would run when rows are adopted: drop it, and make it again afterwards")
		case slices.Contains([]string{"orders", "order_items"}, p.Table) && strings.Contains(strings.ToLower(p.Body), "stock"):
			problems = append(problems, p.String()+" seems to take stock, which HexaMart does itself: drop it")
		case p.Moment == "AFTER INSERT" && p.Body == "":
			problems = append(problems, fmt.Sprintf("what %s does can't be seen by the database's user, which lacks the right TRIGGER: run hexamart migrate as one that has it", p))
		case p.Moment != "AFTER INSERT" || p.meddles():
			problems = append(problems, fmt.Sprintf("%s may change what HexaMart writes: see what it does (%s), and drop it; if it is meant, make it again afterwards", p, p.Show()))
		default:
			a.warnings = append(a.warnings, fmt.Sprintf("%s runs after each row that is added there: see what it does (%s)", p, p.Show()))
		}
	}
	return problems, err
}
