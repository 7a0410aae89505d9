package service

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
)

// letters turns texts into letters, a byte for each character, never zero. Characters that the database takes for equal have
// the same letter: it says so of each that is met for the first time, by its weights in the collation of names. So a name
// LIKE '%text%' has the text's letters in its own. The reverse is not quite true: there are more weights than letters.
type letters struct {
	db    *sqlx.DB
	known atomic.Pointer[[letterCodes]byte] // 0: not asked for yet; never changed, but exchanged

	mu      sync.Mutex
	weights map[string]byte
}

const (
	letterCodes   = 0x10000
	others        = 0xFFFE // stands for all characters beyond; it is none itself
	lettersAtOnce = 500
)

func newLetters(db *sqlx.DB) *letters {
	l := &letters{db: db, weights: map[string]byte{}}
	l.known.Store(&[letterCodes]byte{others: 1})
	return l
}

// of returns the letters of each text, which are valid UTF-8.
func (l *letters) of(ctx context.Context, texts ...string) ([][]byte, error) {
	known := l.known.Load()
	unknown := map[rune]bool{}
	for _, text := range texts {
		for _, c := range text {
			if c < letterCodes && known[c] == 0 {
				unknown[c] = true
			}
		}
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(unknown)), lettersAtOnce) {
		if err := l.learn(ctx, some); err != nil {
			return nil, err
		}
	}
	known = l.known.Load()
	all := make([][]byte, len(texts))
	for i, text := range texts {
		all[i] = make([]byte, 0, utf8.RuneCountInString(text))
		for _, c := range text {
			if c >= letterCodes {
				c = others
			}
			all[i] = append(all[i], known[c])
		}
	}
	return all, nil
}

// learn asks for the weights of characters.
func (l *letters) learn(ctx context.Context, characters []rune) error {
	args := make([]any, len(characters))
	for i, c := range characters {
		args[i] = string(c)
	}
	weights, err := l.db.QueryRowxContext(ctx, `
		SELECT `+rows("WEIGHT_STRING(? COLLATE utf8mb4_unicode_ci)", len(args)), args...).SliceScan()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	known := *l.known.Load()
	for i, c := range characters {
		weight, _ := weights[i].([]byte)
		letter, ok := l.weights[string(weight)]
		if !ok {
			letter = byte(1 + (len(l.weights)+1)%255)
			l.weights[string(weight)] = letter
		}
		known[c] = letter
	}
	l.known.Store(&known)
	return nil
}
