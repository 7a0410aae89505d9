package database

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

type flavour string

const (
	flavourMySQL   flavour = "mysql"
	flavourMariaDB flavour = "mariadb"
)

func (f flavour) String() string {
	if f == flavourMariaDB {
		return "MariaDB"
	}
	return "MySQL"
}

// serverPlaces are the directories that hold servers although an ordinary user's PATH often lacks them.
var serverPlaces = []string{
	"/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin", "/usr/local/libexec",
	"/usr/local/mysql/bin", "/usr/local/mariadb/bin", "/usr/local/opt/*/bin",
	"/opt/homebrew/bin", "/opt/homebrew/opt/*/bin", "/home/linuxbrew/.linuxbrew/bin",
	"/opt/local/lib/*/bin", "/opt/mysql*/bin", "/opt/mariadb*/bin",
}

const serverAdvice = "Install one (apt install mariadb-server-core, or brew install mariadb), or name one in HEXAMART_MYSQLD;\n" +
	"or set DATABASE_URL to a running one, or start everything with: docker compose up"

// serverBinary is a server program that has told what it is; its name would not tell.
type serverBinary struct {
	path         string
	basedir      string // where its installation is, when that could be told from path
	share        string // MariaDB: the directory of the SQL that makes the system tables
	flavour      flavour
	major, minor int
}

func (b serverBinary) String() string {
	return fmt.Sprintf("%s %d.%d (%s)", b.flavour, b.major, b.minor, b.path)
}

func (b serverBinary) tooOld() bool {
	if b.flavour == flavourMariaDB {
		return b.major < 10 || b.major == 10 && b.minor < 11
	}
	return b.major < 8
}

// unfit says why the server cannot work on the home, "" when it can.
func (b serverBinary) unfit(h serverHome) string {
	made := h.flavour()
	switch {
	case b.tooOld():
		return b.String() + " is too old: MySQL 8.4 or MariaDB 10.11 is the oldest supported"
	case made != "" && made != b.flavour:
		return fmt.Sprintf("%s cannot read the data in %s, which %s made", b, h.dir, made)
	}
	return ""
}

// findServer returns the first usable server, of the kind that made the home's data where it has any.
func findServer(ctx context.Context, h serverHome, log *slog.Logger) (serverBinary, error) {
	found := ""
	for _, path := range serverPaths() {
		bin, err := inspectServer(ctx, path)
		if ctx.Err() != nil {
			return bin, ctx.Err()
		}
		reason := bin.unfit(h)
		if err != nil {
			reason = err.Error()
		}
		if reason == "" {
			if bin.flavour == flavourMySQL && bin.major == 8 && bin.minor < 4 {
				log.Warn("the database server is older than supported", "server", bin.String(), "oldest", "MySQL 8.4")
			}
			return bin, nil
		}
		found += "\n  " + reason
	}
	return serverBinary{}, fmt.Errorf("%w%s\n%s", ErrNoServer, found, serverAdvice)
}

// serverPaths lists the server programs of this machine, each once, those in PATH first; or only the
// one that HEXAMART_MYSQLD names.
func serverPaths() []string {
	if path := os.Getenv("HEXAMART_MYSQLD"); path != "" {
		if found, err := exec.LookPath(path); err == nil {
			path = found
		}
		// The server is started from another directory.
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		return []string{path}
	}
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, place := range serverPlaces {
		found, _ := filepath.Glob(place)
		dirs = append(dirs, found...)
	}
	var paths []string
	seen := map[string]bool{}
	for _, dir := range dirs {
		for _, name := range []string{"mysqld", "mariadbd"} {
			path := filepath.Join(dir, name)
			real, err := filepath.EvalSymlinks(path)
			if err != nil || seen[real] || !filepath.IsAbs(path) {
				continue
			}
			seen[real] = true
			if info, err := os.Stat(real); err == nil && info.Mode().IsRegular() { // #nosec G703 -- HEXAMART_MYSQLD and PATH are the operator's
				paths = append(paths, path)
			}
		}
	}
	return paths
}

var versionPattern = regexp.MustCompile(`(?:Ver|from) (\d+)\.(\d+)\.`)

func inspectServer(ctx context.Context, path string) (serverBinary, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--no-defaults", "--version").CombinedOutput()
	if err != nil {
		return serverBinary{}, errors.New(strings.TrimSpace(fmt.Sprintf("%s does not run: %v %s", path, err, out)))
	}
	m := versionPattern.FindSubmatch(out)
	if m == nil {
		return serverBinary{}, fmt.Errorf("%s is no server: it says %q", path, out)
	}
	bin := serverBinary{path: path, flavour: flavourMySQL}
	bin.major, _ = strconv.Atoi(string(m[1]))
	bin.minor, _ = strconv.Atoi(string(m[2]))
	if strings.Contains(string(out), "MariaDB") {
		bin.flavour = flavourMariaDB
		bin.locateShare(ctx)
	}
	return bin, nil
}

// locateShare finds the installation around the program, else where the program says it is.
func (b *serverBinary) locateShare(ctx context.Context) {
	if real, err := filepath.EvalSymlinks(b.path); err == nil {
		prefix := filepath.Dir(filepath.Dir(real))
		for _, share := range []string{"share/mariadb", "share/mysql", "share"} {
			if dir := filepath.Join(prefix, share); len(systemTables(dir)) > 0 {
				b.basedir, b.share = prefix, dir
				return
			}
		}
	}
	out, _ := exec.CommandContext(ctx, b.path, "--no-defaults", "--verbose", "--help").Output() // #nosec G204 -- HEXAMART_MYSQLD and PATH are the operator's
	if m := regexp.MustCompile(`(?m)^character-sets-dir +(/.*?)/*$`).FindSubmatch(out); m != nil {
		b.share = filepath.Dir(string(m[1]))
	}
}
