package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hexamart/internal/handler"
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

// TestDrainHearsTheFresh stops a server to which somebody has connected who asks when it has gone deaf. A machine may be too
// busy for the half second that he has, but not each time.
func TestDrainHearsTheFresh(t *testing.T) {
	t.Parallel()
	for range 3 {
		if answered := drainAndAsk(t); answered {
			return
		}
	}
	t.Error("who had connected was never answered")
}

func drainAndAsk(t *testing.T) (answered bool) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	server, conns := newServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), log, nil)
	listener, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	fresh, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fresh.Close() }()
	drained := make(chan error, 1)
	go func() { drained <- (&shop{log: log}).drain(&handler.API{}, server, conns, listener) }()
	for deaf := false; !deaf; time.Sleep(5 * time.Millisecond) {
		other, err := net.DialTimeout("tcp", listener.Addr().String(), 50*time.Millisecond)
		if deaf = err != nil; !deaf {
			_ = other.Close()
		}
	}
	time.Sleep(300 * time.Millisecond) // longer than hush takes, and shorter than that and settle
	_, _ = io.WriteString(fresh, "GET / HTTP/1.0\r\n\r\n")
	answer, _ := io.ReadAll(fresh)
	if err := <-drained; err != nil {
		t.Error(err)
	}
	return len(answer) > 0
}
