package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"hexamart/internal/database"
)

// checkMigration says what migrate would do, and changes nothing.
func (p *program) checkMigration(ctx context.Context, s *shop) error {
	adoption, err := database.Adopt(ctx, s.db, database.AdoptOptions{Check: true})
	if err != nil {
		return err
	}
	printAdoption(p.stdout, adoption)
	return p.printMigrations(ctx, s)
}

// printAdoption says, table by table, what there was and each value that could not stay as it was.
func printAdoption(out io.Writer, a *database.Adoption) {
	if a == nil {
		return
	}
	if len(a.Pending) > 0 {
		fmt.Fprintf(out, "An adoption of this database was begun and interrupted. Still to come: %s.\n", strings.Join(a.Pending, ", "))
		fmt.Fprintln(out, "What was altered already stands in the table adoption_log; below is what is left.")
	}
	fmt.Fprintln(out, "The earlier backend's database, table by table:")
	for _, table := range slices.Sorted(maps.Keys(a.Rows)) {
		fmt.Fprintf(out, "%s: %d rows, adopted under their ids\n", table, a.Rows[table])
		if table == "orders" {
			fmt.Fprintf(out, "  %d payment methods moved from payment_status to payment_method\n", a.Moved)
		}
		for _, c := range a.Changes {
			if c.Table == table {
				fmt.Fprintf(out, "  id %d: %s\n", c.Row, describeChange(c))
			}
		}
	}
	if len(a.Warnings) > 0 {
		fmt.Fprintln(out, "Left as it is, and yours to look at:")
	}
	for _, w := range a.Warnings {
		fmt.Fprintln(out, "  "+plain(w))
	}
}

func describeChange(c database.Change) string {
	show := func(v *string) string {
		if v == nil {
			return "NULL"
		}
		return fmt.Sprintf("%q", *v)
	}
	if c.New == nil {
		return fmt.Sprintf("removed, %s was %s", c.Column, show(c.Old))
	}
	return fmt.Sprintf("%s %s becomes %s", c.Column, show(c.Old), show(c.New))
}
