package service

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
)

// Types of what audit entries are about.
const (
	auditProduct = "product"
	auditOrder   = "order"
	auditUser    = "user"
	auditShop    = "shop" // of which there is one: its id is 0
)

// audit enters what an admin or a command does, in the transaction that does it. before and after are
// summaries without secrets, nil where there was nothing; what changes nothing is left out.
func audit(ctx context.Context, tx *sqlx.Tx, by model.Actor, action, objectType string, id int64, before, after any) error {
	was, err := json.Marshal(before)
	if err != nil {
		return err
	}
	is, err := json.Marshal(after)
	if err != nil {
		return err
	}
	if bytes.Equal(was, is) && before != nil {
		return nil
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO audit_log (actor_id, command, action, object_type, object_id, before_state, after_state,
			address, request_id, created_at)
		VALUES (NULLIF(?, 0), NULLIF(?, ''), ?, ?, ?, NULLIF(?, 'null'), NULLIF(?, 'null'), NULLIF(?, ''), NULLIF(?, ''), ?)`,
		by.ID, by.Command, action, objectType, id, string(was), string(is), by.Address, by.RequestID, now())
	return err
}

// mustBeAdmin refuses what only an admin may do, and may have waited for a connection or for others' work: Forbidden, or Unauthenticated, if
// the rights or the session of whoever does it have ended meanwhile. Commands may.
func mustBeAdmin(ctx context.Context, tx *sqlx.Tx, by model.Actor) error {
	if by.ID == 0 {
		return nil
	}
	family, err := base64.RawURLEncoding.DecodeString(by.Session)
	if err != nil {
		return errStaleToken
	}
	var now struct {
		IsAdmin bool `db:"is_admin"`
		IsOpen  bool `db:"is_open"`
	}
	err = tx.GetContext(ctx, &now, `
		SELECT is_admin, EXISTS (SELECT 1 FROM refresh_tokens WHERE family = ?) AS is_open
		FROM users
		WHERE id = ?`, family, by.ID)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && !now.IsOpen && by.Session != "":
		return errStaleToken
	case err == nil && !now.IsAdmin:
		return ErrAdminsOnly
	}
	return err
}

// ErrAdminsOnly refuses everybody else.
var ErrAdminsOnly = apperr.New(apperr.Forbidden, "Only admins may do this.")

// ListAudit returns a page of the audit log, newest first.
func (s *Admin) ListAudit(ctx context.Context, f model.AuditFilter) (list model.List[model.AuditEntry], err error) {
	if err := f.Validate(); err != nil {
		return list, err
	}
	where, args := auditFilter(f)
	by, after, afterArgs := sortAudit(f)
	page := append(where[:len(where):len(where)], after...)
	pageArgs := append(args[:len(args):len(args)], afterArgs...)
	var rows []model.AuditEntry
	if err := s.db.SelectContext(ctx, &rows, `
		SELECT a.id, a.actor_id, a.command, a.action, a.object_type, a.object_id, a.before_state, a.after_state,
			a.address, a.request_id, a.created_at,
			(SELECT u.name FROM users u WHERE u.id = a.actor_id) AS actor_name,
			(SELECT u.email FROM users u WHERE u.id = a.actor_id) AS actor_email
		FROM audit_log a`+auditIndex(f)+`
		WHERE `+strings.Join(page, " AND ")+`
		ORDER BY `+by+`
		LIMIT ?`, append(pageArgs, f.Page.Limit+1)...); err != nil {
		return list, fail("list the audit log", err)
	}
	list = model.NewList(rows, f.Page.Limit, func(e model.AuditEntry) model.Cursor {
		if f.Sort() == model.SortCreated {
			return model.Cursor{Sort: f.Sort(), Key: e.At.Format(time.RFC3339), ID: e.ID}
		}
		return model.Cursor{ID: e.ID}
	})
	if f.Page.Count {
		list.Total = new(int64)
		err = s.db.GetContext(ctx, list.Total, `
			SELECT COUNT(*)
			FROM audit_log a
			WHERE `+strings.Join(where, " AND "), args...)
	}
	return list, fail("count the audit log", err)
}

// sortAudit is sortOrders for the audit log, whose times are all known.
func sortAudit(f model.AuditFilter) (by string, after []string, args []any) {
	cur := f.Page.After()
	if f.Sort() == "" {
		if cur != nil {
			after, args = []string{"a.id < ?"}, []any{cur.ID}
		}
		return "a.id DESC", after, args
	}
	if cur != nil {
		at := cur.Time()
		after, args = []string{"(a.created_at < ? OR (a.created_at = ? AND a.id < ?))"}, []any{at, at, cur.ID}
	}
	return "a.created_at DESC, a.id DESC", after, args
}

// auditIndex names the index that has the list's order, for the reason that productIndex tells. What somebody did, or
// of what kind it is, is looked through for the rest of the filter.
func auditIndex(f model.AuditFilter) string {
	switch {
	case f.ActorID != 0:
		return " FORCE INDEX (ix_audit_log_actor)"
	case f.Action != "":
		return " FORCE INDEX (ix_audit_log_action)"
	case f.From != nil || f.To != nil:
		return " FORCE INDEX (ix_audit_log_created)"
	default:
		return " FORCE INDEX (PRIMARY)"
	}
}

func auditFilter(f model.AuditFilter) (where []string, args []any) {
	where = []string{"TRUE"}
	add := func(clause string, value any) {
		where, args = append(where, clause), append(args, value)
	}
	if f.ActorID != 0 {
		add("a.actor_id = ?", f.ActorID)
	}
	if f.Action != "" {
		add("a.action = ?", f.Action)
	}
	if f.From != nil {
		add("a.created_at >= ?", *f.From)
	}
	if f.To != nil {
		add("a.created_at < ?", *f.To)
	}
	return where, args
}
