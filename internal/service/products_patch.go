package service

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
)

// Patch changes the fields that the input has. OutOfStock if the stock would go below zero or above
// what a product can have.
func (s *Products) Patch(ctx context.Context, id int64, in model.ProductPatch) (model.Product, error) {
	if err := in.Validate(); err != nil {
		return model.Product{}, err
	}
	var p model.Product
	err := database.InTx(ctx, s.db, func(tx *sqlx.Tx) (err error) {
		if err = patchProduct(ctx, tx, id, in); err != nil {
			return err
		}
		p, err = getProduct(ctx, tx, id)
		return err
	})
	return p, fail("patch product", err)
}

func patchProduct(ctx context.Context, tx *sqlx.Tx, id int64, in model.ProductPatch) error {
	var set []string
	var args []any
	add := func(clause string, value any) {
		set, args = append(set, clause), append(args, value)
	}
	if in.Name != nil {
		add("name = ?", *in.Name)
	}
	if in.Price != nil {
		add("price = ?", *in.Price)
	}
	if in.Category != nil {
		add("category = ?", *in.Category)
	}
	if in.Stock != nil {
		add("stock = ?", *in.Stock)
	}
	if in.ImageURL.Set {
		add("image_url = ?", in.ImageURL.Value)
	}
	where := "id = ? AND archived_at IS NULL"
	if in.StockDelta != nil {
		add("stock = stock + ?", *in.StockDelta)
		where += " AND stock + ? BETWEEN 0 AND GREATEST(stock, ?)"
	}
	if len(set) == 0 {
		return nil
	}
	args = append(args, id)
	if in.StockDelta != nil {
		args = append(args, *in.StockDelta, model.MaxStock)
	}
	res, err := tx.ExecContext(ctx, `
		UPDATE `+productsByID+`
		SET `+strings.Join(set, ", ")+`
		WHERE `+where, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); n > 0 || err != nil {
		return err
	}
	p, err := getProduct(ctx, tx, id)
	if err != nil || in.StockDelta == nil {
		return err
	}
	return apperr.With(apperr.OutOfStock, "The stock can't change by that much.",
		map[string]any{"items": []model.Shortage{{ProductID: p.ID, Name: p.Name, Requested: -int64(*in.StockDelta), Available: p.Stock}}})
}

// Delete archives a product: it leaves the shop, and orders keep their lines.
func (s *Products) Delete(ctx context.Context, id int64) error {
	res, err := database.Exec(ctx, s.db, `
		UPDATE `+productsByID+`
		SET archived_at = ?
		WHERE id = ? AND archived_at IS NULL`, now(), id)
	return fail("archive product", mustMatch(res, err, errNoProduct))
}
