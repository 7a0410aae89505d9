package database

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// check looks for all that could stop the adoption half-way, or what is left of it, and names it at once.
func (a *adopter) check(ctx context.Context) error {
	if err := a.readShaped(ctx); err != nil {
		return err
	}
	problems := a.columnProblems()
	for _, look := range []func(context.Context) ([]string, error){a.idProblems, a.keyProblems, a.takenNames, a.programProblems} {
		found, err := look(ctx)
		if err != nil {
			return err
		}
		problems = append(problems, found...)
	}
	for _, o := range slices.Concat(a.columnObstacles(), a.idObstacles(), obstacles) {
		text, err := o.find(ctx, a, len(problems))
		if err != nil {
			return err
		}
		if text != "" {
			problems = append(problems, text)
		}
	}
	problems = append(problems, a.missingRights(ctx)...)
	if len(problems) == 0 && !a.opt.Check {
		var err error
		if problems, err = a.rehearse(ctx); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		for i, p := range problems { // of which some quote the server, which quotes names and values
			problems[i] = Printable(p)
		}
		return fmt.Errorf("%w:\n  %s", ErrNotAdoptable, strings.Join(problems, "\n  "))
	}
	return a.findWarnings(ctx)
}
