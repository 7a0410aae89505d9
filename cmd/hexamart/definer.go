package main

import (
	"bufio"
	"errors"
	"io"
	"regexp"
)

// definer is who a trigger or a view belongs to, where a dump's lines begin so. No line of data does.
var definer = regexp.MustCompile("^(/\\*M?![0-9]+ (?:CREATE\\*/ /\\*!?[0-9]+ )?|CREATE )DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`")

// withoutDefiners returns a dump whose triggers and views belong to whoever loads it: only an administrator may give
// them to somebody else. Close it.
func withoutDefiners(dump io.Reader) io.ReadCloser {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(copyWithoutDefiners(w, dump)) }()
	return r
}

func copyWithoutDefiners(w io.Writer, dump io.Reader) error {
	lines, begins := bufio.NewReaderSize(dump, 64<<10), true
	for {
		piece, err := lines.ReadSlice('\n') // of a long line a part
		if begins {
			piece = definer.ReplaceAll(piece, []byte("$1"))
		}
		if _, err := w.Write(piece); err != nil {
			return err
		}
		switch begins = err == nil; {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}
