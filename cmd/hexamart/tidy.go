package main

import (
	"context"
	"time"
)

// tidyEvery is how often what is no longer needed is removed.
const tidyEvery = time.Hour

// tidy removes old idempotency keys, refresh tokens and failed logins until ctx ends. Instances that do it at once don't
// mind each other.
func (s *shop) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		s.remove(ctx, "old idempotency keys", s.services.Orders.ForgetKeys)
		s.remove(ctx, "old refresh tokens", s.services.Sessions.Forget)
		s.remove(ctx, "old failed logins", s.services.Auth.ForgetFailures)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *shop) remove(ctx context.Context, what string, forget func(context.Context) (int64, error)) {
	removed, err := forget(ctx)
	if err != nil && ctx.Err() == nil {
		s.log.Warn("removing "+what, "error", err)
	} else if removed > 0 {
		s.log.Info("removed "+what, "count", removed)
	}
}
