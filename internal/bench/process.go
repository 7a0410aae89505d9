package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// process is a server under load: a shop, or the floor.
type process struct {
	base  string // its address as a URL
	cmd   *exec.Cmd
	log   *os.File
	ready time.Duration // from its start to its being ready
	ended chan struct{}
}

// start runs a program whose log goes to a file.
func start(ctx context.Context, log string, cmd *exec.Cmd) (*process, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	cmd.Stderr = file
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for this program, which ends the others
	p := &process{cmd: cmd, log: file, ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	return p, ctx.Err()
}

// startFloor runs this program as the floor.
func startFloor(ctx context.Context, dir string, env ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "floor")
	cmd.Env = append(os.Environ(), env...)
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = in
	p, err := start(ctx, filepath.Join(dir, "floor.log"), cmd)
	_ = in.Close()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("the floor did not start: %w; see %s", err, p.log.Name())
	}
	p.base = "http://" + addr[:len(addr)-1]
	return p, nil
}

// startShop runs a hexamart and waits until it is ready.
func startShop(ctx context.Context, dir, name, program string, env ...string) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "serve")
	cmd.Dir = dir // no .env of somebody's
	cmd.Env = append(os.Environ(), append(env, "ADDR="+addr)...)
	began := time.Now()
	p, err := start(ctx, filepath.Join(dir, name+".log"), cmd)
	if err != nil {
		return nil, err
	}
	p.base = "http://" + addr
	for {
		if status, _, err := get(p.base+"/readyz", nil); err == nil && status == http.StatusOK {
			p.ready = time.Since(began)
			return p, nil
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("hexamart ended at its start; see %s", p.log.Name())
		case <-ctx.Done():
			p.stop()
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
		if time.Since(began) > time.Minute {
			p.stop()
			return nil, fmt.Errorf("hexamart is not ready after a minute; see %s", p.log.Name())
		}
	}
}

// settle waits, though not for ever, until the shops are ready: what the row before left undone, scans that nobody
// waits for any more, may keep the database from answering anything else.
func (s *stand) settle(ctx context.Context) {
	for _, sh := range s.shops {
		for began := time.Now(); ctx.Err() == nil && time.Since(began) < 30*time.Second; time.Sleep(100 * time.Millisecond) {
			asked := time.Now()
			if status, _, err := get(sh.base+"/readyz", nil); err == nil && status == http.StatusOK && time.Since(asked) < 100*time.Millisecond {
				break
			}
		}
	}
}

// complaints are the last lines of the log that tell of a failure.
func (p *process) complaints() (lines []string) {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return []string{err.Error()}
	}
	for line := range strings.Lines(string(text)) {
		if complaint.MatchString(line) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines[max(0, len(lines)-3):]
}

var complaint = regexp.MustCompile(`level=(ERROR|WARN)|^panic|panic serving`)

// tidy empties the log.
func (p *process) tidy() { _ = p.log.Truncate(0) }

// stop ends the process and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(40 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	_ = p.log.Close()
}

// get fetches a URL.
func get(url string, header http.Header) (status int, body []byte, err error) {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	r.Header = header
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}
