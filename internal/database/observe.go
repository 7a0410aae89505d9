package database

import (
	"context"
	"time"
)

// Statement is one thing that was sent to the database: SQL on one line with its placeholders, never
// the values; BEGIN, COMMIT and ROLLBACK too. Rows were returned, or matched by a write.
type Statement struct {
	SQL      string
	Duration time.Duration // until the last row was read
	Rows     int64
	Err      error
}

// Observer is told of each statement once it is over. It is called from many goroutines.
type Observer func(ctx context.Context, s Statement)
