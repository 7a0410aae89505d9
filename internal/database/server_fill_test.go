package database_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"hexamart/internal/database"
)

// TestServerFill fills a server's data: nobody else uses them before that, nor a part of them.
func TestServerFill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mysql")
	start := func(opt database.ServerOptions) (*database.Server, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		opt.Dir = dir
		return database.StartServer(ctx, opt)
	}
	mustStart := func(opt database.ServerOptions) *database.Server {
		t.Helper()
		server, err := start(opt)
		if err != nil {
			t.Fatal(err)
		}
		return server
	}
	stop := func(server *database.Server) {
		t.Helper()
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	count := func(server *database.Server) (databases int64) {
		db, err := database.Open(t.Context(), server.Config(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		return number(t, db, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'part'")
	}
	if _, err := start(database.ServerOptions{Existing: true}); !errors.Is(err, database.ErrNoData) {
		t.Fatalf("no data: %v", err)
	}
	filling := mustStart(database.ServerOptions{Fill: true})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := database.StartServer(ctx, database.ServerOptions{Dir: dir, Mode: database.ServerShared}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a task beside it: %v", err)
	}
	if err := filling.BeginFilling(); err != nil {
		t.Fatal(err)
	}
	if _, err := database.CreateDatabase(t.Context(), filling.Config(), "part"); err != nil {
		t.Fatal(err)
	}
	stop(filling)
	for _, mode := range []database.ServerMode{database.ServerOwned, database.ServerShared} {
		if _, err := start(database.ServerOptions{Mode: mode}); !errors.Is(err, database.ErrHalfFilled) {
			t.Errorf("a part of the data: %v", err)
		}
	}
	again := mustStart(database.ServerOptions{Fill: true})
	if n := count(again); n != 0 {
		t.Error("it does not begin anew")
	}
	if err := errors.Join(again.BeginFilling(), again.EndFilling()); err != nil {
		t.Fatal(err)
	}
	stop(again)
	stop(mustStart(database.ServerOptions{Existing: true}))
}
