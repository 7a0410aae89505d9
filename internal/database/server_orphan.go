package database

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endOrphan ends a server that outlived its owner, or waits while the guard is doing so. The caller
// holds the lock.
func (h serverHome) endOrphan(ctx context.Context, notify func(string)) error {
	text, _ := os.ReadFile(h.path("server.pid"))
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || !h.runs(pid) {
		return nil
	}
	notify(fmt.Sprintf("ending a database server that was left running (process %d)", pid))
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end the database server that was left running (process %d): %w", pid, err)
		}
		for begin := time.Now(); time.Since(begin) < orphanPatience; {
			if !h.runs(pid) {
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(25 * time.Millisecond):
			}
		}
	}
	return fmt.Errorf("the database server that was left running (process %d) does not end", pid)
}

// alive tells whether there is such a process, whoever owns it.
func alive(pid int) bool {
	return pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// runs tells whether pid is a server on this home: the number alone may be another process's by now.
func (h serverHome) runs(pid int) bool {
	if !alive(pid) {
		return false
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		line, _ = exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output() // #nosec G204 -- a number
	}
	return strings.Contains(strings.ReplaceAll(string(line), "\x00", " "), "--datadir="+h.dir+"/")
}
