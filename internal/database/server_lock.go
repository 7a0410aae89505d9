package database

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	// lockPatience bounds the wait for a short task, or for an owner that is still starting.
	lockPatience = 60 * time.Second
	// dyingGrace is how long a process that was just killed may still hold its lock.
	dyingGrace = 500 * time.Millisecond
)

// dirLock is the ownership of a server's home. The kernel releases it with the process; the file's
// content only tells others who holds it.
type dirLock struct{ file *os.File }

// tryLock returns nil without an error when another process holds the lock.
func tryLock(h serverHome, mode ServerMode) (*dirLock, error) {
	file, err := os.OpenFile(h.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("database server: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return nil, file.Close()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("database server: lock %s: %w", file.Name(), err), file.Close())
	}
	l := &dirLock{file}
	if err := l.describe(mode, false); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// describe writes who holds the lock, for what, and whether the server answers.
func (l *dirLock) describe(mode ServerMode, ready bool) error {
	text := fmt.Sprintf("%d %d %t\n", os.Getpid(), mode, ready)
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("database server: %w", err)
	}
	if _, err := l.file.WriteAt([]byte(text), 0); err != nil {
		return fmt.Errorf("database server: %w", err)
	}
	return nil
}

func (l *dirLock) release() {
	_ = l.file.Truncate(0)
	// Closing alone leaves it locked while a child that is just being started still has a copy.
	_ = syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN)
	_ = l.file.Close()
}

// holder is who holds a lock, as the file tells; pid is 0 while that cannot be told.
type holder struct {
	pid   int
	mode  ServerMode
	ready bool
}

func readHolder(h serverHome) (who holder) {
	text, _ := os.ReadFile(h.path("lock"))
	n, err := fmt.Sscan(string(text), &who.pid, &who.mode, &who.ready)
	// A crashed holder's words stay until the next one has written its own.
	if err != nil || n != 3 || !strings.HasSuffix(string(text), "\n") || !alive(who.pid) {
		return holder{}
	}
	return who
}

func (who holder) busy(h serverHome) error {
	if who.pid == 0 {
		return fmt.Errorf("%w: %s is held by another process", ErrServerBusy, h.dir)
	}
	return fmt.Errorf("%w: %s is held by process %d", ErrServerBusy, h.dir, who.pid)
}

// claim takes the lock. It returns nil without an error when there is an owner's server to attach to.
func claim(ctx context.Context, h serverHome, opt ServerOptions) (*dirLock, error) {
	begin := time.Now()
	told := false
	for {
		lock, err := tryLock(h, opt.Mode)
		if lock != nil || err != nil {
			return lock, err
		}
		who := readHolder(h)
		owned := who.pid != 0 && who.mode == ServerOwned
		waited := time.Since(begin)
		switch {
		case owned && opt.Mode == ServerShared && who.ready && answers(ctx, h.socket):
			return nil, nil
		case owned && opt.Mode == ServerOwned && waited > dyingGrace, waited > lockPatience:
			return nil, who.busy(h)
		case waited > time.Second && !told:
			told = true
			opt.Notify(fmt.Sprintf("waiting for process %d, which uses the database in %s", who.pid, opt.Dir))
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(25 * time.Millisecond):
		}
	}
}
