package main

import (
	"context"
	"time"
)

// namesPause is the least time between two readings of all products' names.
const namesPause = time.Second

// keepNames makes the index of products' names once somebody has searched, and again when it is wanted, until ctx ends.
func (s *shop) keepNames(ctx context.Context) {
	for s.services.Products.AwaitNames(ctx) {
		began := time.Now()
		size, err := s.services.Products.BuildNames(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("reading the products' names; searches go without an index", "error", err)
		} else if size > 0 {
			s.log.Debug("read the products' names", "bytes", size, "took", time.Since(began))
		}
		select {
		case <-ctx.Done():
		case <-time.After(namesPause):
		}
	}
}
