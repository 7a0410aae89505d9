package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTerminalClosed runs the shop in a terminal, behind a process that takes the hang-up for itself as
// make does, and closes the terminal: the shop and its database server end.
func TestTerminalClosed(t *testing.T) {
	t.Parallel()
	// Tests that run under nohup must not hand that on.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	p := newPlace(t)
	terminal, keyboard := openTerminal(t)
	serve, out := p.command("serve")
	cmd := exec.Command("sh", "-c", "trap : HUP; "+serve.Path+" serve; true")
	cmd.Dir, cmd.Env = serve.Dir, serve.Env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = keyboard, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	p.await("the shop is ready", func() bool { return strings.Contains(out.String(), "msg=ready") })
	if err := keyboard.Close(); err != nil {
		t.Fatal(err)
	}
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	p.await("the shop has ended", func() bool { return len(ended) == 1 })
	p.awaitNoServer()
	if !strings.Contains(out.String(), "shutting down") {
		t.Errorf("it did not end in good order: %s", out)
	}
}

// openTerminal returns the two ends of a new pseudo-terminal: the screen's and the program's.
func openTerminal(t *testing.T) (terminal, keyboard *os.File) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(terminal.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	keyboard, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return terminal, keyboard
}
