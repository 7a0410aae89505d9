package main

import (
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestSettle stops a server while clients have connected and not said anything yet.
func TestSettle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after time.Duration // until the client goes on
		state http.ConnState
		want  time.Duration
	}{
		"Asks":     {100 * time.Millisecond, http.StateActive, 100 * time.Millisecond},
		"Goes":     {100 * time.Millisecond, http.StateClosed, 100 * time.Millisecond},
		"IsSilent": {time.Hour, http.StateClosed, settleTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				conns := newConnections(4, nil)
				used, _ := net.Pipe()
				conns.note(used, http.StateNew)
				conns.note(used, http.StateActive)
				conns.note(used, http.StateIdle)
				fresh, _ := net.Pipe()
				conns.note(fresh, http.StateNew)
				time.AfterFunc(c.after, func() { conns.note(fresh, c.state) })
				start := time.Now()
				conns.settle()
				if took := time.Since(start); took < c.want || took > c.want+settleTime/50 {
					t.Errorf("took %v", took)
				}
				time.Sleep(c.after)
				start = time.Now()
				if conns.settle(); time.Since(start) != 0 {
					t.Errorf("waited for nobody: %v", time.Since(start))
				}
			})
		})
	}
}
