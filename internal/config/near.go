package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mistyped names the variables that are no settings, but nearly one that is not set: only the names, since the value may be
// a secret. Others are none of our business: the environment is full of them, and an old .env may be, too.
func (r *reader) mistyped() (warnings []string) {
	var unset []string
	for name := range r.asked {
		if strings.TrimSpace(r.values[name]) == "" {
			unset = append(unset, name)
		}
	}
	slices.Sort(unset)
	for _, name := range slices.Sorted(maps.Keys(r.values)) {
		if near := Nearest(name, unset); near != "" && !r.asked[name] {
			warnings = append(warnings, fmt.Sprintf("%s is not a setting; did you mean %s?", name, near))
		}
	}
	return warnings
}

// Nearest returns the choice that a mistyped word was most likely meant to be, "" if none is near: one slip of the
// fingers is allowed in a short word, two in a longer one.
func Nearest(word string, choices []string) string {
	best, least := "", 1
	if len(word) > 4 {
		least = 2
	}
	for _, c := range choices {
		if d := slips(word, c); d <= least && d > 0 && (best == "" || d < slips(word, best)) {
			best = c
		}
	}
	return best
}

// slips counts the letters to add, leave out, replace or swap with their neighbour that make b of a.
func slips(a, b string) int {
	before, last, now := []int{}, make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, make([]int, len(b)+1)
	}
	return last[len(b)]
}
