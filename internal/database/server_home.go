package database

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxSocketPath is the longest path of a Unix socket: macOS takes 103 bytes, Linux 107.
const maxSocketPath = 103

// serverHome is the directory of a private server. It holds:
//
//	lock               held by the process that owns the server
//	data-mysql         the data, named after the kind of server that made them
//	data-mariadb
//	init-*             data being made; renamed when they are complete
//	filling            while the data are being filled
//	server.log, .old   what the server printed, now and the time before
//	server.pid         the server's process, until that has ended and been awaited
//	server.sock        where it listens, unless the path would be too long
//	tmp, export        its temporary files; the only place where SQL may write files
type serverHome struct {
	dir       string
	socket    string
	socketDir string // set where the socket lives outside of dir
}

func (h serverHome) path(name string) string { return filepath.Join(h.dir, name) }

func (h serverHome) data(f flavour) string { return h.path("data-" + string(f)) }

// flavour returns which kind of server made the data, "" where there are none yet.
func (h serverHome) flavour() flavour {
	for _, f := range []flavour{flavourMySQL, flavourMariaDB} {
		if _, err := os.Stat(h.data(f)); err == nil {
			return f
		}
	}
	return ""
}

func openHome(opt ServerOptions) (h serverHome, err error) {
	if opt.Mode == ServerScratch {
		if h.dir, err = os.MkdirTemp(opt.Dir, "hexamart-scratch-"); err != nil {
			return h, err
		}
	} else if h.dir, err = openDir(opt.Dir); err != nil {
		return h, err
	}
	// One spelling for every process, since the socket's path and the search for orphans rest on it.
	if h.dir, err = filepath.Abs(h.dir); err == nil {
		h.dir, err = filepath.EvalSymlinks(h.dir)
	}
	switch {
	case err != nil:
	case strings.Contains(h.dir, ":"):
		err = fmt.Errorf("%s has a colon in it, which the database server takes for the end of a path: name another directory", h.dir)
	case len(h.dir) > maxHomePath:
		err = fmt.Errorf("%.60s... has more than the %d bytes that the database server can do with: name another directory", h.dir, maxHomePath)
	default:
		err = h.placeSocket()
	}
	return h, err
}

// maxHomePath leaves room in the servers' buffers of 512 bytes.
const maxHomePath = 400

// openDir makes the directory, or makes sure that it is ours alone and holds nothing foreign.
func openDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("no data directory was named")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { // #nosec G301 -- what is above the data is not secret
		return "", err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", cmp.Or(ownPrivately(dir), err)
	}
	known := len(entries) == 0
	for _, e := range entries {
		known = known || e.Name() == "lock"
	}
	if !known {
		return "", fmt.Errorf("%s holds other files: name a new or an empty directory", dir)
	}
	return dir, ownPrivately(dir)
}

// ownPrivately makes sure that nobody else can reach into dir: the server asks for no password.
func ownPrivately(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user (uid %d): run as that user, or name another directory",
			dir, st.Uid)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return os.Chmod(dir, 0o700) // #nosec G302 -- a directory needs the x
}

// placeSocket chooses the socket's path, and for a deep home makes a short directory for it, whose
// name every process derives in the same way.
func (h *serverHome) placeSocket() error {
	h.socket = h.path("server.sock")
	if len(h.socket) <= maxSocketPath {
		return nil
	}
	sum := sha256.Sum256([]byte(h.dir))
	name := "hexamart-" + strconv.Itoa(os.Geteuid()) + "-" + hex.EncodeToString(sum[:6])
	h.socketDir = filepath.Join("/tmp", name) // not TMPDIR, which other processes may have set otherwise
	h.socket = filepath.Join(h.socketDir, "s")
	if err := os.Mkdir(h.socketDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// Anyone may have made a link of that name in a directory that everyone can write to.
	info, err := os.Lstat(h.socketDir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is in the way: remove it", h.socketDir)
	}
	return ownPrivately(h.socketDir)
}

// clean removes what a crash left behind and makes the rest of the home. The caller holds the lock
// and knows that no server runs.
func (h serverHome) clean() error {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "init-") {
			// Best effort: whoever made it may still be ending, and no name is used twice.
			_ = os.RemoveAll(h.path(e.Name()))
		}
	}
	// MySQL refuses to start when the process number in a stale .lock is somebody else's by now.
	for _, name := range []string{h.socket, h.socket + ".lock", h.path("server.pid"), h.path("tmp")} {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
	}
	for _, name := range []string{"tmp", "export"} {
		if err := os.Mkdir(h.path(name), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	err = os.Rename(h.path("server.log"), h.path("server.log.old"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// leave removes what need not stay after the server has ended.
func (h serverHome) leave(mode ServerMode) error {
	if h.socketDir != "" {
		_ = os.RemoveAll(h.socketDir)
	}
	if mode == ServerScratch {
		return os.RemoveAll(h.dir)
	}
	return errors.Join(os.RemoveAll(h.path("server.pid")), os.RemoveAll(h.path("tmp")))
}
