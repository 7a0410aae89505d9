//go:build unix

package main

import "golang.org/x/sys/unix"

// freeSpace returns how many bytes are left for this user in the file system of a directory.
func freeSpace(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return int64(fs.Bavail) * int64(fs.Bsize), nil // #nosec G115 -- no disk has 2^63 bytes
}
