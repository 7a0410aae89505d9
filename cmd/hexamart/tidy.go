package main

import (
	"context"
	"time"

	"hexamart/internal/database"
)

// tidyEvery is how often what is no longer needed is removed.
const tidyEvery = time.Hour

// tidy removes old idempotency keys, refresh tokens and failed logins until ctx ends. Instances that do it at once don't
// mind each other.
func (s *shop) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		s.compareClocks(ctx)
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

// compareClocks warns where this machine's clock is not the database's: sessions and tokens of several instances go by both.
func (s *shop) compareClocks(ctx context.Context) {
	skew, err := database.Skew(ctx, s.db)
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.Warn("comparing clocks", "error", err)
	case skew.Abs() > maxSkew:
		s.log.Warn("the clocks of this machine and of the database's server differ: let both set theirs by NTP", "server_ahead_by", skew.Round(time.Millisecond))
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
