package service

import (
	"context"
	"sync/atomic"
	"time"

	"hexamart/internal/model"
)

// TuneFigures sets from how many rows of history on a dashboard keeps what it adds up, how long the transactions last
// that write them, and after how long everything is read again.
func TuneFigures(a *Admin, manyNews int, settleTime, renewAfter time.Duration) {
	a.figures.manyNews, a.figures.settleTime, a.figures.renewAfter = manyNews, settleTime, renewAfter
}

// KeepsFigures reports whether anything is kept for dashboards.
func KeepsFigures(a *Admin) bool { return a.figures.kept.Load() != nil }

// FiguresWindows is for how many days products' sales are kept.
func FiguresWindows(a *Admin) int { return len(a.figures.kept.Load().windows) }

// SetFiguresAsked says when a dashboard was last asked for.
func SetFiguresAsked(a *Admin, at time.Time) { a.figures.asked.Store(at.UnixNano()) }

// DashboardOn is Dashboard on some day.
func DashboardOn(ctx context.Context, a *Admin, today time.Time, days int) (model.Dashboard, error) {
	return a.dashboard(ctx, today, days)
}

// BestAfter returns the n best products, whose ids begin at 1, of those that were sold so often, after more of some were
// sold or fewer; and the same from a window to which that was added.
func BestAfter(n int, sold []int64, more map[int32]int64) (quick, slow []int32) {
	day := "2026-11-22"
	var products []sales
	for i, quantity := range sold {
		products = append(products, sales{int32(i + 1), int32(quantity), quantity, 0})
	}
	var changes []change
	for id, quantity := range more {
		c := change{was: model.Pending, is: model.Cancelled, day: &day, items: []sales{{id, int32(-quantity), -quantity, 0}}}
		if quantity > 0 {
			c = change{is: model.Pending, day: &day, items: []sales{{id, int32(quantity), quantity, 0}}}
		}
		changes = append(changes, c)
	}
	w := newWindow(day, products, &atomic.Int64{})
	for _, p := range w.best(n, changes) {
		quick = append(quick, p.product)
	}
	for _, p := range w.plus(changes).best(n, nil) {
		slow = append(slow, p.product)
	}
	return quick, slow
}

// Settled takes positions of order_history, from the ids that are visible at each moment, and returns up to which id each
// is settled, and how many it has beyond that.
func Settled(settleTime time.Duration, at []time.Duration, visible [][]int64) (upTo []int64, beyond []int) {
	var p position
	for i, ids := range visible {
		p = p.plus(ids, time.Time{}.Add(at[i]), settleTime)
		upTo, beyond = append(upTo, p.upTo), append(beyond, len(p.beyond))
	}
	return upTo, beyond
}
