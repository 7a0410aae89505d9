package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// isTerminal reports whether what is written to w, or read from it, is shown and not kept.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// untilHangup returns a context that ends when the terminal of this process goes away. The kernel tells
// only the first process of a terminal's session, which may be a make that waits for this one.
func untilHangup(ctx context.Context) context.Context {
	var terminals []unix.PollFd
	for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if isTerminal(f) {
			terminals = append(terminals, unix.PollFd{Fd: int32(f.Fd())}) // #nosec G115 -- descriptors are small; no event is asked for: a hang-up always comes
		}
	}
	if signal.Ignored(syscall.SIGHUP) || len(terminals) == 0 {
		return ctx
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for {
			_, err := unix.Poll(terminals, -1)
			if err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
			for _, fd := range terminals {
				switch {
				case fd.Revents&unix.POLLHUP != 0:
					cancel()
					return
				case fd.Revents != 0: // a system that can't poll terminals
					return
				}
			}
		}
	}()
	return ctx
}
