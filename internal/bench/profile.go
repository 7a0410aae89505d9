package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// profiles are those that can be asked for.
var profiles = []string{"cpu", "heap", "mutex"}

// profile is how a hexamart is profiled that has no way to ask it: a twin is built that does, and measured.
type profile struct {
	at    map[string]string // where a shop gives its profiles, by the shop's own address
	count int
}

// profileHook is what the twin has more, as a file beside main.go that is on no disk.
const profileHook = `package main

import (
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
)

func init() {
	if addr := os.Getenv("BENCH_PPROF"); addr != "" {
		if os.Getenv("BENCH_PROFILE") == "mutex" {
			runtime.SetMutexProfileFraction(5)
		}
		go func() { panic(http.ListenAndServe(addr, nil)) }()
	}
}
`

// prepareProfile builds the twin. It does nothing where no profile is wanted.
func (s *stand) prepareProfile(ctx context.Context) error {
	s.profile.at = map[string]string{}
	if s.opt.profile == "" {
		return nil
	}
	hook, overlay, twin := filepath.Join(s.dir, "hook.go"), filepath.Join(s.dir, "overlay.json"), filepath.Join(s.dir, "hexamart")
	place, err := filepath.Abs("cmd/hexamart/bench_profile_hook.go")
	if err != nil {
		return err
	}
	b, err := json.Marshal(map[string]map[string]string{"Replace": {place: hook}})
	if err = errors.Join(err, os.WriteFile(hook, []byte(profileHook), 0o600), os.WriteFile(overlay, b, 0o600)); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-o", twin, "./cmd/hexamart")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build a hexamart with profiles: %w\n%s", err, out)
	}
	s.opt.program = twin
	return nil
}

func (s *stand) profileEnv() (env []string, addr string, err error) {
	if s.opt.profile == "" {
		return nil, "", nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	addr = listener.Addr().String()
	return []string{"BENCH_PPROF=" + addr, "BENCH_PROFILE=" + s.opt.profile}, addr, listener.Close()
}

// startProfile profiles a shop while it works, for most of a turn; the returned function waits for the end and
// writes the profile. It does nothing where no profile is wanted.
func (s *stand) startProfile(ctx context.Context, base string, length time.Duration) (end func() error) {
	addr := s.profile.at[base]
	if addr == "" {
		return func() error { return nil }
	}
	query := map[string]string{"cpu": "profile", "heap": "allocs", "mutex": "mutex"}[s.opt.profile] // allocs has the heap, too
	url := fmt.Sprintf("http://%s/debug/pprof/%s?seconds=%d", addr, query, max(1, int(length.Seconds())-1))
	s.profile.count++
	name := filepath.Join(s.opt.dir, fmt.Sprintf("%s-%02d-%s.pprof", s.opt.profile, s.profile.count, s.row))
	ended := make(chan error, 1)
	go func() {
		status, body, err := get(url, nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%s: %d %.300s", url, status, body)
		}
		ended <- errors.Join(err, os.WriteFile(name, body, 0o644))
	}()
	return func() error {
		if err := <-ended; err != nil {
			return err
		}
		s.say("profile: go tool pprof -top %s", name)
		return ctx.Err()
	}
}
