package cli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/config"
)

// What a logger and those that come of it write follows the configuration.
func TestLogFollows(t *testing.T) {
	var out bytes.Buffer
	p := plain()
	p.stderr = &out
	log, follow := p.logger(config.Log{Level: "info", Format: "auto"})
	realm := log.With(slog.String("realm", "realm1")).WithGroup("g")
	for _, test := range []struct {
		c    config.Log
		want string
	}{
		{config.Log{Level: "info", Format: "text"}, `level=INFO msg=hello realm=realm1 g.n=1`},
		{config.Log{Level: "warn", Format: "text"}, ""},
		{config.Log{Level: "debug", Format: "json"}, `"level":"INFO","msg":"hello","realm":"realm1","g":{"n":1}`},
		{config.Log{Level: "info", Format: "auto"}, `level=INFO msg=hello realm=realm1 g.n=1`},
	} {
		follow(test.c)
		out.Reset()
		realm.Info("hello", slog.Int("n", 1))
		if got := out.String(); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%+v: %q, want %q", test.c, got, test.want)
		}
	}
}
