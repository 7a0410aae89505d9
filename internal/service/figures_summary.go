package service

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/model"
)

// summary is what the orders of one moment add up to. It never changes: news make another one of it.
//
// It follows order_history, to which every change of an order's status adds a row. Rows become visible out of
// the order of their ids, so history tells which ones it has.
type summary struct {
	readAt  time.Time // when all orders were read
	history position
	sums    sums
	windows []*window
}

// sums are numbers of orders and what they cost: by status, and without cancelled ones by day.
type sums struct {
	statuses map[model.Status]tally
	days     map[string]tally
}

type tally struct {
	Orders  int64       `db:"orders"`
	Revenue model.Money `db:"revenue"`
}

func (t tally) add(other tally) tally {
	return tally{t.Orders + other.Orders, t.Revenue + other.Revenue}
}

// plus adds one order of a total, or takes it away: times is 1 or -1.
func (t tally) plus(total model.Money, times int64) tally {
	return t.add(tally{times, total * model.Money(times)})
}

// change is an order that is not what it was in a summary. A status of "" is that of no order.
type change struct {
	was, is model.Status
	total   model.Money
	day     *string
	items   []sales
}

// sold is 1 for an order that counts as sold now and did not before, -1 for the reverse.
func (c change) sold() int64 { return countsAsSold(c.is) - countsAsSold(c.was) }

func countsAsSold(s model.Status) int64 {
	if s == "" || s == model.Cancelled {
		return 0
	}
	return 1
}

func (s sums) plus(changes []change) sums {
	if len(changes) == 0 {
		return s
	}
	s = sums{maps.Clone(s.statuses), maps.Clone(s.days)}
	for _, c := range changes {
		if c.was != "" {
			s.statuses[c.was] = s.statuses[c.was].plus(c.total, -1)
		}
		s.statuses[c.is] = s.statuses[c.is].plus(c.total, 1)
		if c.day != nil && c.sold() != 0 {
			s.days[*c.day] = s.days[*c.day].plus(c.total, c.sold())
		}
	}
	return s
}

// dashboard returns those parts of one that orders add up to.
func (s sums) dashboard(since time.Time, days int) model.Dashboard {
	d := model.Dashboard{OrdersByStatus: map[model.Status]int64{}, RevenueByDay: make([]model.DayRevenue, days)}
	for _, status := range model.Statuses {
		t := s.statuses[status]
		d.OrdersByStatus[status] = t.Orders
		d.Totals.Orders += t.Orders
		d.Totals.Revenue += t.Revenue * model.Money(countsAsSold(status))
	}
	for i := range d.RevenueByDay {
		date := since.AddDate(0, 0, i).Format(time.DateOnly)
		d.RevenueByDay[i] = model.DayRevenue{Date: date, Orders: s.days[date].Orders, Revenue: s.days[date].Revenue}
	}
	return d
}

func readSums(ctx context.Context, tx *sqlx.Tx) (sums, error) {
	var rows []struct {
		Status model.Status `db:"status"`
		Day    *time.Time   `db:"day"`
		tally
	}
	if err := tx.SelectContext(ctx, &rows, `
		SELECT status, DATE(created_at) AS day, COUNT(*) AS orders, SUM(total_price) AS revenue
		FROM orders
		GROUP BY status, day`); err != nil {
		return sums{}, err
	}
	s := sums{map[model.Status]tally{}, map[string]tally{}}
	for _, r := range rows {
		s.statuses[r.Status] = s.statuses[r.Status].add(r.tally)
		if r.Day != nil && countsAsSold(r.Status) == 1 {
			day := r.Day.Format(time.DateOnly)
			s.days[day] = s.days[day].add(r.tally)
		}
	}
	return s, nil
}

// news are the rows of history that a summary may lack, and what follows of those that it does lack.
type news struct {
	read    time.Time
	ids     []int64 // ascending
	changes []change
}

func (s *summary) plus(n news, settleTime time.Duration) *summary {
	next := &summary{readAt: s.readAt, history: s.history.plus(n.ids, n.read, settleTime), sums: s.sums.plus(n.changes)}
	for _, w := range s.windows {
		next.windows = append(next.windows, w.plus(n.changes))
	}
	return next
}

func (s *summary) window(day string) *window {
	for _, w := range s.windows {
		if w.since == day {
			return w
		}
	}
	return nil
}

// daysInUse are those of the windows that were asked for lately, the last one first.
func (s *summary) daysInUse() (days []string) {
	used := slices.DeleteFunc(slices.Clone(s.windows), func(w *window) bool {
		return time.Since(time.Unix(0, w.asked.Load())) > figuresIdle
	})
	slices.SortFunc(used, func(a, b *window) int { return int(b.asked.Load() - a.asked.Load()) })
	for _, w := range used {
		days = append(days, w.since)
	}
	return days
}

// withDay adds a day, and leaves out what is too much then.
func withDay(days []string, day string) []string {
	days = slices.DeleteFunc(slices.Clone(days), func(d string) bool { return d == day })
	return append(days[:min(len(days), maxWindows-1)], day)
}

// keeping is the summary without the windows from other days on.
func (s *summary) keeping(days []string) *summary {
	next := *s
	next.windows = slices.DeleteFunc(slices.Clone(s.windows), func(w *window) bool { return !slices.Contains(days, w.since) })
	return &next
}
