// Package migrations holds the numbered changes of the schema, in the order in which they are applied.
//
// Every file makes one change and can find it half done or done: DDL commits by itself, so a crash
// between a change and the note that it was made runs the change again. A file that was released is
// never edited.
package migrations

import "embed"

// FS holds the SQL files.
//
//go:embed *.sql
var FS embed.FS
