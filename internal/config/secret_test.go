package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestKeepSecret(t *testing.T) {
	t.Parallel()
	t.Run("MakesPrivateFile", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "a", "b")
		path := filepath.Join(dir, "key")
		got, err := KeepSecret(path, func() string { return "the secret" })
		if err != nil || got != "the secret" {
			t.Fatalf("got %q, %v", got, err)
		}
		for p, want := range map[string]fs.FileMode{path: 0o600, dir: 0o700 | fs.ModeDir} {
			if info, err := os.Stat(p); err != nil || info.Mode() != want {
				t.Errorf("mode of %s is %v, %v, want %v", p, info.Mode(), err, want)
			}
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("files are %v, %v", entries, err)
		}
	})
	t.Run("KeepsFirst", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "key")
		for _, next := range []string{"first", "second"} {
			if got, err := KeepSecret(path, func() string { return next }); err != nil || got != "first" {
				t.Errorf("got %q, %v", got, err)
			}
		}
	})
	t.Run("TrimsWhatAnEditorAdds", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "key")
		write(t, path, " by hand\r\n\n")
		got, err := KeepSecret(path, func() string { t.Error("made anew"); return "" })
		if err != nil || got != "by hand" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("SameForAllAtOnce", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "data", "key")
		start, got := make(chan struct{}), make([]string, 50)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				<-start
				v, err := KeepSecret(path, func() string { return "secret " + strconv.Itoa(i) })
				if got[i] = v; err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
		for _, v := range got {
			if v != got[0] || !strings.HasPrefix(v, "secret ") {
				t.Fatalf("secrets are %q", got)
			}
		}
		if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
			t.Errorf("files are %v, %v", entries, err)
		}
	})
	t.Run("SomebodyWasFaster", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "key")
		got, err := KeepSecret(path, func() string {
			if first, err := KeepSecret(path, func() string { return "theirs" }); err != nil || first != "theirs" {
				t.Errorf("they got %q, %v", first, err)
			}
			return "ours"
		})
		if err != nil || got != "theirs" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("FileForDirectory", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "data")
		write(t, file, "x")
		if got, err := KeepSecret(filepath.Join(file, "key"), func() string { return "secret" }); err == nil || got != "" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("OpenToRead", func(t *testing.T) { // as a copy is, made without the modes
		t.Parallel()
		path := filepath.Join(t.TempDir(), "key")
		put(t, path, 0o644, os.Geteuid())
		if got, err := KeepSecret(path, nil); err != nil || got != "planted" {
			t.Errorf("got %q, %v", got, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("file is %v, %v", info.Mode(), err)
		}
	})
	self := os.Geteuid()
	for name, c := range map[string]struct {
		dir, file     fs.FileMode
		holder, owner int
	}{
		"OpenToWrite":           {0o700, 0o602, self, self},
		"InADirectoryOfAll":     {0o707, 0o600, self, self},
		"InADirectoryOfAGroup":  {0o770, 0o600, self, self},
		"InAnothersDirectory":   {0o755, 0o600, self + 1, self},
		"OfAnotherUser":         {0o700, 0o600, self, self + 1},
		"OfAnotherUserOpenToUs": {0o700, 0o644, self, self + 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			path := filepath.Join(dir, "key")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			put(t, path, c.file, c.owner)
			give(t, dir, c.holder)
			if err := os.Chmod(dir, c.dir); err != nil {
				t.Fatal(err)
			}
			if got, err := KeepSecret(path, nil); err == nil || got != "" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	t.Run("Link", func(t *testing.T) { // to a text that somebody knows
		t.Parallel()
		path := filepath.Join(t.TempDir(), "key")
		put(t, path+".known", 0o644, self)
		if err := os.Symlink(path+".known", path); err != nil {
			t.Fatal(err)
		}
		if got, err := KeepSecret(path, nil); err == nil || got != "" {
			t.Errorf("got %q, %v", got, err)
		}
		if info, err := os.Stat(path + ".known"); err != nil || info.Mode() != 0o644 {
			t.Errorf("what it leads to is %v, %v", info.Mode(), err)
		}
	})
	t.Run("Pipe", func(t *testing.T) { // that nobody writes to, and that must not be waited for
		t.Parallel()
		path := filepath.Join(t.TempDir(), "key")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		told := make(chan error, 1)
		go func() {
			_, err := KeepSecret(path, nil)
			told <- err
		}()
		select {
		case err := <-told:
			if err == nil {
				t.Error("a pipe was taken for a key")
			}
		case <-time.After(30 * time.Second):
			t.Error("waits for somebody to write")
		}
	})
	t.Run("DirectoryForFile", func(t *testing.T) {
		t.Parallel()
		if got, err := KeepSecret(t.TempDir(), func() string { return "secret" }); err == nil || got != "" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// put makes a file that maybe another user has.
func put(t *testing.T, path string, mode fs.FileMode, owner int) {
	t.Helper()
	write(t, path, "planted")
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	give(t, path, owner)
}

// give lets a file belong to another user.
func give(t *testing.T, path string, owner int) {
	t.Helper()
	if owner == os.Geteuid() {
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	if err := os.Chown(path, owner, -1); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEnsureSecretKey(t *testing.T) {
	t.Parallel()
	t.Run("MadeOnce", func(t *testing.T) {
		t.Parallel()
		first := Config{DataDir: filepath.Join(t.TempDir(), "data")}
		second := first
		if err := first.EnsureSecretKey(); err != nil {
			t.Fatal(err)
		}
		if err := second.EnsureSecretKey(); err != nil || second.SecretKey != first.SecretKey || len(first.SecretKey) < 32 {
			t.Errorf("keys are %q and %q, %v", first.SecretKey, second.SecretKey, err)
		}
		if info, err := os.Stat(filepath.Join(first.DataDir, "secret_key")); err != nil || info.Mode() != 0o600 {
			t.Errorf("file is %v, %v", info, err)
		}
		other := Config{DataDir: t.TempDir()}
		if err := other.EnsureSecretKey(); err != nil || other.SecretKey == first.SecretKey {
			t.Errorf("another directory has the key %q, %v", other.SecretKey, err)
		}
	})
	t.Run("GivenStays", func(t *testing.T) {
		t.Parallel()
		c := Config{SecretKey: goodKey, DataDir: filepath.Join(t.TempDir(), "data")}
		if err := c.EnsureSecretKey(); err != nil || c.SecretKey != goodKey {
			t.Errorf("got %q, %v", c.SecretKey, err)
		}
		if _, err := os.Stat(c.DataDir); err == nil {
			t.Error("a directory was made for nothing")
		}
	})
	for name, text := range map[string]string{"EmptyFile": "", "ShortKey": "hush-hush\n", "FewCharacters": strings.Repeat("hush", 10),
		"Example": strings.Repeat("your_secret_key_hush-", 3)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Config{DataDir: t.TempDir()}
			path := filepath.Join(c.DataDir, "secret_key")
			write(t, path, text)
			err := c.EnsureSecretKey()
			if err == nil || c.SecretKey != "" || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v, the key has %d bytes", err, len(c.SecretKey))
			}
		})
	}
}
