package database

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// initialise makes the data where there are none. They are made beside their place and renamed, so
// that what stands there is complete.
func (s *Server) initialise(ctx context.Context, bin serverBinary) error {
	if s.home.flavour() != "" {
		return nil
	}
	if s.opt.Mode != ServerScratch {
		s.opt.Notify("preparing a database in " + s.opt.Dir + " (first start)")
	}
	tmp, err := os.MkdirTemp(s.home.dir, "init-")
	if err != nil {
		return fmt.Errorf("prepare a database: %w", err)
	}
	defer os.RemoveAll(tmp)
	data := filepath.Join(tmp, "data")
	args, input, err := bin.initArgs(s.home, s.opt.Mode, data)
	if err != nil {
		return fmt.Errorf("prepare a database: %w", err)
	}
	if s.proc, err = s.guard.start(s.home, input, args); err != nil {
		return fmt.Errorf("prepare a database: %w", err)
	}
	if err := s.awaitInit(ctx); err != nil {
		_ = s.proc.end(syscall.SIGKILL, stopPatience)
		return err
	}
	if err := os.Rename(data, s.home.data(bin.flavour)); err != nil {
		return fmt.Errorf("prepare a database: %w", err)
	}
	return nil
}

func (s *Server) awaitInit(ctx context.Context) error {
	watch := s.newStall()
	for {
		select {
		case <-s.proc.done:
			if s.proc.err != nil {
				return s.failure("could not make its data (" + s.proc.state() + ")")
			}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
			if err := watch.check(); err != nil {
				return err
			}
		}
	}
}

// initArgs returns the command line that makes a data directory, and the file it reads as its input.
func (b serverBinary) initArgs(h serverHome, mode ServerMode, data string) (args []string, input string, err error) {
	args = b.coreFlags(h, mode, data)
	if b.flavour == flavourMySQL {
		return append(args, "--initialize-insecure"), os.DevNull, nil
	}
	// What mariadb-install-db does, but that script needs a tool of the client's package.
	sql, err := b.systemSQL()
	if err != nil {
		return nil, "", err
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, "", err
	}
	input = filepath.Join(filepath.Dir(data), "system.sql")
	args = append(args, "--bootstrap", "--enforce-storage-engine=", "--max-allowed-packet=8M", "--net-buffer-length=16K")
	return args, input, os.WriteFile(input, sql, 0o600)
}

// systemTables lists the SQL files of a MariaDB installation that make its system tables, in the order
// in which they run. They were renamed in MariaDB 11. The help texts and the sys schema are left out.
func systemTables(share string) []string {
	for _, prefix := range []string{"mariadb", "mysql"} {
		var files []string
		for _, name := range []string{"_system_tables.sql", "_performance_tables.sql", "_system_tables_data.sql"} {
			file := filepath.Join(share, prefix+name)
			if _, err := os.Stat(file); err == nil {
				files = append(files, file)
			}
		}
		if len(files) == 3 {
			return files
		}
	}
	return nil
}

func (b serverBinary) systemSQL() ([]byte, error) {
	files := systemTables(b.share)
	if files == nil {
		return nil, fmt.Errorf("the installation of %s lacks the SQL files of its system tables (looked in %q)", b, b.share)
	}
	// Without a name for socket authentication, root gets an empty password: the directory is the guard.
	sql := bytes.NewBufferString(strings.Join([]string{
		"CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket = NULL;", ""}, "\n"))
	for _, file := range files {
		text, err := os.ReadFile(file) // #nosec G304 -- files that belong to the server's binary
		if err != nil {
			return nil, err
		}
		sql.Write(text)
		sql.WriteByte('\n')
	}
	return sql.Bytes(), nil
}
