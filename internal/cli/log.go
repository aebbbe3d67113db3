package cli

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"
)

// logConfig says what is logged, and how.
type logConfig struct {
	level  string // debug, info, warn, error
	format string // auto, text, json
}

var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

func (c *logConfig) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.level, "log-level", c.level, "debug, info, warn or error")
	cmd.Flags().StringVar(&c.format, "log-format", c.format, "auto (in color on a terminal), text or json")
	complete(cmd, "log-level", "debug", "info", "warn", "error")
	complete(cmd, "log-format", "auto", "text", "json")
}

func (c *logConfig) validate() []error {
	var wrong []error
	if _, ok := logLevels[c.level]; !ok {
		wrong = append(wrong, fmt.Errorf("--log-level %s: want debug, info, warn or error", c.level))
	}
	switch c.format {
	case "auto", "text", "json":
	default:
		wrong = append(wrong, fmt.Errorf("--log-format %s: want auto, text or json", c.format))
	}
	return wrong
}

// logger returns the logger that c, which is valid, describes. It writes to
// standard error.
func (p *process) logger(c logConfig) *slog.Logger {
	level := logLevels[c.level]
	options := &slog.HandlerOptions{Level: level}
	switch {
	case c.format == "json":
		return slog.New(slog.NewJSONHandler(p.stderr, options))
	case c.format == "auto" && isTerminal(p.stderr):
		return slog.New(tint.NewTextHandler(p.stderr, &tint.Options{
			Level: level, TimeFormat: time.TimeOnly, NoColor: !p.colored(p.stderr),
		}))
	}
	return slog.New(slog.NewTextHandler(p.stderr, options))
}
