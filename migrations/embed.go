// Package migrations holds the numbered changes of the schema, in the order in which they are applied.
//
// Every file makes one change and can find it half done or done: DDL commits by itself, so a crash
// between a change and the note that it was made runs the change again. A file that was released is
// never edited. A column and an index on it are two changes, in two files: alone each is made at once or beside
// the orders that come meanwhile, while for both MySQL builds the table anew and takes some of these
// (ON DUPLICATE KEY UPDATE) for duplicates.
package migrations

import "embed"

// FS holds the SQL files.
//
//go:embed *.sql
var FS embed.FS
