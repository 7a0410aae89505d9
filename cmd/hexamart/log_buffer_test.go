package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"hexamart/internal/config"
)

// TestLogUnread has nobody take the log, as a frozen journald does: who logs goes on, and later it is said what is missing.
func TestLogUnread(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	log, flush := newLog(w, config.Config{})
	const lines = 3000 // of 1 KB: much more than a pipe and what waits hold
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		for i := range lines {
			log.Info("request", "i", i, "path", strings.Repeat("p", 1000))
		}
		flush()
	}()
	select {
	case <-logged:
	case <-time.After(20 * time.Second):
		t.Fatal("who logs waits for who reads")
	}

	go func() {
		for t.Context().Err() == nil {
			log.Info("later")
			time.Sleep(10 * time.Millisecond)
		}
	}()
	_ = r.SetReadDeadline(time.Now().Add(20 * time.Second))
	read, missed := 0, -1
	for s := bufio.NewScanner(r); s.Scan(); {
		switch line := s.Text(); {
		case strings.Contains(line, "msg=request"):
			read++
		case strings.Contains(line, "lines are left out"):
			_, n, _ := strings.Cut(line, " lines=")
			if missed, err = strconv.Atoi(n); err != nil {
				t.Fatal(line)
			}
		case strings.Contains(line, "msg=later") && missed >= 0:
			if missed == 0 || read+missed < lines || missed > lines { // of the later ones, too, may be missing
				t.Errorf("%d of %d lines were read, %d are said to be missing", read, lines, missed)
			}
			return
		}
	}
	t.Errorf("%d lines were read, missing: %d, and no later ones", read, missed)
}
