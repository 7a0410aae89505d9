package model

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Actor is who does something, as the audit log remembers them: the user of a request, or a command of
// the program's.
type Actor struct {
	ID        int64 // 0 for a command, and for who has not logged in yet
	Address   string
	Agent     string // what the client calls itself, as it sent it
	RequestID string
	Session   string // that it is done in, as of Principal; empty if it is of none
	Command   string // "hexamart admin"
}

// What the audit log has entries of.
const (
	AuditProductCreate = "product.create"
	AuditProductUpdate = "product.update"
	AuditProductDelete = "product.delete"
	AuditOrderStatus   = "order.status"
	AuditAdminCreate   = "admin.create"
	AuditAdminPromote  = "admin.promote"
	AuditAdminDemote   = "admin.demote"
	AuditAdminLogin    = "admin.login"
	AuditAdminRefused  = "admin.login_failed"
	AuditAdminProfile  = "admin.profile"
	AuditAdminPassword = "admin.password"
	AuditWrongPassword = "admin.password_failed" // the old one, at a change
	AuditAdminLogout   = "admin.logout"
	AuditTokenReused   = "admin.token_reused" // #nosec G101 -- of whose session, which ends, somebody has a copy
	AuditUserLogout    = "user.logout"        // of all sessions, by a command
	AuditShopLogout    = "shop.logout"        // of everybody, by a command
	AuditUserPassword  = "user.password"      // #nosec G101 -- set by a command
)

// AuditActions are all of them.
var AuditActions = []string{AuditProductCreate, AuditProductUpdate, AuditProductDelete, AuditOrderStatus,
	AuditAdminCreate, AuditAdminPromote, AuditAdminDemote, AuditAdminLogin, AuditAdminRefused,
	AuditAdminProfile, AuditAdminPassword, AuditWrongPassword, AuditAdminLogout, AuditTokenReused,
	AuditUserLogout, AuditUserPassword, AuditShopLogout}

// AuditEntry is something that was done as admin. The actor's name and e-mail are those of now, null when
// the account is gone. Before and After are JSON, null where there was nothing.
type AuditEntry struct {
	ID         int64            `db:"id" json:"id"`
	At         time.Time        `db:"created_at" json:"at"`
	ActorID    *int64           `db:"actor_id" json:"actor_id"`
	ActorName  *string          `db:"actor_name" json:"actor_name"`
	ActorEmail *string          `db:"actor_email" json:"actor_email"`
	Command    *string          `db:"command" json:"command"`
	Action     string           `db:"action" json:"action"`
	ObjectType string           `db:"object_type" json:"object_type"`
	ObjectID   int64            `db:"object_id" json:"object_id"`
	Before     *json.RawMessage `db:"before_state" json:"before"`
	After      *json.RawMessage `db:"after_state" json:"after"`
	Address    *string          `db:"address" json:"address"`
	RequestID  *string          `db:"request_id" json:"request_id"`
}

// AuditFilter selects entries; zero values select all. From is included, To is not.
type AuditFilter struct {
	ActorID int64
	Action  string
	From    *time.Time
	To      *time.Time
	Page    Page
}

// Validate checks the action and the page.
func (f *AuditFilter) Validate() error {
	var c check
	if f.Action != "" && !slices.Contains(AuditActions, f.Action) {
		c.bad("action", "must be one of %s", strings.Join(AuditActions, ", "))
	}
	if f.From != nil && f.To != nil && !f.From.Before(*f.To) {
		c.bad("from", "must be before to")
	}
	f.Page.check(&c, f.Sort())
	if f.Sort() == SortCreated {
		f.Page.checkTimeKey(&c)
	}
	return c.err()
}

// Sort is what the list is sorted by, in its cursors: newest first, which is by id, or of a time by when it was.
func (f *AuditFilter) Sort() string {
	if f.ActorID == 0 && f.Action == "" && (f.From != nil || f.To != nil) {
		return SortCreated
	}
	return ""
}
