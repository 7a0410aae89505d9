package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"hexamart/internal/config"
	"hexamart/internal/database"
)

// doctor is an examination: each check prints what it found and, where that is not well, what to do.
type doctor struct {
	*program
	failed, warned int
}

func (d *doctor) say(level, what, found, advice string) {
	fmt.Fprintf(d.stdout, "%-5s %-12s %s\n", level, what, plain(found))
	if advice != "" {
		fmt.Fprintf(d.stdout, "%19s-> %s\n", "", advice)
	}
}

func (d *doctor) ok(what, found string) { d.say("ok", what, found, "") }

// warn is about what may go wrong one day.
func (d *doctor) warn(what, found, advice string) {
	d.warned++
	d.say("warn", what, found, advice)
}

// fail is about what is wrong.
func (d *doctor) fail(what, found, advice string) {
	d.failed++
	d.say("FAIL", what, found, advice)
}

// runDoctor examines the settings, the server, the schema and the books. It changes nothing.
func runDoctor(ctx context.Context, p *program, args []string) error {
	if _, err := p.parseFlags(flag.NewFlagSet("doctor", flag.ContinueOnError), args); err != nil {
		return err
	}
	d := &doctor{program: p}
	d.settings()
	d.disk()
	s, err := p.openShop(ctx, database.ServerShared)
	if err != nil {
		d.fail("connection", err.Error(), connectionAdvice(err))
		return d.verdict()
	}
	err = d.database(ctx, s)
	return errors.Join(err, s.close(), d.verdict())
}

func (d *doctor) verdict() error {
	switch {
	case d.failed > 0:
		return fmt.Errorf("%d checks failed and %d warn; what to do stands below each", d.failed, d.warned)
	case d.warned > 0:
		fmt.Fprintf(d.stdout, "the shop can work; %d checks warn\n", d.warned)
	default:
		fmt.Fprintln(d.stdout, "all is well")
	}
	return nil
}

func connectionAdvice(err error) string {
	text := err.Error()
	switch {
	case errors.Is(err, database.ErrNoServer), errors.Is(err, database.ErrServerBusy):
		return "see above"
	case strings.Contains(text, "1045"), strings.Contains(text, "Access denied"):
		return "the user or the password in DATABASE_URL is not right, or the user may not come from this machine or use this database; " +
			"an account without a name goes before user@'%': DROP USER ''@'localhost'"
	case strings.Contains(text, "1049"):
		return "make the database: CREATE DATABASE ... CHARACTER SET utf8mb4"
	case strings.Contains(text, "no such host"):
		return "the host in DATABASE_URL has no address; look for a typing error"
	case strings.Contains(text, "refused"):
		return "nothing listens there: is the server running, and does it listen on this address (bind-address)?"
	}
	return "see whether the server runs and a firewall lets this machine reach it"
}

// secretKey looks at the key that is set, or at the one that was made for this machine.
func (d *doctor) secretKey() {
	key, name, found, renew := d.cfg.SecretKey, "SECRET_KEY", "", "take a random one: openssl rand -hex 32 (everybody logs in again)"
	if key != "" {
		found = fmt.Sprintf("%d bytes", len(key))
	} else {
		kept, err := d.cfg.KeptSecretKey()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.fail("secret key", err.Error(), "whoever knows the key is anybody they like")
			return
		}
		key, name, found, renew = kept, d.cfg.SecretKeyFile(), "made by the shop, kept in "+d.cfg.DataDir, "remove the file, and start again (everybody logs in again)"
	}
	switch lower := strings.ToLower(key); {
	case key == "": // to be made
		d.ok("secret key", found)
	case config.Distinct(key) < 12:
		d.fail("secret key", fmt.Sprintf("%s has only %d different characters", name, config.Distinct(key)), "whoever guesses it is anybody they like; "+renew)
	case strings.Contains(lower, "secret"), strings.Contains(lower, "changeme"):
		d.warn("secret key", name+" has words in it", renew)
	default:
		d.ok("secret key", found)
	}
}

// settings looks for secrets that could be guessed or read by others.
func (d *doctor) settings() {
	d.secretKey()
	if info, err := os.Stat(".env"); err == nil {
		if info.Mode().Perm()&0o044 != 0 {
			d.warn(".env", fmt.Sprintf("it can be read by others (%s)", info.Mode().Perm()), "chmod 600 .env")
		} else {
			d.ok(".env", "only its owner can read it")
		}
	}
	if db := d.cfg.Database; db != nil {
		d.databaseUser(db.User, db.Passwd, db.Net == "unix")
	}
	if host, _, _ := net.SplitHostPort(d.cfg.MetricsAddr); d.cfg.MetricsAddr != "" && !isLoopback(host) {
		d.warn("metrics", "METRICS_ADDR "+d.cfg.MetricsAddr+" can be reached from outside this machine",
			"see that only your Prometheus can: profiles are there, too")
	}
}

func (d *doctor) databaseUser(user, password string, local bool) {
	switch {
	case local && password == "":
		d.ok("db password", "none, by a socket of this machine")
	case password == "" || password == user || len(password) < 8 || config.Distinct(password) < 5:
		d.warn("db password", "the password in DATABASE_URL can be guessed", "ALTER USER CURRENT_USER() IDENTIFIED BY '...', with a random one, and change DATABASE_URL")
	default:
		d.ok("db password", "not an obvious one")
	}
	if user == "root" && !local {
		d.warn("db user", "the shop connects as root", "make it a user of its own with rights on its database only; README, Running it")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// The free space below which the doctor warns, and below which a database server may stop at any time.
const (
	diskWarn = 2 << 30
	diskFail = 256 << 20
)

func (d *doctor) disk() {
	if d.cfg.Database != nil {
		d.ok("disk", "the database keeps its data elsewhere; watch the disk there")
		return
	}
	dir := d.cfg.DataDir
	if _, err := os.Stat(dir); err != nil {
		dir = "."
	}
	free, err := freeSpace(dir)
	if err != nil {
		d.warn("disk", "its free space is not known: "+err.Error(), "see that there is some")
		return
	}
	d.space(free)
}

func (d *doctor) space(free int64) {
	found := fmt.Sprintf("%d MB are free in %s", free>>20, d.cfg.DataDir)
	switch {
	case free < diskFail:
		d.fail("disk", found, "make room at once: a database without space takes no orders")
	case free < diskWarn:
		d.warn("disk", found, "make room")
	default:
		d.ok("disk", found)
	}
}

// maxSkew is the difference of clocks from which on times in the log and in the database don't agree.
const maxSkew = 2 * time.Second
