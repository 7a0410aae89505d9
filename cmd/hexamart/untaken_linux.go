package main

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// dropUntaken has the kernel give a connection up whose client has taken nothing of what it was sent for so long. Else it keeps that
// for as long as the client likes, also after the connection was closed.
func dropUntaken(tcp *net.TCPConn, after time.Duration) error {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(after.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
