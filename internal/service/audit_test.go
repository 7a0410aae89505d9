package service_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// TestAuditIsAppendOnly looks through all of the program for a statement that would change or remove an entry.
func TestAuditIsAppendOnly(t *testing.T) {
	t.Parallel()
	write := regexp.MustCompile(`(?is)\b(UPDATE|DELETE|REPLACE|TRUNCATE|ALTER|DROP|INTO)\b[^;"` + "`" + `]{0,60}\baudit_log\b`)
	appends := 0
	for _, dir := range []string{"../../cmd", "../../internal", "../../migrations"} {
		if err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			source := strings.HasSuffix(path, ".sql") || strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
			if err != nil || !source {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range write.FindAllString(string(text), -1) {
				if regexp.MustCompile(`(?i)^INTO\s+audit_log$`).MatchString(found) {
					appends++
				} else {
					t.Errorf("%s: %s", path, found)
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if appends != 1 {
		t.Errorf("entries are made in %d places", appends)
	}
}

// TestAuditRace changes one product many times at once: the entries are a chain, each beginning where
// another ended.
func TestAuditRace(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	admin, lamp := s.Admin(), s.Product("Lamp", "19.99", 100)
	minus := model.Int(-1)
	errs := atOnce(20, func(int) error {
		_, err := s.Services.Products.Patch(t.Context(), model.Actor{ID: admin.ID}, lamp.ID, model.ProductPatch{StockDelta: &minus}, nil)
		return err
	})
	list, err := s.Services.Admin.ListAudit(t.Context(), model.AuditFilter{Action: model.AuditProductUpdate})
	if err != nil || errs[""] != 20 || len(list.Items) != 20 {
		t.Fatalf("%d entries, %v, %v", len(list.Items), errs, err)
	}
	for i, e := range list.Items { // the newest first
		if was, is := fmt.Sprintf(`"stock":%d,`, 81+i), fmt.Sprintf(`"stock":%d,`, 80+i); !strings.Contains(string(*e.Before), was) || !strings.Contains(string(*e.After), is) {
			t.Errorf("entry %d is from %s to %s", i, *e.Before, *e.After)
		}
	}
}

// TestListAuditDepth is TestListProductsDepth for the audit log.
func TestListAuditDepth(t *testing.T) {
	t.Parallel()
	const entries, limit = 8_000, 50
	s := testkit.NewShop(t)
	s.DB.SetMaxOpenConns(1)
	rows := make([]string, entries)
	for i := range rows {
		rows[i] = fmt.Sprintf("(%d, '%s', 'product', 1, '2026-01-01')", 1+i%2, model.AuditActions[i%2])
	}
	s.Exec("INSERT INTO audit_log (actor_id, action, object_type, object_id, created_at) VALUES " + strings.Join(rows, ", "))
	page := model.Page{Limit: limit, Cursor: model.Cursor{ID: entries / 2}.String()}
	for name, f := range map[string]model.AuditFilter{
		"All": {Page: page}, "ByActor": {ActorID: 1, Page: page}, "ByAction": {Action: model.AuditProductUpdate, Page: page},
	} {
		t.Run(name, func(t *testing.T) {
			s.Exec("FLUSH STATUS")
			list, err := s.Services.Admin.ListAudit(t.Context(), f)
			if err != nil || len(list.Items) != limit {
				t.Fatal(len(list.Items), err)
			}
			if n := rowsLookedAt(t, s.DB); n > 6*limit {
				t.Errorf("%d rows were looked at for %d", n, limit)
			}
		})
	}
}
