package cli

import (
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
)

// logConfig says what is logged, and how.
type logConfig struct {
	level  string // debug, info, warn, error
	format string // auto, text, json
}

// logger returns the logger that c, which is valid, describes, and its level. It
// writes to standard error.
func (p *process) logger(c logConfig) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	_ = level.UnmarshalText([]byte(c.level)) // valid
	options := &slog.HandlerOptions{Level: level}
	switch {
	case c.format == "json":
		return slog.New(slog.NewJSONHandler(p.stderr, options)), level
	case c.format == "auto" && isTerminal(p.stderr):
		return slog.New(tint.NewTextHandler(p.stderr, &tint.Options{
			Level: level, TimeFormat: time.TimeOnly, NoColor: !p.colored(p.stderr),
		})), level
	}
	return slog.New(slog.NewTextHandler(p.stderr, options)), level
}
