package database_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/testkit"
)

// text returns the one text that a query selects.
func text(t *testing.T, db sqlx.QueryerContext, query string, args ...any) (s string) {
	t.Helper()
	if err := sqlx.GetContext(t.Context(), db, &s, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return s
}

// isolation returns the isolation level of the session, which is named by either variable.
func isolation(t *testing.T, db sqlx.QueryerContext) string {
	t.Helper()
	var name, level string
	row := db.QueryRowxContext(t.Context(), "SHOW SESSION VARIABLES WHERE Variable_name IN ('transaction_isolation', 'tx_isolation')")
	if err := row.Scan(&name, &level); err != nil {
		t.Fatal(err)
	}
	return level
}

func TestOpenSetsUpEveryConnection(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t, testkit.EmptyDatabase(t), nil)
	for range 3 { // each a connection of its own
		conn := session(t, db)
		modes := strings.Split(text(t, conn, "SELECT @@SESSION.sql_mode"), ",")
		slices.Sort(modes)
		if want := []string{"ERROR_FOR_DIVISION_BY_ZERO", "NO_ENGINE_SUBSTITUTION", "NO_ZERO_DATE", "NO_ZERO_IN_DATE",
			"ONLY_FULL_GROUP_BY", "STRICT_TRANS_TABLES"}; !slices.Equal(modes, want) {
			t.Errorf("sql_mode is %v", modes)
		}
		for query, want := range map[string]string{
			"SELECT @@SESSION.time_zone":                "+00:00",
			"SELECT @@SESSION.collation_connection":     "utf8mb4_unicode_ci",
			"SELECT @@SESSION.character_set_client":     "utf8mb4",
			"SELECT @@SESSION.character_set_results":    "utf8mb4",
			"SELECT @@SESSION.innodb_lock_wait_timeout": "5",
			"SELECT @@SESSION.lock_wait_timeout":        "1",
			"SELECT @@SESSION.autocommit":               "1",
			"SELECT @@SESSION.wait_timeout":             "60", // a dead client's locks last no longer
		} {
			if got := text(t, conn, query); got != want {
				t.Errorf("%s is %s, want %s", query, got, want)
			}
		}
		if level := isolation(t, conn); level != "READ-COMMITTED" {
			t.Errorf("isolation level is %s", level)
		}
		var name, wait string
		err := conn.QueryRowxContext(t.Context(), "SHOW SESSION VARIABLES LIKE 'wsrep_sync_wait'").Scan(&name, &wait)
		if wait != "7" && !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("wsrep_sync_wait is %s, %v", wait, err)
		}
	}
	if n := db.Stats().MaxOpenConnections; n != database.MaxConns {
		t.Errorf("the pool is of %d connections", n)
	}
}

// TestOpenOnOddServer connects to a server whose init_connect sets what the shop rests on to something else.
func TestOpenOnOddServer(t *testing.T) {
	t.Parallel()
	server, err := database.StartServer(t.Context(), database.ServerOptions{Mode: database.ServerScratch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	cfg, err := database.CreateDatabase(t.Context(), server.Config(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	admin := testkit.Open(t, cfg, nil)
	run(t, admin, "CREATE TABLE texts (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20)) DEFAULT CHARSET = utf8mb4")
	run(t, admin, "CREATE USER ann@'%' IDENTIFIED BY 'T0tally-random'") // for whom it is run
	run(t, admin, "GRANT ALL ON shop.* TO ann@'%'")
	run(t, admin, "SET GLOBAL init_connect = 'SET NAMES gbk, autocommit = 0, foreign_key_checks = 0, unique_checks = 0, sql_safe_updates = 1, completion_type = 2, sql_select_limit = 1'")
	cfg.User, cfg.Passwd = "ann", "T0tally-random"
	db := testkit.Open(t, cfg, nil)
	for _, name := range []string{"Zürich", "上海 🪔"} {
		run(t, db, "INSERT INTO texts (name) VALUES (?)", name)
		if got := text(t, db, "SELECT name FROM texts ORDER BY id DESC LIMIT 1"); got != name {
			t.Errorf("got %q, want %q", got, name)
		}
	}
	// In GBK the last byte of the character would take the backslash that is put before the quote.
	if n := number(t, db, "SELECT COUNT(*) FROM texts WHERE name = ?", "中' OR 1 = 1 -- "); n != 0 {
		t.Errorf("a text has become a part of the statement: %d rows", n)
	}
	if got := strs(t, admin, "SELECT name FROM texts"); !slices.Equal(got, []string{"Zürich", "上海 🪔"}) {
		t.Errorf("others see %q", got)
	}
	if got := text(t, db, `
		SELECT CONCAT_WS(' ', @@SESSION.autocommit + 0, @@SESSION.foreign_key_checks + 0, @@SESSION.unique_checks + 0, @@SESSION.sql_safe_updates + 0, @@SESSION.completion_type,
			@@SESSION.sql_select_limit > 1000000)`); got != "1 1 1 0 NO_CHAIN 1" {
		t.Errorf("the session's variables are %s", got)
	}
}

func TestOpenBehaviour(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t, testkit.EmptyDatabase(t), nil)
	run(t, db, "CREATE TABLE things (id INT PRIMARY KEY, name VARCHAR(20), price DECIMAL(12, 2), at DATETIME(6))")
	run(t, db, "INSERT INTO things VALUES (1, 'Lamp', 1, NULL)")
	t.Run("CountsFoundRows", func(t *testing.T) {
		t.Parallel()
		for id, want := range map[int]int64{1: 1, 2: 0} {
			res, err := db.ExecContext(t.Context(), "UPDATE things SET name = 'Lamp' WHERE id = ?", id)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := res.RowsAffected(); err != nil || n != want {
				t.Errorf("row %d counts as %d, %v", id, n, err)
			}
		}
	})
	t.Run("RefusesWhatDoesNotFit", func(t *testing.T) {
		t.Parallel()
		for name, statement := range map[string]string{
			"LongText":    "INSERT INTO things (id, name) VALUES (9, REPEAT('x', 21))",
			"HugeNumber":  "INSERT INTO things (id, price) VALUES (9, 10000000000)",
			"ZeroDate":    "INSERT INTO things (id, at) VALUES (9, '0000-00-00')",
			"NoSuchDay":   "INSERT INTO things (id, at) VALUES (9, '2026-02-30')",
			"ByZero":      "INSERT INTO things (id, price) VALUES (9, 1 / 0)",
			"LooseGroups": "SELECT name, COUNT(*) FROM things GROUP BY price",
		} {
			if _, err := db.ExecContext(t.Context(), statement); errno(err) == 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("SendsNoPrepares", func(t *testing.T) {
		t.Parallel()
		conn := session(t, db)
		number(t, conn, "SELECT ? + ?", 1, 2)
		var name, prepares string
		err := conn.QueryRowxContext(t.Context(), "SHOW SESSION STATUS LIKE 'Com_stmt_prepare'").Scan(&name, &prepares)
		if err != nil || prepares != "0" {
			t.Errorf("%s statements were prepared, %v", prepares, err)
		}
	})
	t.Run("KnowsNoSecondStatement", func(t *testing.T) {
		t.Parallel()
		for _, query := range []string{"DO 1; DO 2", "DO ?;\nDO 2", "SELECT ';', 2", "DO 1; `DO 2`", "DO '`'; DO '`'", "DO 1 -- `\n; DO 2 -- `", "DO /* ` */ 1; DO 2 /* ` */", "DO `a;b`; DO 2"} {
			if _, err := db.ExecContext(t.Context(), query, 1); err == nil || !strings.Contains(err.Error(), "semicolon") {
				t.Errorf("%s: got %v", query, err)
			}
			var n int
			if err := db.GetContext(t.Context(), &n, query, 1); err == nil || !strings.Contains(err.Error(), "semicolon") {
				t.Errorf("%s: got %v", query, err)
			}
		}
		var n int
		if err := db.GetContext(t.Context(), &n, "SELECT 1 AS `a;``b'`;"); err != nil || n != 1 {
			t.Errorf("a name with a semicolon: %d, %v", n, err)
		}
		var text string
		if err := db.GetContext(t.Context(), &text, "SELECT ?;", "a;b"); err != nil || text != "a;b" {
			t.Errorf("a value with a semicolon is %q, %v", text, err)
		}
	})
	t.Run("LeavesConfigAlone", func(t *testing.T) {
		t.Parallel()
		for _, params := range []map[string]string{nil, {"max_error_count": "7"}} {
			cfg := testkit.EmptyDatabase(t)
			cfg.Params = params
			before := cfg.FormatDSN()
			db := testkit.Open(t, cfg, nil)
			if after := cfg.FormatDSN(); after != before {
				t.Errorf("was %s, is %s", before, after)
			}
			if n := number(t, db, "SELECT @@SESSION.max_error_count"); (n == 7) != (params != nil) {
				t.Errorf("max_error_count is %d with %v", n, params)
			}
		}
	})
}

// TestRoundTrips sends values to the database and back, as arguments and in columns.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t, testkit.EmptyDatabase(t), nil)
	run(t, db, "CREATE TABLE things (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(255), price DECIMAL(12, 2), at DATETIME, fine DATETIME(6))"+
		" DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci")
	store := func(t *testing.T, column string, value any, got any) {
		t.Helper()
		res, err := db.ExecContext(t.Context(), "INSERT INTO things ("+column+") VALUES (?)", value)
		if err != nil {
			t.Fatal(err)
		}
		id, err := res.LastInsertId()
		if err != nil {
			t.Fatal(err)
		}
		if err := db.GetContext(t.Context(), got, "SELECT "+column+" FROM things WHERE id = ? AND "+column+" = ?", id, value); err != nil {
			t.Errorf("%v: %v", value, err)
		}
	}
	t.Run("Money", func(t *testing.T) {
		t.Parallel()
		for _, want := range []model.Money{0, 1, 10, 1999, 28283, 12345678, model.MaxMoney, -1, -model.MaxMoney} {
			var got model.Money
			if store(t, "price", want, &got); got != want {
				t.Errorf("%v became %v", want, got)
			}
		}
		var sum model.Money
		if err := db.GetContext(t.Context(), &sum, "SELECT SUM(p * q) FROM (SELECT 9999999999.99 AS p, 1000000000 AS q UNION ALL SELECT 1, 1) AS x"); err != nil || sum <= model.MaxMoney {
			t.Errorf("a huge sum is %v, %v", sum, err)
		}
	})
	t.Run("Time", func(t *testing.T) {
		t.Parallel()
		want := time.Date(2026, 11, 22, 12, 6, 45, 0, time.UTC)
		for _, zone := range []*time.Location{time.UTC, time.FixedZone("IST", 5*3600+1800), time.FixedZone("far", -11*3600)} {
			var got time.Time
			if store(t, "at", want.In(zone), &got); !got.Equal(want) || got.Location() != time.UTC {
				t.Errorf("%v became %v", want.In(zone), got)
			}
		}
		var got time.Time
		fine := want.Add(123456 * time.Microsecond)
		if store(t, "fine", fine, &got); !got.Equal(fine) {
			t.Errorf("%v became %v", fine, got)
		}
	})
	t.Run("Text", func(t *testing.T) {
		t.Parallel()
		for _, want := range []string{"", "Lämp 🛒 李", `'"\%_` + "`\n\r\t\x1a\x00;--", `\'; DROP TABLE things; -- `, strings.Repeat("🛒", 255)} {
			var got string
			if store(t, "name", want, &got); got != want {
				t.Errorf("%q became %q", want, got)
			}
		}
	})
	t.Run("Null", func(t *testing.T) {
		t.Parallel()
		var at *time.Time
		run(t, db, "INSERT INTO things (id, at) VALUES (1000, ?)", at)
		if err := db.GetContext(t.Context(), &at, "SELECT at FROM things WHERE id = 1000"); err != nil || at != nil {
			t.Errorf("got %v, %v", at, err)
		}
	})
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	t.Run("WrongPassword", func(t *testing.T) {
		t.Parallel()
		cfg := testkit.EmptyDatabase(t).Clone()
		cfg.User, cfg.Passwd = "nobody-here", "hush-hush"
		got, err := database.Open(t.Context(), cfg, nil)
		if errno(err) != 1045 || got != nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), cfg.Addr) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("NoSuchDatabase", func(t *testing.T) {
		t.Parallel()
		cfg := testkit.EmptyDatabase(t).Clone()
		cfg.DBName += "_not"
		if _, err := database.Open(t.Context(), cfg, nil); errno(err) == 0 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("NobodyListens", func(t *testing.T) {
		t.Parallel()
		cfg := deaf(t)
		_, err := database.Open(t.Context(), cfg, nil)
		if err == nil || !strings.Contains(err.Error(), cfg.Addr) || strings.Contains(err.Error(), "hush") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ContextEnds", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := database.Open(ctx, testkit.EmptyDatabase(t), nil); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCreateDatabase(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db := testkit.Open(t, cfg, nil)
	run(t, db, "CREATE TABLE kept (id INT PRIMARY KEY)")
	server := cfg.Clone()
	server.DBName = ""
	again, err := database.CreateDatabase(t.Context(), server, cfg.DBName)
	if err != nil || again.DBName != cfg.DBName || server.DBName != "" {
		t.Fatalf("got %+v, %v", again, err)
	}
	if tables := tables(t, db); !slices.Equal(tables, []string{"kept"}) {
		t.Errorf("tables are %v", tables)
	}
	if got := text(t, db, "SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = DATABASE()"); got != "utf8mb4_unicode_ci" {
		t.Errorf("collation is %s", got)
	}
	if _, err := database.CreateDatabase(t.Context(), deaf(t), "x"); !database.IsUnavailable(err) {
		t.Errorf("got %v", err)
	}
}
