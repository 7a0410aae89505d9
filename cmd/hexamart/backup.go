package main

import (
	"bytes"
	"context"
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
)

// dumpEnd is how the last line of a dump begins; one without it is not whole.
const dumpEnd = "-- Dump completed"

// noGTIDs keeps MySQL's tool from writing statements into a dump that only an administrator may load; MariaDB's does not know it.
const noGTIDs = "--set-gtid-purged=OFF"

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
	return p.withExistingShop(ctx, func(s *shop) error {
		dump, err := s.clientTool(ctx, "mariadb-dump", "mysqldump")
		if err != nil {
			return err
		}
		dump.Args = append(dump.Args, dumpFlags...)
		if version, err := exec.CommandContext(ctx, dump.Path, "--version").Output(); err == nil && !bytes.Contains(version, []byte("MariaDB")) { // #nosec G204 -- as above
			dump.Args = append(dump.Args, noGTIDs)
		}
		dump.Args = append(dump.Args, "hexamart")
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
	dump.Stderr = &said
	text, err := dump.StdoutPipe()
	if err == nil {
		err = dump.Start()
	}
	if err == nil {
		err = copyPortable(io.MultiWriter(zipped, &end), text)
		err = errors.Join(err, dump.Wait())
	}
	if err != nil {
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
