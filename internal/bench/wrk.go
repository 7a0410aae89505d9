package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed wrk/*.lua
var scripts embed.FS

// load is what wrk sends: the lines of a file by one of its scripts.
type load struct {
	script      string // get, order or login
	lines       [][3]string
	connections int
	length      time.Duration // whole seconds
}

// answered is how it went. Times are as wrk saw them: from sending to the answer's last byte.
type answered struct {
	Rate     float64 // requests a second
	P50      time.Duration
	P99      time.Duration
	Requests int
	CPU      cpu // of one request
	Bad      int // answers of 400 and more, lost connections, timeouts
	Why      string
}

// run sends a load to an address.
func (l load) run(ctx context.Context, dir, base string) (answered, error) {
	lines, err := l.write(dir)
	if err != nil {
		return answered{}, err
	}
	defer os.Remove(lines)
	script, err := l.writeScript(dir)
	if err != nil {
		return answered{}, err
	}
	const threads = 2
	cmd := exec.CommandContext(ctx, "wrk", "-t", strconv.Itoa(threads), "-c", strconv.Itoa(max(l.connections, threads)),
		"-d", strconv.Itoa(max(1, int(l.length.Seconds())))+"s", "--timeout", "30s", "-s", script, base, lines, strconv.Itoa(threads))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return answered{}, errors.Join(fmt.Errorf("wrk: %w: %s", err, stderr.Bytes()), ctx.Err())
	}
	_, text, ok := strings.Cut(string(out), "\nRESULT ")
	if !ok {
		return answered{}, fmt.Errorf("wrk printed no result: %s%s", out, stderr.Bytes())
	}
	return parseResult([]byte(text), l.length)
}

func parseResult(text []byte, length time.Duration) (answered, error) {
	var r struct{ Requests, Duration, P50, P99, Connect, Read, Write, Status, Timeout int }
	if err := json.Unmarshal(text, &r); err != nil {
		return answered{}, fmt.Errorf("wrk's result: %w", err)
	}
	if r.Requests == 0 {
		return answered{P50: length, P99: length, Bad: 1, Why: fmt.Sprintf("no answer at all in %v", length)}, nil
	}
	a := answered{
		Requests: r.Requests,
		Rate:     float64(r.Requests) / (time.Duration(r.Duration) * time.Microsecond).Seconds(),
		P50:      time.Duration(r.P50) * time.Microsecond,
		P99:      time.Duration(r.P99) * time.Microsecond,
		Bad:      r.Connect + r.Read + r.Write + r.Status + r.Timeout,
	}
	if a.Bad > 0 {
		a.Why = fmt.Sprintf("of %d answers %d of 400 and more; connections: %d not made, %d lost; %d timeouts",
			r.Requests, r.Status, r.Connect, r.Read+r.Write, r.Timeout)
	}
	return a, nil
}

func (l load) write(dir string) (path string, err error) {
	var text strings.Builder
	for _, line := range l.lines {
		text.WriteString(strings.Join(line[:], "\t") + "\n")
	}
	f, err := os.CreateTemp(dir, "lines-")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text.String())
	return f.Name(), errors.Join(err, f.Close())
}

func (l load) writeScript(dir string) (path string, err error) {
	own, err := scripts.ReadFile("wrk/" + l.script + ".lua")
	if err != nil {
		return "", err
	}
	done, err := scripts.ReadFile("wrk/done.lua")
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, l.script+".lua")
	return path, os.WriteFile(path, append(own, done...), 0o600)
}
