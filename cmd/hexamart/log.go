package main

import (
	"context"
	"io"
	"log/slog"

	"hexamart/internal/config"
	"hexamart/internal/database"
	"hexamart/internal/handler"
)

// newLog returns the program's log: text or JSON lines, each with the id of the request it is about.
func newLog(w io.Writer, cfg config.Config) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(withRequestID{slog.NewJSONHandler(w, opts)})
	}
	return slog.New(withRequestID{slog.NewTextHandler(w, opts)})
}

type withRequestID struct{ slog.Handler }

func (h withRequestID) Handle(ctx context.Context, r slog.Record) error {
	if id := handler.RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h withRequestID) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRequestID{h.Handler.WithAttrs(attrs)}
}

func (h withRequestID) WithGroup(name string) slog.Handler {
	return withRequestID{h.Handler.WithGroup(name)}
}

// logStatements returns what writes each SQL statement to a log at debug level, nil at others.
func logStatements(log *slog.Logger) database.Observer {
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return nil
	}
	return func(ctx context.Context, s database.Statement) {
		attrs := []any{"statement", s.SQL, "duration", s.Duration, "rows", s.Rows}
		if s.Err != nil {
			attrs = append(attrs, "error", s.Err)
		}
		log.DebugContext(ctx, "sql", attrs...)
	}
}
