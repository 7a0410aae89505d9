package pictures

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// released are all drawings as they are kept by browsers, for good. A new drawing changes this sum, and so does a change
// of an old one, which must have a new name instead.
const released = "f4946f0195b4cd58"

func TestReleased(t *testing.T) {
	t.Parallel()
	sum := sha256.New()
	for _, name := range Names() {
		picture, ok := SVG(name)
		if !ok {
			t.Errorf("%s is not there", name)
		}
		sum.Write(append([]byte(name), picture...))
	}
	if got := hex.EncodeToString(sum.Sum(nil))[:16]; got != released {
		t.Errorf("the pictures are %s. If one was only added, put this in place of released. If one was changed, give it a new name and keep the old one.", got)
	}
}

func TestNoSuchPicture(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", ".svg", "-.svg", "book.svg", "book-red", "book-mauve.svg", "boook-red.svg", "# Kitchen-red.svg", "../book-red.svg"} {
		if _, ok := SVG(name); ok {
			t.Errorf("there is a picture %q", name)
		}
	}
}
