package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// absolute names a file for processes with other working directories; it must be there.
func absolute(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	return path, err
}

// report prints a result as soon as it is there.
func (s *stand) report(r result) {
	verdict := "holds"
	if !r.Held {
		verdict = "MISSED"
	}
	s.say("%-62s %9s %9s %-8s ratio %6.2f  goal %-7s %s %s", r.Work, number(r.Floor), number(r.Shop), r.Unit, r.Ratio, r.Goal, verdict, r.Note)
}

func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// save writes the results for people and for programs.
func save(s *stand, all []result, took time.Duration) error {
	if len(all) == 0 {
		return nil
	}
	text := table(s, all, took)
	b, err := json.MarshalIndent(struct {
		Machine []string  `json:"machine"`
		At      time.Time `json:"at"`
		Quick   bool      `json:"quick"`
		Results []result  `json:"results"`
	}{machine(s), time.Now().UTC().Truncate(time.Second), s.opt.quick, all}, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(s.opt.dir, time.Now().UTC().Format("20060102-150405"))
	fmt.Printf("\n%s\nSaved as %s.md and %s.json\n", text, name, name)
	return errors.Join(os.WriteFile(name+".md", []byte(text), 0o644), os.WriteFile(name+".json", append(b, '\n'), 0o644))
}

func table(s *stand, all []result, took time.Duration) string {
	var t strings.Builder
	for _, line := range machine(s) {
		t.WriteString(line + "\n")
	}
	fmt.Fprintf(&t, "%d turns of %v a side, medians, %d connections; %v in all.\n\n", s.opt.turns, s.opt.length, connections, took.Round(time.Second))
	t.WriteString("The last columns are microseconds of processor time a request (an order): the process's own + the database server's\n" +
		"where the bench has one of its own. Others' work on the machine changes them, and their ratio (floor to HexaMart), less\n" +
		"than what was answered a second.\n\n")
	t.WriteString("| row | work | floor | HexaMart | | ratio | goal | | CPU of floor | of HexaMart | ratio |\n|---|---|---:|---:|---|---:|---|---|---|---|---:|\n")
	for _, r := range all {
		verdict := "holds"
		if !r.Held {
			verdict = "**missed**"
		}
		if r.Note != "" {
			verdict += "; " + r.Note
		}
		fmt.Fprintf(&t, "| %s | %s | %s | %s | %s | %.2f | %s | %s | %s | %s | %s |\n",
			r.Row, r.Work, number(r.Floor), number(r.Shop), r.Unit, r.Ratio, r.Goal, verdict, told(r.FloorCPU), told(r.ShopCPU), cpuRatio(r))
	}
	return t.String()
}

func told(c *cpu) string {
	if c == nil {
		return ""
	}
	return c.String()
}

func cpuRatio(r result) string {
	if r.FloorCPU == nil || r.ShopCPU == nil {
		return ""
	}
	return fmt.Sprintf("%.2f", (r.FloorCPU.Own+r.FloorCPU.Database)/(r.ShopCPU.Own+r.ShopCPU.Database))
}

// machine says what was measured on what.
func machine(s *stand) []string {
	out, _ := exec.Command(s.opt.program, "version").Output()
	lines := []string{
		strings.TrimSpace(string(out)) + ", " + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH,
		fmt.Sprintf("%d cores %s; load average %s at the end", runtime.NumCPU(), cpuModel(), loadAverage()),
		s.about,
	}
	return lines
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		out, _ := exec.Command("sysctl", "-n", "machdep.cpu.brand_string").Output()
		return strings.TrimSpace(string(out))
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}
