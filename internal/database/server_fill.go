package database

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrHalfFilled means that whoever was to fill the data directory, as from a backup, has not come to the end; the message says
// what to do.
var ErrHalfFilled = errors.New("the database is a part of what it should be")

// filling is there from before the data are filled until all of them are.
func (h serverHome) filling() string { return h.path("filling") }

// checkFilled refuses data of which only a part may be there, as after a kill, unless they are to be filled anew.
func (h serverHome) checkFilled(opt ServerOptions) error {
	_, err := os.Lstat(h.filling())
	if errors.Is(err, fs.ErrNotExist) || err == nil && opt.Fill {
		return nil
	}
	return errors.Join(err, fmt.Errorf("%w: hexamart restore has not come to its end in %s. Run it again, which begins anew, or move that directory away",
		ErrHalfFilled, h.dir))
}

// dropHalf removes the data of which only a part is there.
func (h serverHome) dropHalf() error {
	if _, err := os.Lstat(h.filling()); err != nil {
		return nil
	}
	return errors.Join(os.RemoveAll(h.data(flavourMySQL)), os.RemoveAll(h.data(flavourMariaDB)))
}

// BeginFilling says that from now on a part of the data may be there. Until EndFilling only a server with Fill starts
// on them, and begins with none.
func (s *Server) BeginFilling() error {
	file, err := os.OpenFile(s.home.filling(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close(), syncDir(s.home.dir))
}

// EndFilling says that all of the data are there.
func (s *Server) EndFilling() error {
	return errors.Join(os.Remove(s.home.filling()), syncDir(s.home.dir))
}

// syncDir has what is new in a directory, and what is gone, survive a loss of power.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
