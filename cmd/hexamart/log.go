package main

import (
	"context"
	"io"
	"log/slog"

	"hexamart/internal/config"
	"hexamart/internal/database"
	"hexamart/internal/handler"
	"hexamart/internal/tracing"
)

// newLog returns the program's log: text or JSON lines, each with the id of the request it is about. Lines
// about requests may be late by a moment; flush writes them.
func newLog(w io.Writer, cfg config.Config) (log *slog.Logger, flush func()) {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	buffer := &logBuffer{w: w}
	var lines slog.Handler = slog.NewTextHandler(buffer, opts)
	if cfg.LogFormat == "json" {
		lines = slog.NewJSONHandler(buffer, opts)
	}
	buffer.missed = func(n int) {
		slog.New(lines).Warn("nobody took the log for a while: lines are left out", "lines", n)
	}
	return slog.New(logHandler{lines, buffer}), buffer.Flush
}

type logHandler struct {
	slog.Handler
	buffer *logBuffer
}

func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	id := handler.RequestID(ctx)
	if id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	if trace := tracing.ID(ctx); trace != "" {
		r.AddAttrs(slog.String("trace_id", trace))
	}
	err := h.Handler.Handle(ctx, r)
	if id == "" || r.Level >= slog.LevelWarn {
		h.buffer.Flush()
	}
	return err
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs), h.buffer}
}

func (h logHandler) WithGroup(name string) slog.Handler {
	return logHandler{h.Handler.WithGroup(name), h.buffer}
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
