package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cpu is processor time in microseconds. Other people's work on the machine hardly changes it, unlike requests a
// second.
type cpu struct {
	Own      float64 `json:"own"`      // by the process that is asked
	Database float64 `json:"database"` // by the database server; 0 where it is not the bench's own
}

func (c cpu) minus(d cpu) cpu        { return cpu{c.Own - d.Own, c.Database - d.Database} }
func (c cpu) each(n float64) cpu     { return cpu{c.Own / max(n, 1), c.Database / max(n, 1)} }
func (c cpu) String() string         { return fmt.Sprintf("%.0f + %.0f", c.Own, c.Database) }
func ownCPU(a answered) float64      { return a.CPU.Own }
func databaseCPU(a answered) float64 { return a.CPU.Database }

// cpuOf is the median of a side's turns; nil where the system does not tell.
func cpuOf(turns []answered) *cpu {
	c := cpu{median(turns, ownCPU), median(turns, databaseCPU)}
	if c.Own == 0 {
		return nil
	}
	return &c
}

// spent is what the process at an address and the database server have used so far.
func (s *stand) spent(base string) (c cpu) {
	for _, p := range s.running {
		if p.base == base {
			c.Own = spentBy(strconv.Itoa(p.cmd.Process.Pid))
		}
	}
	if pid, err := os.ReadFile(filepath.Join(s.dir, "mysql", "tmp", "mysqld.pid")); err == nil && s.server != nil {
		c.Database = spentBy(strings.TrimSpace(string(pid)))
	}
	return c
}

// spentBy reads it where there is /proc: 0 elsewhere. The system counts in hundredths of a second.
func spentBy(pid string) float64 {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(b), ") ") // behind the name, which may hold anything
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) * 10_000
}
