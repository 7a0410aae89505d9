package main

import (
	"context"
	"time"
)

// tidyEvery is how often what is no longer needed is removed.
const tidyEvery = time.Hour

// tidy removes old idempotency keys until ctx ends. Instances that do it at once don't mind each other.
func (s *shop) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		removed, err := s.services.Orders.ForgetKeys(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("removing old idempotency keys", "error", err)
		} else if removed > 0 {
			s.log.Info("removed old idempotency keys", "count", removed)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
