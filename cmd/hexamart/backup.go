package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"hexamart/internal/database"
)

// dumpEnd is how the last line of a dump begins; one without it is not whole.
const dumpEnd = "-- Dump completed"

// dumpFlags make a dump of one moment while the shop goes on, which a user with no more rights than the shop needs can
// load. The tools of MySQL and MariaDB know them all.
var dumpFlags = []string{"--single-transaction", "--quick", "--no-tablespaces", "--skip-add-locks", "--hex-blob", "--default-character-set=utf8mb4"}

// errNotPrivate keeps backup and restore to the private server.
var errNotPrivate = errors.New("this is for the private server; with DATABASE_URL use the server's own tools, as the README shows")

// backup writes a compressed dump of the private server's database, while the shop may be running.
func backup(ctx context.Context, p *program, args []string) error {
	rest, err := p.parseFlags(flag.NewFlagSet("backup", flag.ContinueOnError), args, "FILE")
	if err != nil {
		return err
	}
	if p.cfg.Database != nil {
		return errNotPrivate
	}
	if info, err := os.Lstat(rest[0]); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is there and no ordinary file, which alone a backup replaces; name another one", rest[0])
	}
	return p.withShop(ctx, func(s *shop) error {
		dump, err := s.clientTool(ctx, "mariadb-dump", "mysqldump")
		if err != nil {
			return err
		}
		dump.Args = append(append(dump.Args, dumpFlags...), "hexamart")
		size, err := writeDump(dump, rest[0])
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		fmt.Fprintf(p.stdout, "%s holds the database as it was at %s (%d KB)\n", rest[0], time.Now().UTC().Format(time.RFC3339), size>>10)
		return nil
	})
}

// clientTool returns the command of the first of the server's own tools that this machine has, connected to
// the private server.
func (s *shop) clientTool(ctx context.Context, names ...string) (*exec.Cmd, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			cfg := s.server.Config()
			return exec.CommandContext(ctx, path, "--no-defaults", "--user="+cfg.User, "--socket="+cfg.Addr), nil // #nosec G204 -- PATH is the operator's
		}
	}
	return nil, fmt.Errorf("there is no %s here; install it (apt install mariadb-client, or brew install mariadb)", strings.Join(names, " or "))
}

// writeDump runs the tool and keeps what it writes, compressed, if it is whole: a file of this name is a
// backup or is not there.
func writeDump(dump *exec.Cmd, name string) (size int64, err error) {
	file, err := os.CreateTemp(filepath.Dir(name), ".backup-*") // mode 0600
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	zipped := gzip.NewWriter(file)
	end, said := tail{max: endLine}, tail{max: lastWords}
	dump.Stdout, dump.Stderr = io.MultiWriter(zipped, &end), &said
	if err := dump.Run(); err != nil {
		return 0, errors.Join(fmt.Errorf("%s: %w: %s", filepath.Base(dump.Path), err, bytes.TrimSpace(said.last)), file.Close())
	}
	if !bytes.Contains(end.last, []byte(dumpEnd)) {
		return 0, errors.Join(errors.New("the dump has no end"), file.Close())
	}
	if err := errors.Join(zipped.Close(), file.Sync()); err != nil {
		return 0, errors.Join(err, file.Close())
	}
	if size, err = file.Seek(0, io.SeekEnd); err != nil {
		return 0, errors.Join(err, file.Close())
	}
	return size, errors.Join(file.Close(), os.Rename(file.Name(), name))
}

// What is kept of a dump, to see its last line, and of what a tool says.
const (
	endLine   = 200
	lastWords = 4 << 10
)

// tail keeps the end of what is written to it.
type tail struct {
	max  int
	last []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.last = append(t.last, p[max(0, len(p)-t.max):]...)
	if n := len(t.last); n > t.max {
		t.last = append([]byte(nil), t.last[n-t.max:]...)
	}
	return len(p), nil
}

// restore fills an empty private server from a backup. A shop that runs on it keeps it from beginning.
func restore(ctx context.Context, p *program, args []string) error {
	rest, err := p.parseFlags(flag.NewFlagSet("restore", flag.ContinueOnError), args, "FILE")
	if err != nil {
		return err
	}
	if p.cfg.Database != nil {
		return errNotPrivate
	}
	file, err := os.Open(rest[0])
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := checkDump(file); err != nil {
		return fmt.Errorf("%s is no whole backup, nothing was changed: %w", rest[0], err)
	}
	s, err := p.openShop(ctx, database.ServerOwned)
	if err != nil {
		return err
	}
	if err = s.fillFrom(ctx, file); err == nil {
		fmt.Fprintf(p.stdout, "%s is restored; hexamart verify checks it\n", rest[0])
	}
	return errors.Join(err, s.close())
}

// restorer is who restores a backup: somebody who may do all in the shop's database, and nothing to its server, which could be told
// to write files elsewhere. The owner's triggers and views that are in a backup are this user's afterwards, and go by its rights: so
// it stays, and nobody can log in as it.
const (
	restorer      = "hexamart_restore"
	closeRestorer = "ALTER USER '" + restorer + "'@'localhost' ACCOUNT LOCK"
)

func (s *shop) makeRestorer(ctx context.Context, password string) error {
	for _, query := range []string{
		"DROP USER IF EXISTS '" + restorer + "'@'localhost'", // of a restore before, whose database is gone
		"CREATE USER '" + restorer + "'@'localhost' IDENTIFIED BY '" + password + "'",
		"GRANT ALL ON hexamart.* TO '" + restorer + "'@'localhost'",
	} {
		if _, err := s.db.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("restore, which has not begun: %w", err)
		}
	}
	return nil
}

func checkDump(file *os.File) error {
	plain, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	end := tail{max: endLine}
	if _, err := io.Copy(&end, plain); err != nil {
		return err
	}
	if !bytes.Contains(end.last, []byte(dumpEnd)) {
		return errors.New("it has no end")
	}
	_, err = file.Seek(0, io.SeekStart)
	return err
}

func (s *shop) fillFrom(ctx context.Context, file *os.File) error {
	if empty, err := database.IsEmpty(ctx, s.db); err != nil || !empty {
		return errors.Join(err, fmt.Errorf("there is a database in %s already; move %s away first", s.cfg.DataDir, filepath.Join(s.cfg.DataDir, "mysql")))
	}
	plain, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	fill, err := s.clientTool(ctx, "mariadb", "mysql")
	if err != nil {
		return err
	}
	// A file is only SQL for the shop's own database: the tool runs no commands that stand in it, among which there is the
	// shell, and sends no file of this machine.
	fill.Args = append(fill.Args, "--user="+restorer, "--quick", "--binary-mode", "--local-infile=0", "--default-character-set=utf8mb4", "hexamart")
	password := rand.Text()
	fill.Env = append(os.Environ(), "MYSQL_PWD="+password)
	said := tail{max: lastWords}
	dump := withoutDefiners(plain)
	defer func() { _ = dump.Close() }()
	fill.Stdin, fill.Stderr = dump, &said // what its statements print is lost: it may be more than there is memory
	if err := s.makeRestorer(ctx, password); err != nil {
		return err
	}
	defer func() { _, _ = s.db.ExecContext(context.WithoutCancel(ctx), closeRestorer) }() // nobody knows its password
	if err := fill.Run(); err != nil {
		return fmt.Errorf("restore, which is half done: %w: %s", err, bytes.TrimSpace(said.last))
	}
	if empty, err := database.IsEmpty(ctx, s.db); err != nil || empty {
		return errors.Join(err, errors.New("nothing was in it"))
	}
	return nil
}
