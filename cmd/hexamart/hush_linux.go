package main

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// hushTime is the longest that hush waits for the server to accept what the kernel has accepted.
const hushTime = 2 * time.Second

// noInterface is the number of a network interface that does not exist.
const noInterface = 1<<31 - 1

// hush makes a listener deaf before it is closed. Closed at once it would reset those connections that the
// kernel has made and the server has not accepted yet, with the requests that are on them. Listening on no
// interface, the kernel turns away who knocks now, while the server accepts the rest. That takes no privilege
// since Linux 5.7 (a packet filter may). Where the kernel can't, closing at once is all there is.
func hush(listener net.Listener) {
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	deaf := false
	_ = raw.Control(func(fd uintptr) {
		deaf = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, noInterface) == nil
	})
	for start := time.Now(); deaf && time.Since(start) < hushTime; {
		waiting := uint32(0)
		_ = raw.Control(func(fd uintptr) {
			if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
				waiting = info.Unacked // of a listener: connections that nobody has accepted
			}
		})
		// Handshakes that had begun end in this time, and the server takes up what it accepted last.
		time.Sleep(100 * time.Millisecond)
		if waiting == 0 {
			return
		}
	}
}
