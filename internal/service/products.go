package service

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/security"
)

// Products is what the shop sells. All but ListAll treat an archived product as one that isn't there.
type Products struct {
	db       *sqlx.DB
	changes  atomic.Uint64
	lists    *security.Queue // of all other reading
	searches *security.Queue // of those that look at all names in the database
	walks    *security.Queue // of those that may walk along an index for long
	names    *names

	departures atomic.Uint64 // raised after each write that may have taken a product out of the shop
}

// Version is a number that is another one after each write through this instance that may have changed
// a product or its stock: what was read at one version is not to be shown at the next.
func (s *Products) Version() uint64 { return s.changes.Load() }

// Edition is such a number for writes that may have changed more than stock.
func (s *Products) Edition() uint64 { return s.names.edits.Load() }

// changed is called after every such write, also one that failed: its COMMIT may have come through. It is not for what was
// refused before: nobody may make pages void for others without buying.
func (s *Products) changed() { s.changes.Add(1) }

// edited is changed for a write of more than stock.
func (s *Products) edited() {
	s.names.edits.Add(1)
	s.changed()
}

// productsByID is the table for writes, read by its id whatever the optimizer thinks: on the way along an
// index that holds the stock, a write misses a row that another one moves there at that moment.
const productsByID = "products p FORCE INDEX (PRIMARY)"

const productColumns = "id, name, price, category, stock, image_url"

var errNoProduct = apperr.New(apperr.NotFound, "There is no such product in the shop.")

// ListCategories returns the categories in which something is sold, sorted. The index is read by a leap from each
// category to the next, whatever is in them: grouped by its first column, too, or else servers read all of it.
// Those who ask from one address wait in turn.
func (s *Products) ListCategories(ctx context.Context, asker model.Asker) ([]string, error) {
	done, err := enter(ctx, s.lists, asker)
	if err != nil {
		return nil, fail("list categories", err)
	}
	defer done()
	categories := []string{}
	err = s.db.SelectContext(ctx, &categories, `
		SELECT category
		FROM products FORCE INDEX (ix_products_category)
		WHERE archived_at IS NULL
		GROUP BY archived_at, category
		ORDER BY category`)
	return categories, fail("list categories", err)
}

// Get returns a product that is sold. Those who ask from one address wait in turn.
func (s *Products) Get(ctx context.Context, id int64, asker model.Asker) (model.Product, error) {
	var p model.Product
	done, err := enter(ctx, s.lists, asker)
	if err != nil {
		return p, fail("get product", err)
	}
	defer done()
	err = s.db.GetContext(ctx, &p, `
		SELECT `+productColumns+`
		FROM products
		WHERE id = ? AND archived_at IS NULL`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return p, errNoProduct
	}
	return p, fail("get product", err)
}

// Create adds a product, on behalf of an admin.
func (s *Products) Create(ctx context.Context, by model.Actor, in model.ProductInput) (model.Product, error) {
	if err := in.Validate(); err != nil {
		return model.Product{}, err
	}
	var p model.Product
	defer s.edited()
	err := database.InTx(ctx, s.db, func(tx *sqlx.Tx) (err error) {
		p, err = createProduct(ctx, tx, by, in)
		return err
	})
	return p, fail("create product", err)
}

func createProduct(ctx context.Context, tx *sqlx.Tx, by model.Actor, in model.ProductInput) (model.Product, error) {
	p, at := in.Product(), now()
	res, err := tx.ExecContext(ctx, `
		INSERT INTO products (name, price, category, stock, image_url, created_at)
		VALUES (?, ?, ?, ?, ?, ?)`,
		in.Name, *in.Price, in.Category, *in.Stock, in.ImageURL, at)
	if err != nil {
		return p, err
	}
	if p.ID, err = res.LastInsertId(); err != nil {
		return p, err
	}
	if err := mustBeAdmin(ctx, tx, by); err != nil {
		return p, err
	}
	if err := audit(ctx, tx, by, model.AuditProductCreate, auditProduct, p.ID, nil, p); err != nil {
		return p, err
	}
	return p, bookStock(ctx, tx, stockChange{ProductID: p.ID, Quantity: p.Stock, Cause: causeCreated, ChangedBy: person(by.ID), At: &at})
}

// Update replaces all fields of a product, on behalf of an admin. Unless it is nil, judge is shown the
// product as it is, and nothing changes if it returns an error.
func (s *Products) Update(ctx context.Context, by model.Actor, id int64, in model.ProductInput, judge func(model.Product) error) (model.Product, error) {
	if err := in.Validate(); err != nil {
		return model.Product{}, err
	}
	p, err := s.edit(ctx, by, id, judge, func(p *model.Product) error {
		*p = in.Product()
		return nil
	})
	return p, fail("update product", err)
}

// Patch is Update of the fields that the input has. OutOfStock if the stock would go below zero or above
// what a product can have.
func (s *Products) Patch(ctx context.Context, by model.Actor, id int64, in model.ProductPatch, judge func(model.Product) error) (model.Product, error) {
	if err := in.Validate(); err != nil {
		return model.Product{}, err
	}
	p, err := s.edit(ctx, by, id, judge, in.Apply)
	return p, fail("patch product", err)
}

// edit changes a product that is locked meanwhile, so that the change starts from what is there.
func (s *Products) edit(ctx context.Context, by model.Actor, id int64, judge func(model.Product) error,
	change func(p *model.Product) error) (model.Product, error) {
	var p model.Product
	defer s.edited()
	err := database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		before, err := lockProduct(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if judge != nil {
			if err := judge(before); err != nil {
				return err
			}
		}
		p = before
		if err := change(&p); err != nil {
			return err
		}
		p.ID = id
		if _, err := tx.ExecContext(ctx, `
			UPDATE `+productsByID+`
			SET name = ?, price = ?, category = ?, stock = ?, image_url = ?
			WHERE id = ?`, p.Name, p.Price, p.Category, p.Stock, p.ImageURL, id); err != nil {
			return err
		}
		if err := audit(ctx, tx, by, model.AuditProductUpdate, auditProduct, id, before, p); err != nil {
			return err
		}
		at := now()
		return bookStock(ctx, tx, stockChange{ProductID: id, Quantity: p.Stock - before.Stock, Cause: causeEdited, ChangedBy: person(by.ID), At: &at})
	})
	return p, err
}

// lockProduct locks what an admin is about to change.
func lockProduct(ctx context.Context, tx *sqlx.Tx, by model.Actor, id int64) (model.Product, error) {
	var p model.Product
	err := tx.GetContext(ctx, &p, `
		SELECT `+productColumns+`
		FROM `+productsByID+`
		WHERE id = ? AND archived_at IS NULL
		FOR UPDATE`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return p, errNoProduct
	}
	if err == nil {
		err = mustBeAdmin(ctx, tx, by)
	}
	return p, err
}

// Delete archives a product, on behalf of an admin: it leaves the shop, and orders keep their lines.
func (s *Products) Delete(ctx context.Context, by model.Actor, id int64) error {
	defer s.edited()
	defer s.departures.Add(1)
	err := database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		before, err := lockProduct(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE `+productsByID+`
			SET archived_at = ?
			WHERE id = ?`, now(), id); err != nil {
			return err
		}
		return audit(ctx, tx, by, model.AuditProductDelete, auditProduct, id, before, nil)
	})
	return fail("archive product", err)
}
