package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
)

// definer is who a trigger or a view belongs to, where a dump's lines begin so. No line of data does.
var definer = regexp.MustCompile("^(/\\*M?![0-9]+ (?:CREATE\\*/ /\\*!?[0-9]+ )?|CREATE )DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`")

// forAdmins begins statements of MySQL's tool about the server's own log.
var forAdmins = regexp.MustCompile(`^SET (?:@MYSQLDUMP_TEMP_LOG_BIN|@@SESSION\.SQL_LOG_BIN|@@GLOBAL\.GTID_PURGED)\b`)

// portable returns a dump as any of the servers loads it, for whoever may load one. Triggers and views belong to whoever
// loads it: only an administrator may give them to somebody else, or keep what it does out of the server's log, as MySQL's tool
// asks for. And what MariaDB's tool says of generated columns is left out,
// which MySQL does not take; nobody needs it. Close it.
func portable(dump io.Reader) io.ReadCloser {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(copyPortable(w, dump)) }()
	return r
}

func copyPortable(to io.Writer, dump io.Reader) error {
	lines, begins, dropping := bufio.NewReaderSize(dump, 64<<10), true, false
	w := bufio.NewWriterSize(to, 64<<10)
	values := generatedValues{of: map[string]map[int]bool{}, to: w}
	for {
		piece, err := lines.ReadSlice('\n') // of a long line a part
		if begins && !values.within {
			piece = definer.ReplaceAll(piece, []byte("$1"))
			dropping = dropping || forAdmins.Match(piece)
		}
		ends := bytes.HasSuffix(piece, []byte(";\n"))
		if dropping {
			piece = nil
		}
		dropping = dropping && !ends
		if err := values.copy(piece, begins); err != nil {
			return err
		}
		switch begins = err == nil; {
		case errors.Is(err, io.EOF):
			return w.Flush()
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// generatedValues puts DEFAULT for the values of generated columns in a dump's rows.
type generatedValues struct {
	to *bufio.Writer
	of map[string]map[int]bool // the columns that are generated, by table and place

	table  string // whose columns are listed; "" outside of such a list
	column int

	within  bool // the rows of an INSERT
	columns map[int]bool
	row     bool // within one of them
	quoted  bool
	escaped bool
	field   int
}

const (
	beginsTable = "CREATE TABLE `"
	beginsRows  = "INSERT INTO `"
	isGenerated = " GENERATED ALWAYS AS "
)

// copy writes a part of a dump, of which begins says that a line begins with it.
func (g *generatedValues) copy(piece []byte, begins bool) error {
	at := 0
	if begins && !g.within {
		at = g.line(string(piece[:min(len(piece), 1<<10)]))
	}
	if _, err := g.to.Write(piece[:at]); err != nil {
		return err
	}
	for ; at < len(piece) && g.within; at++ {
		if err := g.value(piece[at]); err != nil {
			return err
		}
	}
	_, err := g.to.Write(piece[at:])
	return err
}

// line looks at the beginning of a line outside of rows, and returns where in it rows begin.
func (g *generatedValues) line(text string) (rows int) {
	name, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(text, beginsTable), beginsRows), "` ")
	switch {
	case strings.HasPrefix(text, beginsTable) && ok:
		g.table, g.column = name, 0
	case strings.HasPrefix(text, beginsRows) && ok && strings.HasPrefix(rest, "VALUES") && len(g.of[name]) > 0:
		g.within, g.columns, g.row, g.quoted, g.escaped = true, g.of[name], false, false, false
		return len(text) - len(rest)
	case g.table != "" && strings.HasPrefix(text, "  `"):
		definition, _, _ := strings.Cut(text, " COMMENT ")
		if strings.Contains(definition, isGenerated) {
			if g.of[g.table] == nil {
				g.of[g.table] = map[int]bool{}
			}
			g.of[g.table][g.column] = true
		}
		g.column++
	case strings.HasPrefix(text, ")"):
		g.table = ""
	}
	return 0
}

// value writes a byte of rows, unless it is of a generated value.
func (g *generatedValues) value(c byte) error {
	was := g.row
	switch {
	case g.escaped:
		g.escaped = false
	case g.quoted && c == '\\':
		g.escaped = true
	case c == '\'':
		g.quoted = !g.quoted
	case g.quoted:
	case c == '(':
		g.row, g.field = true, 0
		return g.begin(c)
	case c == ')':
		g.row = false
	case c == ',' && g.row:
		g.field++
		return g.begin(c)
	case c == ';':
		g.within = false
	}
	if was && g.row && g.columns[g.field] {
		return nil
	}
	return g.to.WriteByte(c)
}

// begin writes what stands before a value, and DEFAULT in the place of one that is generated.
func (g *generatedValues) begin(c byte) error {
	if err := g.to.WriteByte(c); err != nil || !g.columns[g.field] {
		return err
	}
	_, err := g.to.WriteString("DEFAULT")
	return err
}

// told is an error line of the client's without what may be somebody's data: it quotes values, and the statement.
var told = regexp.MustCompile(`(?i)((?:entry|value:?|near) )['"].*`)

// saidErrors returns what went wrong, as the client said it.
func saidErrors(said []byte) string {
	var lines []string
	for line := range bytes.Lines(said) {
		if bytes.HasPrefix(line, []byte("ERROR ")) {
			line = told.ReplaceAll(bytes.TrimSpace(line), []byte("$1..."))
			lines = append(lines, string(line[:min(len(line), 200)]))
		}
	}
	return strings.Join(lines, "; ")
}
