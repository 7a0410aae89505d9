package service

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/pictures"
)

// CreateAdmin makes an account with the admin's rights; EmailTaken if there is one already.
func (s *Auth) CreateAdmin(ctx context.Context, by model.Actor, in model.RegisterInput) error {
	if err := in.Validate(); err != nil {
		return err
	}
	hash, err := hashPassword(ctx, s.passwords, in.Password, by.Address)
	if err != nil {
		return fail("create admin", err)
	}
	err = database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		id, err := newUser(tx.ExecContext(ctx, insertUser, in.Name, in.Email, hash, true, now()))
		if err != nil {
			return err
		}
		return audit(ctx, tx, by, model.AuditAdminCreate, auditUser, id, nil, auditedUser{in.Name, in.Email})
	})
	return fail("create admin", err)
}

// PromoteUser makes the user with this e-mail an admin and leaves the password alone; NotFound if
// there is none.
func (s *Auth) PromoteUser(ctx context.Context, by model.Actor, email string) error {
	err := database.InTx(ctx, s.db, func(tx *sqlx.Tx) error {
		u, err := lockNamed(ctx, tx, email)
		if err != nil || u.IsAdmin {
			return err
		}
		return setAdmin(ctx, tx, by, u, true)
	})
	return fail("promote user", err)
}

// EnsureAdmin makes sure that this admin exists: promotes the account if there is one, else creates it.
func (s *Auth) EnsureAdmin(ctx context.Context, by model.Actor, email, password string) error {
	err := s.PromoteUser(ctx, by, email)
	if !apperr.Is(err, apperr.NotFound) {
		return err
	}
	err = s.CreateAdmin(ctx, by, model.RegisterInput{Name: "Admin", Email: email, Password: password})
	if apperr.Is(err, apperr.EmailTaken) { // by another instance that starts beside this one
		return s.PromoteUser(ctx, by, email)
	}
	return err
}

// IsCustomer reports whether there is an account with this e-mail, without the admin's rights.
func (s *Auth) IsCustomer(ctx context.Context, email string) (bool, error) {
	a, err := findAccount(ctx, s.db, email)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil && !a.IsAdmin, fail("look for an account", err)
}

// HasData reports whether anybody has an account and whether anything was ever on sale.
func (s *Admin) HasData(ctx context.Context) (users, products bool, err error) {
	row := s.db.QueryRowContext(ctx, `
		SELECT EXISTS (SELECT 1 FROM users), EXISTS (SELECT 1 FROM products)`)
	err = row.Scan(&users, &products)
	return users, products, fail("look for data", err)
}

//go:embed catalogue.csv
var catalogue string

// Seed adds those products of the demo catalogue whose names the shop never had, all or none, and returns how many
// these were. Of two that run at once one waits and adds nothing.
func (s *Products) Seed(ctx context.Context) (added int64, err error) {
	products, err := demoProducts()
	if err != nil {
		return 0, fail("read the demo catalogue", err)
	}
	defer s.edited()
	err = database.WithLockConn(ctx, s.db, "seed", func(db *sqlx.DB) error {
		return database.InTx(ctx, db, func(tx *sqlx.Tx) (err error) {
			added, err = addMissing(ctx, tx, products)
			return err
		})
	})
	if err != nil {
		return 0, fail("seed", err)
	}
	return added, nil
}

func addMissing(ctx context.Context, tx *sqlx.Tx, products []model.ProductInput) (added int64, err error) {
	var known []string
	if err := tx.SelectContext(ctx, &known, `
		SELECT name
		FROM products`); err != nil {
		return 0, err
	}
	have := map[string]bool{}
	for _, name := range known {
		have[name] = true
	}
	for _, p := range products {
		if have[p.Name] {
			continue
		}
		if _, err := createProduct(ctx, tx, model.Actor{Command: "hexamart seed"}, p); err != nil {
			return 0, err
		}
		added++
	}
	return added, nil
}

// demoProducts reads the catalogue: name, price, category, stock, picture, under one line of headings.
func demoProducts() ([]model.ProductInput, error) {
	rows, err := csv.NewReader(strings.NewReader(catalogue)).ReadAll()
	if err != nil {
		return nil, err
	}
	var list []model.ProductInput
	for _, row := range rows[1:] {
		price, err := model.ParseMoney(row[1])
		if err != nil {
			return nil, fmt.Errorf("%s: price %w", row[0], err)
		}
		stock, err := model.ParseInt(row[3])
		if err != nil {
			return nil, fmt.Errorf("%s: stock %w", row[0], err)
		}
		picture := pictures.Path + row[4] + ".svg"
		p := model.ProductInput{Name: row[0], Price: &price, Category: row[2], Stock: &stock, ImageURL: &picture}
		if err := p.Validate(); err != nil {
			return nil, fmt.Errorf("%s: %w", row[0], err)
		}
		list = append(list, p)
	}
	return list, nil
}
