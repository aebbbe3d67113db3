package cli

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outcome is what one command line came to.
type outcome struct {
	code           int
	stdout, stderr string
}

// execute runs wampeter with args within the test.
func execute(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &process{
		stdin:   strings.NewReader(""),
		stdout:  &stdout,
		stderr:  &stderr,
		getenv:  func(string) string { return "" },
		environ: func() []string { return nil },
		signals: make(chan os.Signal),
	}
	code := p.run(args)
	return outcome{code, stdout.String(), stderr.String()}
}

// plain returns a process that reads nothing and discards what it prints.
func plain() *process {
	return &process{
		stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard,
		getenv:  func(string) string { return "" },
		environ: func() []string { return nil },
	}
}
