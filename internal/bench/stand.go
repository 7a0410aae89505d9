package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"hexamart/internal/bench/fill"
	"hexamart/internal/config"
	"hexamart/internal/database"
	"hexamart/internal/security"
)

const (
	databaseURL = "TEST_DATABASE_URL" // names the server to measure on, with the right to create databases there
	poolSize    = database.MaxConns
	password    = "correct horse" // everybody's
)

// stand is what a run is measured on: one database server, shops of several sizes there, the floor.
type stand struct {
	opt     options
	dir     string // for what is gone after the run
	server  *database.Server
	about   string // the server: which it is, and how durable
	address *mysql.Config
	prefix  string // of the databases' names
	made    []string
	key     string
	tokens  *security.Tokens
	say     func(format string, args ...any)
	running []*process
	shops   map[string]*shop
	floor   *process
	row     string // that is being measured
	profile profile
}

// shop is a hexamart with a filled database of its own.
type shop struct {
	*process
	fill.Size
	name string
	cfg  *mysql.Config
	url  string
	db   *sqlx.DB
}

func newStand(ctx context.Context, opt options, say func(string, ...any)) (s *stand, err error) {
	s = &stand{opt: opt, say: say, key: rand.Text() + rand.Text(), shops: map[string]*shop{},
		prefix: "hexamart_bench_" + strings.ToLower(rand.Text()[:8]) + "_"}
	if s.tokens, err = security.NewTokens(s.key, "HS256", 24*time.Hour); err != nil {
		return s, err
	}
	if s.dir, err = os.MkdirTemp(opt.dir, "run-"); err != nil {
		return s, err
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return s, err
	}
	if err = s.prepareProfile(ctx); err != nil {
		return s, err
	}
	if text := os.Getenv(databaseURL); text != "" {
		if s.address, err = config.ParseDatabaseURL(text); err != nil {
			return s, fmt.Errorf("%s %w", databaseURL, err)
		}
		s.address.DBName = ""
		return s, nil
	}
	// As serve runs it, every commit on the disk: what tests use forgets.
	s.server, err = database.StartServer(ctx, database.ServerOptions{Dir: filepath.Join(s.dir, "mysql"), Mode: database.ServerOwned})
	if err != nil {
		return s, err
	}
	s.address = s.server.Config()
	return s, nil
}

// database makes an empty one with the schema.
func (s *stand) database(ctx context.Context, name string) (*mysql.Config, *sqlx.DB, error) {
	cfg, err := database.CreateDatabase(ctx, s.address, s.prefix+name)
	if err != nil {
		return nil, nil, err
	}
	s.made = append(s.made, cfg.DBName)
	db, err := database.Open(ctx, cfg, nil)
	if err != nil {
		return nil, nil, err
	}
	if _, err = database.Migrate(ctx, db); err != nil {
		return nil, nil, err
	}
	err = db.GetContext(ctx, &s.about, `
		SELECT CONCAT(VERSION(), ', flush at commit ', @@innodb_flush_log_at_trx_commit,
			', buffer pool ', @@innodb_buffer_pool_size DIV 1048576, ' MB')`)
	return cfg, db, err
}

// shop returns the shop of a name, which is filled and started if it is not there yet.
func (s *stand) shop(ctx context.Context, name string, z fill.Size) (*shop, error) {
	if sh := s.shops[name]; sh != nil {
		return sh, nil
	}
	began := time.Now()
	cfg, db, err := s.database(ctx, name)
	if err != nil {
		return nil, err
	}
	sh := &shop{name: name, Size: z, cfg: cfg, db: db, url: databaseURLOf(cfg)}
	hash, err := security.NewPasswords(security.PasswordCost).Hash(password)
	if err != nil {
		return nil, err
	}
	if err := fill.Shop(ctx, db, z, hash); err != nil {
		return nil, err
	}
	s.say("filled a shop with %d products and %d orders in %.0f s", z.Products, z.Orders, time.Since(began).Seconds())
	if sh.process, err = s.start(ctx, sh); err != nil {
		return nil, err
	}
	s.shops[name] = sh
	return sh, nil
}

func (s *stand) start(ctx context.Context, sh *shop) (*process, error) {
	env, where, err := s.profileEnv()
	if err != nil {
		return nil, err
	}
	p, err := startShop(ctx, s.dir, sh.name, s.opt.program, append(s.shopEnv(sh), env...)...)
	if err == nil {
		s.running = append(s.running, p)
		s.profile.at[p.base] = where
	}
	return p, err
}

// shopEnv is all that a shop is set to; what is not named has its default.
func (s *stand) shopEnv(sh *shop) []string {
	return []string{"DATABASE_URL=" + sh.url, "SECRET_KEY=" + s.key, "RATE_LIMIT_LOGIN=off", "ADMIN_EMAIL=", "ADMIN_PASSWORD="}
}

// databaseURLOf is the reverse of config.ParseDatabaseURL.
func databaseURLOf(cfg *mysql.Config) string {
	u := url.URL{Scheme: "mysql", User: url.UserPassword(cfg.User, cfg.Passwd), Host: cfg.Addr, Path: "/" + cfg.DBName}
	query := url.Values{}
	if cfg.Net == "unix" {
		u.Host = "localhost"
		query.Set("unix_socket", cfg.Addr)
	}
	if cfg.TLSConfig != "" {
		query.Set("tls", cfg.TLSConfig)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// floorDSN has the shop's settings, so that a floor's connection does what a shop's does.
func floorDSN(cfg *mysql.Config) string {
	cfg = cfg.Clone()
	cfg.ParseTime, cfg.Loc, cfg.ClientFoundRows, cfg.InterpolateParams = true, time.UTC, true, true
	cfg.Collation = "utf8mb4_unicode_ci"
	cfg.Params = map[string]string{"time_zone": "'+00:00'", "innodb_lock_wait_timeout": "5"}
	return cfg.FormatDSN()
}

// mainSize is that of the shop which most rows are about.
var mainSize = fill.Size{Products: 100_000, Orders: 10_000}

// main returns the shop that most rows are about, and sees to the floor beside it.
func (s *stand) main(ctx context.Context) (*shop, error) {
	sh, err := s.shop(ctx, "main", mainSize)
	if err != nil || s.floor != nil {
		return sh, err
	}
	cfg, db, err := s.database(ctx, "floor")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if err := copyTables(ctx, db, sh.cfg.DBName); err != nil {
		return nil, err
	}
	pages := filepath.Join(s.dir, "pages.json")
	if err := savePages(sh.base, pages); err != nil {
		return nil, err
	}
	s.floor, err = startFloor(ctx, s.dir, floorRead+"="+floorDSN(sh.cfg), floorWrite+"="+floorDSN(cfg), floorPages+"="+pages)
	if err == nil {
		s.running = append(s.running, s.floor)
	}
	return sh, err
}

// copyTables copies all that the floor writes to, so that its tables and indexes are as large as the shop's.
func copyTables(ctx context.Context, db *sqlx.DB, from string) error {
	for _, table := range []string{"users", "products", "carts", "orders", "order_items"} {
		var columns []string // without those that the server makes itself
		if err := db.SelectContext(ctx, &columns, `
			SELECT column_name
			FROM information_schema.columns
			WHERE table_schema = ? AND table_name = ? AND COALESCE(generation_expression, '') = ''
			ORDER BY ordinal_position`, from, table); err != nil {
			return fmt.Errorf("copy for the floor: %w", err)
		}
		list := strings.Join(columns, ", ")
		if _, err := db.ExecContext(ctx, "INSERT INTO "+table+" ("+list+") SELECT "+list+" FROM `"+from+"`."+table); err != nil {
			return fmt.Errorf("copy for the floor: %w", err)
		}
	}
	rows, err := db.QueryContext(ctx, "ANALYZE TABLE products, users, carts, orders, order_items")
	if err != nil {
		return err
	}
	return rows.Close()
}

// verify lets each shop check its books: what was measured must have been right.
func (s *stand) verify(ctx context.Context) (problems []string) {
	for _, sh := range s.shops {
		cmd := exec.CommandContext(ctx, s.opt.program, "verify")
		cmd.Dir, cmd.Env = s.dir, append(os.Environ(), s.shopEnv(sh)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			problems = append(problems, fmt.Sprintf("the books of %s are wrong: %v\n%.2000s", sh.name, err, out))
		}
	}
	return problems
}

// close ends all that was started and removes all that was made.
func (s *stand) close() error {
	var errs []error
	for _, p := range s.running {
		p.stop()
	}
	for _, sh := range s.shops {
		errs = append(errs, sh.db.Close())
	}
	if s.server != nil {
		errs = append(errs, s.server.Stop())
	} else if s.address != nil {
		errs = append(errs, s.drop())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

func (s *stand) drop() error {
	db, err := database.Open(context.Background(), s.address, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, name := range s.made {
		if _, err := db.Exec("DROP DATABASE `" + name + "`"); err != nil {
			return err
		}
	}
	return nil
}
