package service

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/model"
)

// Types of what audit entries are about.
const (
	auditProduct = "product"
	auditOrder   = "order"
	auditUser    = "user"
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

// ListAudit returns a page of the audit log, newest first.
func (s *Admin) ListAudit(ctx context.Context, f model.AuditFilter) (list model.List[model.AuditEntry], err error) {
	if err := f.Validate(); err != nil {
		return list, err
	}
	where, args := auditFilter(f)
	page, pageArgs := where, args
	if cur := f.Page.After(); cur != nil {
		page = append(where[:len(where):len(where)], "a.id < ?")
		pageArgs = append(args[:len(args):len(args)], cur.ID)
	}
	var rows []model.AuditEntry
	if err := s.db.SelectContext(ctx, &rows, `
		SELECT a.id, a.actor_id, a.command, a.action, a.object_type, a.object_id, a.before_state, a.after_state,
			a.address, a.request_id, a.created_at,
			(SELECT u.name FROM users u WHERE u.id = a.actor_id) AS actor_name,
			(SELECT u.email FROM users u WHERE u.id = a.actor_id) AS actor_email
		FROM audit_log a`+auditIndex(f)+`
		WHERE `+strings.Join(page, " AND ")+`
		ORDER BY a.id DESC
		LIMIT ?`, append(pageArgs[:len(pageArgs):len(pageArgs)], f.Page.Limit+1)...); err != nil {
		return list, fail("list the audit log", err)
	}
	list = model.NewList(rows, f.Page.Limit, func(e model.AuditEntry) model.Cursor { return model.Cursor{ID: e.ID} })
	if f.Page.Count {
		list.Total = new(int64)
		err = s.db.GetContext(ctx, list.Total, `
			SELECT COUNT(*)
			FROM audit_log a
			WHERE `+strings.Join(where, " AND "), args...)
	}
	return list, fail("count the audit log", err)
}

// auditIndex names the index that has the list's order, for the reason that productIndex tells.
func auditIndex(f model.AuditFilter) string {
	switch {
	case f.From != nil || f.To != nil:
		return "" // the time may narrow more
	case f.ActorID != 0:
		return " FORCE INDEX (ix_audit_log_actor)"
	case f.Action != "":
		return " FORCE INDEX (ix_audit_log_action)"
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
