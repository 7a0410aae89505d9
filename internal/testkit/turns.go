package testkit

import (
	"context"
	"sync"
	"testing"
	"time"

	"hexamart/internal/model"
)

// TakeAll takes all turns of a kind, for somebody elsewhere, until leave is called or the test ends.
func TakeAll(t testing.TB, enter func(ctx context.Context, asker model.Asker) (func(), error)) (leave func()) {
	t.Helper()
	var taken []func()
	leave = sync.OnceFunc(func() {
		for _, leave := range taken {
			leave()
		}
	})
	t.Cleanup(leave)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		one, err := enter(ctx, model.Asker{Address: "198.51.100.1"})
		cancel()
		if err != nil {
			if len(taken) == 0 {
				t.Fatal(err)
			}
			return leave
		}
		taken = append(taken, one)
	}
}
