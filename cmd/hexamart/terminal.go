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

// untilHangup returns a context that ends when the terminal of standard input goes away. The kernel
// tells only the first process of a terminal's session, which may be a make that waits for this one.
func untilHangup(ctx context.Context) context.Context {
	fd := int(os.Stdin.Fd())
	if signal.Ignored(syscall.SIGHUP) || !term.IsTerminal(fd) {
		return ctx
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for {
			fds := []unix.PollFd{{Fd: int32(fd)}} // asks for no event: a hang-up is always reported
			_, err := unix.Poll(fds, -1)
			if err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
			if fds[0].Revents&unix.POLLHUP != 0 {
				cancel()
				return
			}
			if fds[0].Revents != 0 { // a system that can't poll terminals
				return
			}
		}
	}()
	return ctx
}
