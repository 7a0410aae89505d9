//go:build crash

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestCrashDiskFull fills the disk under a crowded shop, and makes room again: orders are refused, none
// that was acknowledged is lost, and the shop goes on by itself. It needs the right to mount.
func TestCrashDiskFull(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=400m"); errors.Is(err, syscall.EPERM) {
		t.Skip("only root may mount a small disk")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	c := openCrowded(t, "DATA_DIR="+filepath.Join(disk, "shop"))
	time.Sleep(2 * time.Second)
	ballast := filepath.Join(disk, "ballast")
	ctx, cancel := context.WithCancel(t.Context())
	var filling sync.WaitGroup
	filling.Go(func() { fill(ctx, t, ballast) })
	c.await("orders are refused for want of room", func() bool { return c.load.Answered("503 temporarily_unavailable") > 0 })
	time.Sleep(3 * time.Second)
	if code := c.status("/healthz"); code != 200 {
		t.Errorf("/healthz is %d", code)
	}
	cancel()
	filling.Wait()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	before := c.load.Answered("201 ")
	c.await("orders are taken again", func() bool { return c.load.Answered("201 ") > before+20 })
	c.close()
}

// fill takes every byte of a disk, and what becomes free, until ctx ends.
func fill(ctx context.Context, t *testing.T, path string) {
	f, err := os.Create(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = f.Close() }()
	for size := 1 << 20; ctx.Err() == nil; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			if size = size / 2; size == 0 {
				size = 1
				time.Sleep(time.Millisecond)
			}
		}
	}
}
