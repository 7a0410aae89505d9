package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"
)

// result is a line of the table: what two sides did in turns, medians of all turns.
type result struct {
	Row   string  `json:"row"`
	Work  string  `json:"work"`
	Unit  string  `json:"unit"`
	Floor float64 `json:"floor"` // or what else it is compared with
	Shop  float64 `json:"shop"`
	Ratio float64 `json:"ratio"` // shop to floor
	Goal  string  `json:"goal"`
	Held  bool    `json:"held"`
	Note  string  `json:"note,omitempty"`

	// Processor time of one request: by the process that was asked, and by the database server.
	FloorCPU *cpu `json:"floor_cpu_us,omitempty"`
	ShopCPU  *cpu `json:"shop_cpu_us,omitempty"`
}

// side is one of those that take turns.
type side struct {
	base string
	load func(turn int) load
	each int // requests that count as one, 0 for 1

	slow   bool  // fewer turns will do, of more time each
	beside *load // what else is sent to the same address meanwhile; not measured
}

// run sends one turn's load.
func (d side) run(ctx context.Context, dir string, l load) (a answered, err error) {
	if d.beside == nil {
		return l.run(ctx, dir, d.base)
	}
	other, ended := *d.beside, make(chan error)
	other.length = l.length + 2*time.Second
	go func() {
		_, err := other.run(ctx, dir, d.base)
		ended <- err
	}()
	time.Sleep(time.Second) // until it is under way
	a, err = l.run(ctx, dir, d.base)
	return a, errors.Join(err, <-ended)
}

// turns lets the sides run one after the other, n times, and returns what each did, turn by turn.
func (s *stand) turns(ctx context.Context, n int, sides ...side) ([][]answered, error) {
	all := make([][]answered, len(sides))
	for turn := range n {
		for i, side := range sides {
			l := side.load(turn)
			if l.connections == 0 {
				l.connections = connections
			}
			if l.length == 0 {
				l.length = s.opt.length
			}
			end := func() error { return nil }
			if turn == n-1 && i == len(sides)-1 {
				end = s.startProfile(ctx, side.base, l.length)
			}
			before := s.spent(side.base)
			a, err := side.run(ctx, s.dir, l)
			if err = errors.Join(err, end()); err != nil {
				return nil, err
			}
			each := float64(max(side.each, 1)) // wrk's times are of that many
			a.Rate /= each
			a.CPU = s.spent(side.base).minus(before).each(float64(a.Requests) / each)
			all[i] = append(all[i], a)
			s.tidy(a)
		}
	}
	return all, nil
}

// tidy empties the logs, which have a line for each request, before the disk gets to them. What tells of a
// failure is shown.
func (s *stand) tidy(a answered) {
	for _, p := range s.running {
		if a.Bad > 0 {
			for _, line := range p.complaints() {
				s.say("%s", line)
			}
		}
		p.tidy()
	}
}

// connections is how many the goals are about.
const connections = 32

// median is that of one figure of all turns.
func median(turns []answered, figure func(answered) float64) float64 {
	values := make([]float64, len(turns))
	for i, a := range turns {
		values[i] = figure(a)
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

func rate(a answered) float64 { return a.Rate }
func p50(a answered) float64  { return float64(a.P50) / float64(time.Millisecond) }
func p99(a answered) float64  { return float64(a.P99) / float64(time.Millisecond) }

// errorsOf names what went wrong in any turn.
func errorsOf(sides [][]answered) string {
	for _, turns := range sides {
		for _, a := range turns {
			if a.Bad > 0 {
				return a.Why
			}
		}
	}
	return ""
}

// duel measures requests a second of the floor and the shop; the goal is the least ratio of them.
func (s *stand) duel(ctx context.Context, work string, goal float64, floor, shop side) (result, error) {
	n := s.opt.turns
	if shop.slow {
		n = s.opt.fewTurns
	}
	all, err := s.turns(ctx, n, floor, shop)
	if err != nil {
		return result{}, fmt.Errorf("%s: %w", work, err)
	}
	r := result{Row: s.row, Work: work, Unit: "req/s", Floor: median(all[0], rate), Shop: median(all[1], rate),
		Goal: fmt.Sprintf(">= %.2g", goal), Note: errorsOf(all)}
	r.FloorCPU, r.ShopCPU = cpuOf(all[0]), cpuOf(all[1])
	if shop.each == 2 {
		r.Unit = "orders/s"
	}
	r.Ratio = r.Shop / r.Floor
	r.Held = r.Ratio >= goal && r.Note == ""
	s.report(r)
	return r, nil
}

// compare measures one figure of two sides that are not to differ by more than a factor.
func (s *stand) compare(work, unit string, sides [][]answered, figure func(answered) float64, goal float64) result {
	r := result{Row: s.row, Work: work, Unit: unit, Floor: median(sides[0], figure), Shop: median(sides[1], figure),
		Goal: fmt.Sprintf("<= %.3g", goal), Note: errorsOf(sides)}
	r.FloorCPU, r.ShopCPU = cpuOf(sides[0]), cpuOf(sides[1])
	r.Ratio = r.Shop / r.Floor
	r.Held = r.Ratio <= goal && r.Note == ""
	s.report(r)
	return r
}

// alike makes sure that both sides answer the first request of a load in the same way: a floor that does
// less than it should is no floor.
func alike(floor, shop side) error {
	var answers [2]any
	var bodies [2][]byte
	for i, side := range []side{floor, shop} {
		line := side.load(0).lines[0]
		status, body, err := get(side.base+line[0], headerOf(line))
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		if err == nil {
			err = json.Unmarshal(body, &answers[i])
		}
		bodies[i] = body
		if err != nil {
			return fmt.Errorf("%s: %w: %.300s", line[0], err, body)
		}
	}
	if list, ok := answers[0].([]any); !ok || len(list) == 0 {
		return fmt.Errorf("%s is answered with nothing", shop.load(0).lines[0][0])
	}
	if !reflect.DeepEqual(answers[0], answers[1]) {
		return fmt.Errorf("%s is answered differently by the floor: %.600s, not %.600s", shop.load(0).lines[0][0], bodies[0], bodies[1])
	}
	return nil
}

// headerOf is what get.lua sends with a line.
func headerOf(line [3]string) http.Header {
	h := http.Header{}
	if line[1] != "" {
		h.Set("X-User", line[1])
		h.Set("Authorization", "Bearer "+line[2])
	}
	return h
}
