package database

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// gateScript waits for a word before it becomes the server, so that no server ever runs which the
// guard does not know: when this process dies before it has spoken, the gate closes.
const gateScript = `read -r _ && exec "$@" <"$0"`

// guardScript outlives this process for as long as the server does. It reads process numbers, and at
// the end of its input, which comes when this process is gone in whichever way, it ends the last of
// them and removes all arguments but the first: with signal $1 if the word "ready" has come, else with
// KILL. A server that never answered has nothing to lose, and MariaDB may hang when it is asked to end
// at the moment in which it comes up.
const guardScript = `trap "" INT HUP QUIT TERM
end=$1; shift; sig=KILL; pid=
while read -r p; do case $p in ready) sig=$end ;; *) pid=$p ;; esac; done
if [ -n "$pid" ]; then
	kill -s "$sig" "$pid"; n=0
	while kill -0 "$pid" && [ $n -lt 600 ]; do n=$((n+1)); sleep 0.1 || sleep 1; done
	kill -s KILL "$pid"
fi
[ $# = 0 ] || rm -rf "$@"`

// guard is a shell that ends the server when this process could not.
type guard struct {
	cmd  *exec.Cmd
	pipe *os.File
}

// ownSession keeps the terminal's signals away: the shop is drained before its database goes.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func newGuard(h serverHome, mode ServerMode) (*guard, error) {
	args := []string{"-c", guardScript, "sh", "TERM"}
	if mode == ServerScratch {
		args = []string{"-c", guardScript, "sh", "KILL", h.dir}
		if h.socketDir != "" {
			args = append(args, h.socketDir)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", args...)
	cmd.Stdin, cmd.Dir, cmd.SysProcAttr = r, "/", ownSession()
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return &guard{cmd: cmd, pipe: w}, nil
}

// watch makes pid the process that must not outlive this one.
func (g *guard) watch(pid int) error {
	_, err := g.pipe.WriteString(strconv.Itoa(pid) + "\n")
	return err
}

// ready makes the guard end the process in good order from now on.
func (g *guard) ready() error {
	_, err := g.pipe.WriteString("ready\n")
	return err
}

func (g *guard) dismiss() {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait()
	_ = g.pipe.Close()
}

// process is a server that runs. err may be read once done is closed.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// start runs args with the input file, both outputs going to the server's log.
func (g *guard) start(h serverHome, input string, args []string) (*process, error) {
	log, err := os.OpenFile(h.path("server.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", gateScript, input}, args...)...) // #nosec G204 -- a script of our own; the rest are its arguments
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r, log, log
	cmd.Dir, cmd.SysProcAttr = "/", ownSession()
	err = cmd.Start()
	_ = r.Close()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	pid := cmd.Process.Pid
	err = errors.Join(g.watch(pid), os.WriteFile(h.path("server.pid"), fmt.Appendln(nil, pid), 0o600))
	if err == nil {
		_, err = w.WriteString("go\n")
	}
	return p, err
}

// state says how the process ended.
func (p *process) state() string {
	if p.cmd.ProcessState == nil {
		return "its end could not be awaited: " + p.err.Error()
	}
	return p.cmd.ProcessState.String()
}

// end sends sig, waits, and kills when that was in vain. It returns an error only in the latter case.
func (p *process) end(sig syscall.Signal, patience time.Duration) error {
	_ = p.cmd.Process.Signal(sig)
	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
	}
	_ = p.cmd.Process.Kill()
	<-p.done
	return fmt.Errorf("it did not end within %s and was killed", patience)
}
