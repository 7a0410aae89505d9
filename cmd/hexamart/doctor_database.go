package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hexamart/internal/database"
)

func (d *doctor) database(ctx context.Context, s *shop) error {
	f, err := database.Inspect(ctx, s.db)
	if err != nil {
		return err
	}
	d.connection(f)
	d.version(f)
	d.rights(f)
	d.session(f)
	d.durability(f)
	d.cluster(f)
	d.clock(f)
	programs, err := database.Programs(ctx, s.db)
	if err != nil {
		return err
	}
	d.programs(programs, f.Unseen)
	return d.schema(ctx, s, f)
}

func (d *doctor) connection(f database.Facts) {
	found := "answers in " + f.Answer.Round(10*time.Microsecond).String()
	if f.Answer > 5*time.Millisecond {
		d.warn("connection", found, "each request waits for that several times; put shop and database nearer to each other")
	} else {
		d.ok("connection", found)
	}
	if cfg := d.cfg.Database; cfg != nil && cfg.Net == "tcp" && !f.Encrypted {
		if host, _, _ := strings.Cut(cfg.Addr, ":"); !isLoopback(host) {
			d.warn("encryption", "the connection is not encrypted", "add ?tls=true (or preferred) to DATABASE_URL unless the network is your own")
		}
	}
	if n, err := strconv.Atoi(f.Variables["max_connections"]); err == nil && n < 2*database.MaxConns+10 {
		d.warn("connections", fmt.Sprintf("the server takes %d, an instance of the shop up to %d", n, database.MaxConns),
			fmt.Sprintf("SET GLOBAL max_connections to %d for each instance and some more, and in the server's configuration", database.MaxConns))
	}
}

func (d *doctor) version(f database.Facts) {
	if f.TooOld() {
		d.fail("version", f.Version, "MySQL 8.4 and MariaDB 10.11 are the oldest that the shop is tested with; upgrade the server")
		return
	}
	d.ok("version", f.Version)
}

func (d *doctor) rights(f database.Facts) {
	var lacking, grants []string
	for _, g := range f.Lacking {
		lacking = append(lacking, g.String())
		grants = append(grants, fmt.Sprintf("GRANT %s ON <the database>.%s TO <the user>", strings.Join(g.Rights, ", "), g.Table))
	}
	if f.ByRole {
		d.warn("rights", "they come by a role and can't be read", "see that the role has "+strings.Join(append(lacking, f.NoChanges...), ", "))
		return
	}
	if len(lacking) > 0 {
		d.fail("rights", "this user lacks "+strings.Join(lacking, "; "), "as an administrator: "+strings.Join(grants, "; "))
		return
	}
	found := "all that the shop and its migrations need"
	if len(f.NoChanges) > 0 {
		found = "all that the shop needs; another user has to migrate (this one lacks " + strings.Join(f.NoChanges, ", ") + ")"
	}
	switch {
	case len(f.Rewriting) == 0:
		found += "; it may only add to audit_log"
	case !slices.Contains(f.Rewriting, "UPDATE") && !slices.Contains(f.Rewriting, "DELETE"):
		d.warn("rights", "this user may not change entries of audit_log, but "+strings.Join(f.Rewriting, ", ")+" can change or empty it all the same",
			"let the shop be served by a user without these; README, Two users of the database")
		return
	}
	d.ok("rights", found)
}

// session is what every connection of the shop sets; a proxy between may have other ideas.
func (d *doctor) session(f database.Facts) {
	const advice = "the shop sets it on each connection; what stands between shop and server must not change it"
	if f.Offset != 0 {
		d.fail("time zone", fmt.Sprintf("NOW() is %s from UTC (%s)", f.Offset, f.Variables["time_zone"]), advice)
	} else {
		d.ok("time zone", "UTC")
	}
	if mode := f.Variables["sql_mode"]; !strings.Contains(mode, "STRICT_TRANS_TABLES") || !strings.Contains(mode, "ONLY_FULL_GROUP_BY") {
		d.fail("sql_mode", mode, advice)
	} else {
		d.ok("sql_mode", "strict")
	}
	level := f.Variables["transaction_isolation"]
	if level == "" {
		level = f.Variables["tx_isolation"]
	}
	if level != "READ-COMMITTED" {
		d.fail("isolation", level, advice)
	} else {
		d.ok("isolation", level)
	}
	if format := f.Variables["binlog_format"]; f.Variables["log_bin"] == "ON" && format == "STATEMENT" {
		d.fail("binlog", "binlog_format is STATEMENT", "SET GLOBAL binlog_format = 'ROW', and in the server's configuration: nothing can be written otherwise")
	}
}

// durability is what an order that was acknowledged needs to outlive a power cut.
func (d *doctor) durability(f database.Facts) {
	v, wrong := f.Variables, false
	alone := f.Variables["wsrep_on"] != "ON"
	if v["innodb_flush_log_at_trx_commit"] != "1" && alone {
		wrong = true
		d.warn("durability", "innodb_flush_log_at_trx_commit is "+v["innodb_flush_log_at_trx_commit"]+": a crash may lose the orders of the last second",
			"SET GLOBAL innodb_flush_log_at_trx_commit = 1, and in the server's configuration")
	}
	if v["log_bin"] == "ON" && v["sync_binlog"] != "1" && alone {
		wrong = true
		d.warn("durability", "sync_binlog is "+v["sync_binlog"]+": after a crash a replica or a backup may know more or less than the server",
			"SET GLOBAL sync_binlog = 1, and in the server's configuration")
	}
	if v["innodb_doublewrite"] == "OFF" {
		wrong = true
		d.warn("durability", "innodb_doublewrite is OFF: a page that is half written at a power cut is lost", "innodb_doublewrite = ON in the server's configuration")
	}
	if !wrong {
		d.ok("durability", "what is acknowledged is on disk, or on the cluster's other nodes")
	}
}

func (d *doctor) cluster(f database.Facts) {
	if f.Variables["wsrep_on"] != "ON" {
		return
	}
	size, _ := strconv.Atoi(f.Status["wsrep_cluster_size"])
	found := fmt.Sprintf("a %s node of %d, %s", f.Status["wsrep_cluster_status"], size, f.Status["wsrep_local_state_comment"])
	switch {
	case f.Status["wsrep_cluster_status"] != "Primary":
		d.fail("cluster", found, "this node has lost the others; README, A cluster")
	case size < 3 || size%2 == 0:
		d.warn("cluster", found, "with three nodes (or five) one can fail; an even number does not survive being cut in half")
	default:
		d.ok("cluster", found)
	}
	if f.Variables["innodb_autoinc_lock_mode"] != "2" {
		d.fail("cluster", "innodb_autoinc_lock_mode is "+f.Variables["innodb_autoinc_lock_mode"], "it must be 2 on a cluster, in the server's configuration")
	}
}

func (d *doctor) clock(f database.Facts) {
	found := fmt.Sprintf("the server's is %s ahead of this machine's", f.Skew.Round(time.Millisecond))
	if f.Skew.Abs() > maxSkew {
		d.warn("clocks", found, "let both set their clocks by NTP")
		return
	}
	d.ok("clocks", found)
}

// programs are what others have made the server do whenever the shop writes, or by the clock.
func (d *doctor) programs(list []database.Program, unseen []string) {
	for _, p := range list {
		d.warn("programs", fmt.Sprintf("%s is not the shop's (%s)", p, p.Moment),
			"it may change what the shop writes, or make somebody an admin; see what it does ("+p.Show()+"), and drop it unless it is meant")
	}
	switch {
	case len(unseen) > 0:
		d.ok("programs", "no others are known; this user may not see them (it lacks "+strings.Join(unseen, ", ")+")")
	case len(list) == 0:
		d.ok("programs", "no trigger on the shop's tables, no event")
	}
}

func (d *doctor) schema(ctx context.Context, s *shop, f database.Facts) error {
	version, err := database.SchemaVersion(ctx, s.db)
	if err != nil {
		return err
	}
	known := database.LatestVersion()
	switch {
	case version < known && len(f.NoChanges) > 0 && !f.ByRole:
		d.fail("schema", fmt.Sprintf("it is at version %d of %d, and this user can't migrate it", version, known),
			"hexamart migrate as a user that has "+strings.Join(f.NoChanges, ", ")+" too; then GRANT what this one lacks")
		return nil
	case version < known:
		d.warn("schema", fmt.Sprintf("it is at version %d of %d", version, known),
			"hexamart migrate brings it up to date, serve does so by itself; hexamart migrate --check says what would change")
		return nil
	case version > known:
		d.warn("schema", fmt.Sprintf("it is at version %d, this program knows %d", version, known), "update this program")
	}
	missing, err := database.MissingParts(ctx, s.db)
	switch {
	case err != nil:
		return err
	case len(missing) > 0:
		d.fail("schema", fmt.Sprintf("%d parts of it are missing, among them: %s", len(missing), strings.Join(missing[:min(len(missing), maxNamed)], "; ")),
			"make them as they are in a new database (SHOW CREATE TABLE there), or restore a whole backup: what needs them fails, or is not guarded any more")
	case version == known:
		d.ok("schema", fmt.Sprintf("at version %d", version))
	}
	d.books(ctx, s)
	return nil
}

// maxNamed is how many of what may be many the doctor names.
const maxNamed = 10

func (d *doctor) books(ctx context.Context, s *shop) {
	violations, err := s.services.Admin.Verify(ctx)
	switch {
	case err != nil:
		d.fail("books", "they could not be checked: "+err.Error(), "see above")
	case len(violations) > 0:
		d.fail("books", fmt.Sprintf("%d rows are wrong, the first: %s: %s", len(violations), violations[0].Row, violations[0].Problem),
			"hexamart verify names them all")
	default:
		d.ok("books", "every rule holds")
	}
}
