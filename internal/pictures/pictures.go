// Package pictures draws what the demo catalogue sells, so that a storefront looks like a shop without the
// internet. A picture is a drawing in a tint, floor-lamp-brass.svg say; the drawings stand in drawings.txt.
//
// Whoever has a picture keeps it for good. A drawing that is changed therefore gets a new name, and the old one
// stays for shops whose products have it.
package pictures

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Path is where the pictures are; a product's image_url that begins with it is of this server, whatever its name.
const Path = "/pictures/"

//go:embed drawings.txt
var source string

// drawings are the insides of the pictures by name, 400 by 400. In them A stands for the tint, B for its
// lighter and C for its darker shade.
var drawings = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(source) {
		name, shapes, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if ok && !strings.HasPrefix(name, "#") {
			all[name] = shapes
		}
	}
	return all
})

// tint is a colour in three shades, on a background.
type tint struct{ main, light, dark, back string }

var tints = map[string]tint{
	"red":    {"#c8443c", "#e98a7f", "#8c2a28", "#fbeae6"},
	"orange": {"#df7f2e", "#f2b47c", "#a3541a", "#fdf0e2"},
	"yellow": {"#e3b62c", "#f4da82", "#a07d12", "#fdf7df"},
	"green":  {"#4f8a4b", "#94c08c", "#2f5b33", "#ebf4e7"},
	"teal":   {"#2f8f8b", "#86c6c1", "#1b5d5c", "#e3f3f2"},
	"blue":   {"#3f74b5", "#93b7e0", "#264a7a", "#e8f0fa"},
	"navy":   {"#33456b", "#7f90b5", "#1d2a47", "#e9edf5"},
	"purple": {"#7d5aa6", "#b79fd3", "#513672", "#f1ebf7"},
	"pink":   {"#cf6a92", "#ecabc3", "#93405f", "#fbebf1"},
	"brown":  {"#8f5f3a", "#c79b74", "#5b3a20", "#f5ede5"},
	"sand":   {"#c9ab7f", "#e6d5b8", "#8f744c", "#f7f2e9"},
	"grey":   {"#6f7782", "#b5bbc3", "#3f4650", "#eef0f2"},
}

// SVG returns a picture; false if there is none of this name.
func SVG(file string) ([]byte, bool) {
	name, ok := strings.CutSuffix(file, ".svg")
	at := strings.LastIndexByte(name, '-')
	if !ok || at < 0 {
		return nil, false
	}
	drawing, color := drawings()[name[:at]], tints[name[at+1:]]
	if drawing == "" || color == (tint{}) {
		return nil, false
	}
	shapes := strings.NewReplacer(`"A"`, `"`+color.main+`"`, `"B"`, `"`+color.light+`"`, `"C"`, `"`+color.dark+`"`).Replace(drawing)
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="400" height="400">`+
		`<rect width="400" height="400" fill="%s"/><ellipse cx="200" cy="338" rx="130" ry="14" fill="#000" opacity=".08"/>`+
		`<g stroke-linecap="round" stroke-linejoin="round">%s</g></svg>`+"\n", color.back, shapes), true
}

// Names lists all pictures there are.
func Names() []string {
	var list []string
	for drawing := range drawings() {
		for color := range tints {
			list = append(list, drawing+"-"+color+".svg")
		}
	}
	slices.Sort(list)
	return list
}
