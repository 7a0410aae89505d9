package database

import (
	"strconv"
	"strings"
	"unicode"
)

// quoted returns a name as SQL takes any.
func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// shown returns a name for somebody to read: as Go writes a string where it is not of letters and digits alone, for it may
// be made to look like something else.
func shown(name string) string {
	odd := func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.In(r, unicode.L, unicode.N) && !strings.ContainsRune("_$.-", r)
	}
	if name != "" && strings.IndexFunc(name, odd) < 0 {
		return name
	}
	return strconv.Quote(name)
}

// Printable returns a line of text with what a terminal would take for an order written out: a name, a value or a
// server's error that quotes one may hold anything.
func Printable(line string) string {
	text := strconv.Quote(line)
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(text[1 : len(text)-1])
}
