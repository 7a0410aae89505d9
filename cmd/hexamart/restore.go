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
	"path/filepath"

	"github.com/klauspost/compress/gzip"

	"hexamart/internal/database"
	"hexamart/internal/model"
)

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
	s, err := p.openTo(ctx, database.ServerOptions{Mode: database.ServerOwned, Fill: true})
	if err != nil {
		return err
	}
	if err = s.restoreFrom(ctx, file, p.stdout); err == nil {
		fmt.Fprintf(p.stdout, `%s is restored; hexamart verify checks it. Everybody has to log in again.
Passwords and admins are those of the backup: repeat what you have changed since.
`, rest[0])
	}
	return errors.Join(err, s.close())
}

// restoreFrom fills the database, which nobody can use before it has come to its end. No session goes on: among those that
// were open there may be some that were ended since.
func (s *shop) restoreFrom(ctx context.Context, file *os.File, out io.Writer) error {
	if empty, err := database.IsEmpty(ctx, s.db); err != nil || !empty {
		return errors.Join(err, fmt.Errorf("there is a database in %s already; move %s away first", s.cfg.DataDir, filepath.Join(s.cfg.DataDir, "mysql")))
	}
	if err := s.server.BeginFilling(); err != nil {
		return fmt.Errorf("restore, which has not begun: %w", err)
	}
	err := s.fillFrom(ctx, file)
	if err == nil {
		_, err = s.migrate(ctx, out)
	}
	if err == nil {
		_, err = s.services.Sessions.EndEverybody(ctx, model.Actor{Command: "hexamart restore"})
	}
	if err == nil {
		err = s.server.EndFilling()
	}
	if err != nil {
		return fmt.Errorf("restore, which is not whole; run it again, which begins anew: %w", err)
	}
	return nil
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
			return err
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
	dump := portable(plain)
	defer func() { _ = dump.Close() }()
	fill.Stdin, fill.Stderr = dump, &said // what its statements print is lost: it may be more than there is memory
	if err := s.makeRestorer(ctx, password); err != nil {
		return err
	}
	defer func() { _, _ = s.db.ExecContext(context.WithoutCancel(ctx), closeRestorer) }() // nobody knows its password
	if err := fill.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, saidErrors(said.last))
	}
	if empty, err := database.IsEmpty(ctx, s.db); err != nil || empty {
		return errors.Join(err, errors.New("nothing was in it"))
	}
	return nil
}
