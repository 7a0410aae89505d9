package main

import (
	"context"
	"time"
)

// figuresEvery is how often it is looked whether a dashboard's figures are to be read again.
const figuresEvery = 500 * time.Millisecond

// refreshFigures spares dashboards the reading of much at once, until ctx ends. What they need they read
// themselves meanwhile, if it fails.
func (s *shop) refreshFigures(ctx context.Context) {
	pause := figuresEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = figuresEvery
		if err := s.services.Admin.RefreshFigures(ctx); err != nil && ctx.Err() == nil {
			pause = longestPause
			s.log.Warn("refreshing the dashboard's figures", "error", err)
		}
	}
}
