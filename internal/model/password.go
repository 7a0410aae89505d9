package model

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

//go:embed common_passwords.txt.gz
var commonPasswordsFile []byte

//go:embed common_words.txt
var commonWordsFile string

// commonPasswords are those that everybody who guesses begins with, as read says; the file says where they are from. Those that
// people make of our own names, places and heroes are not in it, so that there are words of these, too.
var commonPasswords = sync.OnceValue(func() map[string]bool {
	text, err := readGzip(commonPasswordsFile)
	if err != nil {
		panic(fmt.Sprintf("the list of common passwords: %v", err)) // it is part of the program
	}
	list := make(map[string]bool, 40_000)
	for _, word := range []string{"hexamart", "hexamartshop", "classof", "gmail", "hotmail", "yahoo", "gmailcom", "hotmailcom", "yahoocom"} {
		list[read(word)] = true
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			list[read(strings.TrimSuffix(line, "\n"))] = true
		}
	}
	for line := range strings.Lines(commonWordsFile) {
		if !strings.HasPrefix(line, "#") {
			for _, word := range strings.Fields(line) {
				list[read(word)] = true
			}
		}
	}
	return list
})

func readGzip(b []byte) (string, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}

// guessable refuses a password that is among the first that anybody would try: a common one, the person's own
// name or e-mail, each also in the ways in which people disguise such a word, or what is typed without thinking. A
// password of which another rule has complained is left alone.
func (c *check) guessable(name, v string, own ...string) {
	for _, f := range c.fields {
		if f.Name == name {
			return
		}
	}
	words := ownWords(own)
	forms := disguised(v)
	for _, form := range forms {
		if words[form] || isTwoOf(words, form) {
			c.bad(name, "must not be your own name or e-mail")
			return
		}
	}
	common := commonPasswords()
	for _, form := range forms {
		if common[form] {
			c.bad(name, "is one of the most common ones, which are guessed first; please choose another")
			return
		}
	}
	if isDay(v) {
		c.bad(name, "must not be a date, which is guessed first; please choose another")
		return
	}
	if isPattern(v) || isPattern(letters(v)) || utf8.RuneCountInString(v) < longPattern && slices.ContainsFunc(cores(v), func(core string) bool { return len(core) >= 3 && isPattern(core) }) {
		c.bad(name, "must not be one piece again and again, or keys and letters in a row, which are guessed first; please choose another")
	}
}

// longPattern is from how many characters on anything is taken: it is long enough to be worth its typing.
const longPattern = 20

// isPattern reports whether a password is a short piece that is repeated, or a few runs along the alphabet, the digits or
// the keyboard.
func isPattern(v string) bool {
	all := []rune(strings.ToLower(v))
	if len(all) >= longPattern {
		return false
	}
	for piece := 1; piece <= len(all)/2; piece++ {
		if slices.Equal(all[piece:], all[:len(all)-piece]) {
			return true
		}
	}
	runs := 1
	for i := 1; i < len(all); i++ {
		if !isStep(all[i-1], all[i]) {
			runs++
		}
	}
	return 3*runs <= len(all)
}

// days are the ways to write one, without what is between the parts.
var days = []string{"20060102", "02012006", "01022006", "20060201", "2Jan2006", "2January2006", "Jan22006", "January22006", "2006Jan2", "2006January2"}

// isDay reports whether a password is a day of ours and no more, in whatever order its parts are.
func isDay(v string) bool {
	day := strings.Map(func(c rune) rune {
		if isWord(c) {
			return c
		}
		return -1
	}, v)
	for _, order := range days {
		if at, err := time.Parse(order, day); err == nil && at.Year() >= 1900 && at.Year() < 2100 {
			return true
		}
	}
	return false
}

// rows are what fingers and minds run along, to and fro.
var rows = []string{"abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl;", "zxcvbnm", "qwertz", "azerty", "!@#$%^&*()",
	"1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik,", "9ol.", "0p;/"}

// steps are from each key to the next one of its row, and back.
var steps = func() map[[2]rune]bool {
	all := map[[2]rune]bool{}
	for _, row := range rows {
		keys := []rune(row)
		for i := 1; i < len(keys); i++ {
			all[[2]rune{keys[i-1], keys[i]}], all[[2]rune{keys[i], keys[i-1]}] = true, true
		}
	}
	return all
}()

func isStep(from, to rune) bool { return from == to || steps[[2]rune{from, to}] }

// ownWords are names and e-mails as a password would have them, as read says: whole, a name's parts, and what is before the @.
func ownWords(own []string) map[string]bool {
	words := map[string]bool{}
	for _, text := range own {
		if len(text) > utf8.UTFMax*255 { // which is nobody's
			continue
		}
		local, _, _ := strings.Cut(text, "@")
		parts := strings.FieldsFunc(local, func(c rune) bool { return unicode.IsSpace(c) || c == '.' })
		parts = append(parts, strings.FieldsFunc(local, func(c rune) bool { return !isWord(c) })...)
		for _, word := range append(parts, text, local) {
			if utf8.RuneCountInString(word) < 3 { // initials
				continue
			}
			plain := letters(word)
			words[read(strings.ToLower(word))], words[read(plain)], words[read(strings.TrimRightFunc(plain, unicode.IsDigit))] = true, true, true
		}
	}
	delete(words, "")
	return words
}

// isTwoOf reports whether a text is two of the words, in whatever order.
func isTwoOf(words map[string]bool, text string) bool {
	for i := range text {
		if words[text[:i]] && words[text[i:]] {
			return true
		}
	}
	return false
}

// disguised returns what a password may be a disguise of, as it would be read: in small letters; the same without years, digits
// and marks around it; and all of these without any marks and spaces, and with letters for the digits and signs that look like
// them.
func disguised(v string) []string {
	if usual := norm.NFKC.String(v); len(usual) <= maxPassword { // some signs stand for many letters each
		v = usual
	}
	v = strings.ToLower(strings.TrimSpace(v))
	plain := letters(v)
	around := func(c rune) bool { return unicode.IsDigit(c) || !isWord(c) }
	forms := []string{strings.TrimRightFunc(plain, unicode.IsDigit), strings.TrimFunc(plain, unicode.IsDigit)}
	for _, core := range append(cores(v), strings.TrimRightFunc(v, around), strings.TrimFunc(v, around)) {
		forms = append(forms, core, letters(core), letters(lookalikes.Replace(core)))
	}
	for i, form := range forms {
		forms[i] = read(form)
	}
	slices.Sort(forms)
	return slices.Compact(forms) // a few times fewer, of one that is made to have many
}

// cores are what is left of a text without up to three of the years, digits, all or one, and marks that people put before and
// after a word, which may have digits of its own, like abc123, or nothing else.
func cores(v string) []string {
	isMark := func(c rune) bool { return !isWord(c) }
	all := []string{v}
	for _, shorten := range [][]func(text string) string{{
		func(text string) string { return text[yearAt(text, 0):] },
		func(text string) string { return strings.TrimLeftFunc(text, unicode.IsDigit) },
		func(text string) string { return text[digitAt(text, 0):] },
		func(text string) string { return strings.TrimLeftFunc(text, isMark) },
	}, {
		func(text string) string { return text[:len(text)-yearAt(text, len(text)-4)] },
		func(text string) string { return strings.TrimRightFunc(text, unicode.IsDigit) },
		func(text string) string { return text[:len(text)-digitAt(text, len(text)-1)] },
		func(text string) string { return strings.TrimRightFunc(text, isMark) },
	}} {
		last := all
		for range 3 {
			var shorter []string
			for _, text := range last {
				for _, by := range shorten {
					if rest := by(text); rest != text && isWordy(rest) && !slices.Contains(all, rest) {
						shorter = append(shorter, rest)
					}
				}
			}
			all = append(all, shorter...)
			last = shorter
		}
	}
	return all
}

// isWordy reports whether a text has a letter, or digits enough for somebody to take them for a password.
func isWordy(text string) bool {
	digits := 0
	for _, c := range text {
		if unicode.IsLetter(c) {
			return true
		}
		if unicode.IsDigit(c) {
			digits++
		}
	}
	return digits >= 6
}

// yearAt is how many bytes of a text are a year of ours there: four or none.
func yearAt(text string, at int) int {
	if at < 0 || len(text) < at+4 || text[at:at+2] != "19" && text[at:at+2] != "20" || strings.Trim(text[at+2:at+4], "0123456789") != "" {
		return 0
	}
	return 4
}

// digitAt is how many bytes of a text with letters are a digit there: one or none.
func digitAt(text string, at int) int {
	if at < 0 || len(text) < at+1 || text[at] < '0' || text[at] > '9' || !strings.ContainsFunc(text, unicode.IsLetter) {
		return 0
	}
	return 1
}

var lookalikes = strings.NewReplacer("@", "a", "4", "a", "8", "b", "3", "e", "1", "l", "!", "l", "|", "l", "0", "o", "()", "o", "$", "s", "5", "s", "7", "t", "+", "t")

// read is a word as a disguised one can be compared with it: without accents, and a one may stand for either of two letters.
func read(word string) string {
	if strings.ContainsFunc(word, func(c rune) bool { return c > unicode.MaxASCII }) {
		word = strings.Map(func(c rune) rune {
			if unicode.Is(unicode.Mn, c) {
				return -1
			}
			return c
		}, norm.NFD.String(word))
	}
	return strings.ReplaceAll(word, "i", "l")
}

// letters is a text's letters and digits alone, in small.
func letters(v string) string {
	return strings.Map(func(c rune) rune {
		if !isWord(c) {
			return -1
		}
		return unicode.ToLower(c)
	}, v)
}

func isWord(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }
