package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// EnsureSecretKey fills in a missing key from DataDir, where it is made on first use and readable by
// the owner alone.
func (c *Config) EnsureSecretKey() error {
	if c.SecretKey != "" {
		return nil
	}
	if _, err := KeepSecret(c.SecretKeyFile(), newSecretKey); err != nil {
		return err
	}
	key, err := c.KeptSecretKey()
	c.SecretKey = key
	return err
}

// KeptSecretKey returns the key in DataDir, fs.ErrNotExist if there is none yet. It is held to the rules of SECRET_KEY: somebody may
// have put it there.
func (c *Config) KeptSecretKey() (string, error) {
	key, err := ReadSecret(c.SecretKeyFile())
	if err != nil {
		return "", err
	}
	if problem := weakness(key); problem != "" {
		return "", fmt.Errorf("the key in %s %s; remove that file and start again: a new key is made, and people log in once more", c.SecretKeyFile(), problem)
	}
	return key, nil
}

// SecretKeyFile is where a key is that was made by EnsureSecretKey.
func (c *Config) SecretKeyFile() string { return filepath.Join(c.DataDir, "secret_key") }

// KeepSecret returns the text in a file, which is first written with what create returns if it is not
// there. Of two processes that do so at once both get the same text. It is an error if somebody else may have put
// the file there; if it is merely open to be read by others, it no longer is.
func KeepSecret(path string, create func() string) (string, error) {
	if text, err := ReadSecret(path); !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(create() + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return "", err
	}
	// A link appears whole or not at all, and never over one that another process made.
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return ReadSecret(path)
}

// ReadSecret returns the text in such a file, and fs.ErrNotExist if there is none.
func ReadSecret(path string) (string, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) // #nosec G304 -- the operator's DATA_DIR
	if errors.Is(err, syscall.ELOOP) {
		err = fmt.Errorf("%s is a link: put the file itself there", path)
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	if err := ownPrivately(file); err != nil {
		return "", err
	}
	b, err := io.ReadAll(file)
	return strings.TrimSpace(string(b)), err
}

const byOthers, ofAll, ofOthers = 0o022, 0o007, 0o077

// ownPrivately makes sure that nobody else wrote a file, or put it where it is, and that nobody else can read it.
func ownPrivately(file *os.File) error {
	path, self := file.Name(), os.Geteuid()
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	switch owner, holder := ownerOf(info), ownerOf(dir); {
	case holder != self && holder != 0:
		return fmt.Errorf("%s belongs to another user (uid %d): run as that user, or name another directory", filepath.Dir(path), holder)
	case dir.Mode()&byOthers != 0:
		return fmt.Errorf("others can write to %s: say chmod go-w %[1]s, and look whether what is in there is yours", filepath.Dir(path))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file", path)
	case owner != self && owner != 0:
		return fmt.Errorf("%s belongs to another user (uid %d): run as that user, or remove it", path, owner)
	case info.Mode()&byOthers != 0, info.Mode()&ofAll != 0 && owner != self:
		return fmt.Errorf("others can read or write %s: remove it, or say chmod 600 %[1]s if it is yours", path)
	case info.Mode()&ofOthers != 0 && owner == self:
		return file.Chmod(0o600)
	}
	return nil
}

func ownerOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return os.Geteuid()
}
