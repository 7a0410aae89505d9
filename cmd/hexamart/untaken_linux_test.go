package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"testing"
	"time"
)

// TestDropUntaken takes nothing of what it is sent, and keeps its end: the kernel of the other one does not wait for ever.
func TestDropUntaken(t *testing.T) {
	t.Parallel()
	listener := loopback(t)
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := dropUntaken(conn.(*net.TCPConn), time.Second); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		_, err = conn.Write(make([]byte, 64<<10))
	}
	_ = conn.Close()
	// The kernel's list has the connection under both ports, in hexadecimal, for as long as it is there.
	port := func(a net.Addr) int { return a.(*net.TCPAddr).Port }
	entry := fmt.Appendf(nil, ":%04X 0100007F:%04X", port(listener.Addr()), port(client.LocalAddr()))
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		list, err := os.ReadFile("/proc/net/tcp")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(list, entry) {
			break
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatal("it is still there")
		}
	}
}
