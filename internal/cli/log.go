package cli

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lmittmann/tint"

	"github.com/wampeter/wampeter/config"
)

// logger returns a logger that writes to standard error, as c says, and a function
// that has it do as another configuration says.
func (p *process) logger(c config.Log) (log *slog.Logger, follow func(config.Log)) {
	level := new(slog.LevelVar)
	options := &slog.HandlerOptions{Level: level}
	text, json := slog.Handler(slog.NewTextHandler(p.stderr, options)), slog.NewJSONHandler(p.stderr, options)
	auto := text
	if isTerminal(p.stderr) {
		auto = tint.NewTextHandler(p.stderr, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !p.colored(p.stderr)})
	}
	h := &formats{each: []slog.Handler{auto, text, json}, now: new(atomic.Int32)}
	follow = func(c config.Log) {
		level.Set(c.SlogLevel())
		h.now.Store(map[string]int32{"auto": 0, "text": 1, "json": 2}[c.Format])
	}
	follow(c)
	return slog.New(h), follow
}

// formats is a slog.Handler for each format, one of which is in use.
type formats struct {
	each []slog.Handler
	now  *atomic.Int32 // its index; the same for all that come of With
}

func (f *formats) handler() slog.Handler { return f.each[f.now.Load()] }

// Enabled implements slog.Handler.
func (f *formats) Enabled(ctx context.Context, level slog.Level) bool {
	return f.handler().Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (f *formats) Handle(ctx context.Context, r slog.Record) error { return f.handler().Handle(ctx, r) }

// WithAttrs implements slog.Handler.
func (f *formats) WithAttrs(attrs []slog.Attr) slog.Handler {
	return f.with(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (f *formats) WithGroup(name string) slog.Handler {
	return f.with(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (f *formats) with(change func(slog.Handler) slog.Handler) slog.Handler {
	each := make([]slog.Handler, len(f.each))
	for i, h := range f.each {
		each[i] = change(h)
	}
	return &formats{each, f.now}
}
