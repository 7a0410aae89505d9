package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// footprint measures memory, the program's size and its start.
func footprint(ctx context.Context, s *stand) ([]result, error) {
	sh, err := s.main(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.loadFully(ctx, sh); err != nil {
		return nil, err
	}
	resident, err := peakMemory(sh.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(s.opt.program)
	if err != nil {
		return nil, err
	}
	var starts []float64
	for range 3 {
		p, err := startShop(ctx, s.dir, "another", s.opt.program, s.shopEnv(sh)...)
		if err != nil {
			return nil, err
		}
		starts = append(starts, float64(p.ready.Microseconds())/1000)
		p.stop()
	}
	slices.Sort(starts)
	const mb = 1 << 20
	all := []result{
		limit("memory at full load, the most that was resident", "MB", float64(resident)/mb, 100),
		limit("size of the program", "MB", float64(info.Size())/mb, 30),
		limit("from start to ready, the database being there", "ms", starts[len(starts)/2], 100),
	}
	for _, r := range all {
		s.report(r)
	}
	return all, nil
}

// limit is a result that is compared with a number; its ratio is how much of that it takes.
func limit(work, unit string, value, most float64) result {
	return result{Row: "footprint", Work: work, Unit: unit, Floor: most, Shop: value, Ratio: value / most,
		Goal: "<= 1", Held: value <= most}
}

// loadFully sends all kinds of work at once, from as many connections as there may be.
func (s *stand) loadFully(ctx context.Context, sh *shop) error {
	length := s.opt.slowLength
	works, err := s.works(sh, length)
	if err != nil {
		return err
	}
	failed := make([]error, len(works))
	var all sync.WaitGroup
	for i, w := range works {
		w.load.connections, w.load.length = crowd/len(works), length
		all.Go(func() { _, failed[i] = w.load.run(ctx, s.dir, sh.base) })
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// peakMemory is in bytes: what was resident at most, or where the system does not say that, what is now.
func peakMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
		if err != nil {
			return 0, err
		}
		kb, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
		return kb << 10, err
	}
	_, after, ok := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(after)
	if !ok || len(fields) == 0 {
		return 0, fmt.Errorf("/proc/%d/status has no VmHWM", pid)
	}
	kb, err := strconv.ParseInt(fields[0], 10, 64)
	return kb << 10, err
}
