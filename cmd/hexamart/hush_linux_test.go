package main

import (
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestHush closes a listener while there is a connection with a request that the server has not accepted:
// that one is answered, and whoever knocks later is not let in to be thrown out.
func TestHush(t *testing.T) {
	t.Parallel()
	listener, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	early, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(early, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go func() {
		time.Sleep(200 * time.Millisecond) // a server that is slow to accept
		_ = server.Serve(listener)
	}()
	hushUnprivileged(t, listener)
	if late, err := net.DialTimeout("tcp", listener.Addr().String(), 300*time.Millisecond); err == nil {
		_ = late.Close()
		t.Error("a connection was made to a listener about to be closed")
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if answer, err := io.ReadAll(early); err != nil || len(answer) == 0 {
		t.Errorf("the early one was answered %q, %v", answer, err)
	}
}

// hushUnprivileged is hush as the shop does it in production, on a thread without any capability, which ends with it.
func hushUnprivileged(t *testing.T, listener net.Listener) {
	t.Helper()
	failed := make(chan error)
	go func() {
		runtime.LockOSThread()
		none := [2]unix.CapUserData{}
		err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0])
		if err == nil {
			hush(listener)
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}
