package handler_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// notJudged are parts of the services whose statements are not judged, and why.
var notJudged = map[string]string{
	"Verify":     "a command that is meant to read all books",
	"invariants": "what Verify reads",
}

var (
	sends = regexp.MustCompile(`^((Named)?Exec|Get|Select|Queryx?|QueryRowx?|Preparex?)Context$`)
	isSQL = regexp.MustCompile(`\b(SELECT|FROM|WHERE|JOIN|UPDATE|DELETE|INSERT|VALUES|SET|AND|OR|IN|LIKE|LIMIT|BY|HAVING|UNION|INDEX|NULL|DESC|EXISTS)\b|[<>=] \?`)
	verbs = regexp.MustCompile(`%\[\d\]s`)
)

// unsent reports what of the services' code sends something, or is a part of a statement, and was never met on the walk.
func (j *judge) unsent() {
	lines, shapes := map[string]bool{}, map[string]bool{}
	for _, s := range j.all {
		lines[fmt.Sprint(s.file, ":", s.line)] = true
		shapes[shape(s.sql)] = true
	}
	met := func(text string) bool {
		for s := range shapes {
			if strings.Contains(s, text) {
				return true
			}
		}
		return false
	}
	source(j.t, func(at token.Position, text string) {
		where := fmt.Sprint(filepath.Base(at.Filename), ":", at.Line)
		if text == "" && !lines[where] {
			j.t.Errorf("service/%s sends something that the walk never met: let it go there", where)
		}
		for _, part := range verbs.Split(text, -1) {
			if part = shape(part); !met(part) {
				j.t.Errorf("service/%s has SQL that the walk never met: let it go there\n%s", where, part)
			}
		}
	})
}

var (
	values = regexp.MustCompile(`(_binary)?'(\\(?s:.)|''|[^'\\])*'|-?\b\d+(\.\d+)?\b|\bNULL\b`)
	row    = regexp.MustCompile(`\?(, \?)+`)
)

// shape is a statement, or a part of one, whatever its values.
func shape(sql string) string {
	return row.ReplaceAllString(spaces.ReplaceAllString(values.ReplaceAllString(sql, "?"), " "), "?")
}

// source calls found for each call in the services that sends something, without a text, and for each text that has to
// do with SQL.
func source(t *testing.T, found func(at token.Position, text string)) {
	t.Helper()
	files, err := filepath.Glob("../service/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	set := token.NewFileSet()
	visit := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			return notJudged[n.Name.Name] == ""
		case *ast.ValueSpec:
			return notJudged[n.Names[0].Name] == ""
		case *ast.CallExpr:
			if isSending(n.Fun) {
				found(set.Position(n.Pos()), "")
			}
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && isSQL.MatchString(text) {
				found(set.Position(n.Pos()), text)
			}
		}
		return true
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, visit)
	}
}

// isSending reports whether a function sends a statement: a method of sqlx, or one of ours.
func isSending(function ast.Expr) bool {
	sel, ok := function.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, _ := sel.X.(*ast.Ident)
	return sends.MatchString(sel.Sel.Name) || sel.Sel.Name == "Run" || of != nil && of.Name == "database" && sel.Sel.Name == "Exec"
}
