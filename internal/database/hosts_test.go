package database_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"hexamart/internal/database"
	"hexamart/internal/testkit"
)

// twoHosts returns two ways to one database, and its address by both.
func twoHosts(t *testing.T) (a, b *proxy, cfg *mysql.Config) {
	t.Helper()
	cfg = testkit.EmptyDatabase(t)
	a, _ = newProxy(t, cfg)
	b, _ = newProxy(t, cfg)
	return a, b, both(cfg, a, b)
}

func TestHosts(t *testing.T) {
	t.Parallel()
	t.Run("FirstOne", func(t *testing.T) {
		t.Parallel()
		a, b, cfg := twoHosts(t)
		db := testkit.Open(t, cfg, nil)
		for range 3 {
			session(t, db)
		}
		if a.connections() != 3 || b.connections() != 0 {
			t.Errorf("%d and %d connections", a.connections(), b.connections())
		}
	})
	for name, fail := range map[string]func(p *proxy){
		"Refuses":     (*proxy).refuse,
		"SaysNothing": func(p *proxy) { p.freeze(true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, cfg := twoHosts(t)
			fail(a)
			db := testkit.Open(t, cfg, nil)
			session(t, db)
			session(t, db)
			if b.connections() != 2 {
				t.Errorf("%d connections to the second host", b.connections())
			}
		})
	}
	t.Run("StaysWhereItWorks", func(t *testing.T) {
		t.Parallel()
		a, b, cfg := twoHosts(t)
		db := testkit.Open(t, cfg, nil)
		a.refuse()
		number(t, db, "SELECT 1")
		a.restore()
		session(t, db)
		session(t, db)
		if a.connections() != 1 || b.connections() != 2 {
			t.Errorf("%d and %d connections", a.connections(), b.connections())
		}
		b.refuse()
		number(t, db, "SELECT 1")
	})
	t.Run("AllDown", func(t *testing.T) {
		t.Parallel()
		a, b, cfg := twoHosts(t)
		a.refuse()
		b.refuse()
		cfg.Passwd = "hush-hush"
		_, err := database.Open(t.Context(), cfg, nil)
		if !database.IsUnavailable(err) || strings.Contains(err.Error(), "hush") ||
			!strings.Contains(err.Error(), a.listener.Addr().String()) || !strings.Contains(err.Error(), b.listener.Addr().String()) {
			t.Errorf("got %v", err)
		}
	})
}

// TestReadOnlyHost puts a server that takes no writes before one that does.
func TestReadOnlyHost(t *testing.T) {
	t.Parallel()
	replica, err := database.StartServer(t.Context(), database.ServerOptions{Mode: database.ServerScratch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := replica.Stop(); err != nil {
			t.Error(err)
		}
	})
	elsewhere, err := database.CreateDatabase(t.Context(), replica.Config(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	direct := testkit.Open(t, elsewhere, nil)
	run(t, direct, "SET GLOBAL read_only = ON")
	cfg, err := database.CreateDatabase(t.Context(), replica.Config(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	first, _ := newProxy(t, cfg)
	second, _ := newProxy(t, cfg)
	if _, err := database.Open(t.Context(), both(cfg, first, second), nil); err == nil || !database.IsUnavailable(err) {
		t.Errorf("two hosts that take no writes: %v", err)
	}
	if n := number(t, testkit.Open(t, both(cfg, first), nil), "SELECT 1"); n != 1 {
		t.Error("a lone host that takes no writes can't be read")
	}
	good := testkit.EmptyDatabase(t)
	third, _ := newProxy(t, good)
	mixed := good.Clone()
	mixed.DBName = ""
	db := testkit.Open(t, both(mixed, first, third), nil)
	if n := number(t, db, "SELECT @@GLOBAL.read_only"); n != 0 {
		t.Error("connected to a host that takes no writes")
	}
}

// TestRefusals has a server say that it can do no more: the connection must leave the pool, all others
// to the same host with it where there is another host, and what was refused is done there.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, errno := range []int{1047, 1053, 1290, 1836, 3100} {
		t.Run(fmt.Sprint(errno), func(t *testing.T) {
			t.Parallel()
			a, b, cfg := twoHosts(t)
			db := testkit.Open(t, cfg, nil)
			idle, busy := session(t, db), session(t, db)
			if err := idle.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := busy.ExecContext(t.Context(), fmt.Sprintf(failure, errno)); err == nil {
				t.Error("not refused")
			}
			if err := busy.Close(); err != nil {
				t.Fatal(err)
			}
			before := a.connections()
			number(t, db, "SELECT 1")
			if a.connections() != before || b.connections() != 1 {
				t.Errorf("%d and %d connections, before it was %d", a.connections(), b.connections(), before)
			}
		})
	}
	for _, errno := range []int{1047, 1290, 1792, 1927, 4031} {
		t.Run(fmt.Sprintf("LoneHost/%d", errno), func(t *testing.T) {
			t.Parallel()
			db := testkit.Open(t, testkit.EmptyDatabase(t), nil)
			kept, left := session(t, db), session(t, db)
			id, gone := number(t, kept, "SELECT CONNECTION_ID()"), number(t, left, "SELECT CONNECTION_ID()")
			if _, err := left.ExecContext(t.Context(), fmt.Sprintf(failure, errno)); err == nil {
				t.Error("not refused")
			}
			if err := kept.Close(); err != nil {
				t.Fatal(err)
			}
			_ = left.Close()
			if n := number(t, session(t, db), "SELECT CONNECTION_ID()"); n != id {
				t.Errorf("connection %d is not in the pool any more", id)
			}
			if n := number(t, session(t, db), "SELECT CONNECTION_ID()"); n == gone {
				t.Errorf("connection %d is still in the pool", gone)
			}
		})
	}
}
