package database

import (
	"context"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
)

// roundings finds amounts that are no whole cents. The column's new type rounds them; of binary floating
// point the decimal is taken that was once written there.
func (a *adopter) roundings(table, name string) func(context.Context, sqlx.QueryerContext) ([]Change, error) {
	return func(ctx context.Context, db sqlx.QueryerContext) ([]Change, error) {
		bits := map[string]int{"float": 32, "double": 64}[a.columns[table+"."+name].Type]
		exact := name
		if bits > 0 {
			exact = name + " + 0E0" // FLOAT itself would be shown with six digits
		}
		var rows []struct {
			ID    int64  `db:"id"`
			Exact string `db:"exact"`
			Cents string `db:"cents"`
		}
		if err := sqlx.SelectContext(ctx, db, &rows, `
			SELECT id, `+exact+` AS exact, CAST(`+name+` AS DECIMAL(12, 2)) AS cents
			FROM `+table+`
			ORDER BY id`); err != nil {
			return nil, err
		}
		var list []Change
		for _, r := range rows {
			shown := r.Exact
			if f, err := strconv.ParseFloat(r.Exact, 64); bits > 0 && err == nil {
				shown = written(f, bits)
			}
			if _, decimals, _ := strings.Cut(shown, "."); len(strings.TrimRight(decimals, "0")) > 2 {
				list = append(list, Change{Table: table, Row: r.ID, Column: name, Old: &shown, New: &r.Cents})
			}
		}
		return list, nil
	}
}

// written returns the decimal that a number of binary floating point stands for: the shortest. Where an
// owner turned a FLOAT into a DOUBLE, 19.99 became 19.989999771118164: a DOUBLE that is exactly some FLOAT
// is read as that. And sums in DOUBLE are off by some last digits: of the seventeen thirteen are taken,
// enough for a tenth of a cent in the largest amount there can be.
func written(f float64, bits int) string {
	if float64(float32(f)) == f {
		bits = 32
	}
	if bits == 64 {
		f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'g', 13, 64), 64)
	}
	return strconv.FormatFloat(f, 'f', -1, bits)
}
