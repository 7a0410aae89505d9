package main

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// hushTime is the longest that hush waits for the server to accept what the kernel has accepted.
const hushTime = 2 * time.Second

// hush makes a listener deaf before it is closed. Closed at once it would reset those connections that the
// kernel has made and the server has not accepted yet, with the requests that are on them. Deaf, the kernel
// ignores who knocks now (they knock again within a second, and learn that nobody is there), while the server
// accepts the rest. Where the kernel can't, closing at once is all there is.
func hush(listener net.Listener) {
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	// Of a TCP header's flags, SYN without ACK: nothing of the packet is kept; else all of it.
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: 0x12},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0x02, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
	}
	program := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]} // #nosec G115 -- the lines above
	deaf := false
	_ = raw.Control(func(fd uintptr) {
		deaf = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, program) == nil
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
