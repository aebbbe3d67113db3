package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/wampeter/wampeter/wamp"
)

// Bounds of commands that answer calls.
const (
	commandConcurrency = 16              // processes at the same time
	commandGrace       = 2 * time.Second // to end in after SIGTERM
	maxCommandOutput   = 16 << 20        // bytes of a result
	maxCommandVariable = 64 << 10        // bytes of an environment variable; Linux takes 128 KiB
	maxCommandMessage  = 4 << 10         // bytes of an error's message
)

// commandHandler answers each call with what a command prints.
type commandHandler struct {
	path string
	argv []string
	form commandForm
}

// commandForm says what a command reads and prints.
type commandForm uint8

const (
	commandValues commandForm = iota // values, as the help text of register says
	commandJSON                      // args and kwargs as JSON
	commandLines                     // as commandValues, but each line of output is a progressive result
)

func newCommandHandler(argv []string, form commandForm) (*commandHandler, error) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return nil, usagef("--command: %w", err)
	}
	return &commandHandler{path: path, argv: argv, form: form}, nil
}

// Invoke runs the command once.
func (h *commandHandler) Invoke(ctx context.Context, inv *wamp.Invocation) (wamp.Result, error) {
	var none wamp.Result
	c, err := contentOf(inv.Payload)
	if err != nil {
		return none, err
	}
	input, kind := c.bare(inv.Payload)
	switch {
	case h.form == commandJSON:
		input = line(c.message())
	case kind == notBare:
		input = c.raw(inv.Payload)
	}
	output := &limited{limit: maxCommandOutput, strict: true}
	message := &limited{limit: maxCommandMessage}
	cmd := exec.CommandContext(ctx, h.path, h.argv[1:]...)
	cmd.Args[0] = h.argv[0]
	cmd.Env = environment(c, inv)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Stdout, cmd.Stderr = output, message
	var lines *progressLines
	if h.form == commandLines && inv.WantsProgress() {
		lines = &progressLines{inv: inv}
		cmd.Stdout = lines
	}
	cmd.Cancel = func() error {
		if cmd.Process.Signal(syscall.SIGTERM) != nil {
			return cmd.Process.Kill() // where there are no signals
		}
		return nil
	}
	cmd.WaitDelay = commandGrace
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return none, wamp.Errorf(wamp.ErrCanceled, "the command was terminated")
	case output.over:
		return none, wamp.Errorf(wamp.ErrPayloadSizeExceeded, "the command printed more than %d bytes", maxCommandOutput)
	case err != nil:
		return none, commandError(err, message.b.String())
	case lines != nil:
		return none, lines.end()
	}
	return h.result(output.b.Bytes())
}

// environment is that of a command which answers inv, whose payload c is.
func environment(c *content, inv *wamp.Invocation) []string {
	env := append(os.Environ(), "WAMPETER_PROCEDURE="+inv.Procedure)
	for name, value := range map[string][]byte{"WAMPETER_ARGS": c.argsJSON(), "WAMPETER_KWARGS": c.kwargsJSON()} {
		if len(value) <= maxCommandVariable {
			env = append(env, name+"="+string(value))
		}
	}
	if inv.Caller != 0 {
		env = append(env, fmt.Sprintf("WAMPETER_CALLER=%d", inv.Caller))
	}
	return env
}

// commandError makes the error that a caller gets for a command that failed.
func commandError(err error, message string) *wamp.Error {
	message = strings.ToValidUTF8(strings.TrimSpace(message), "\uFFFD")
	if message == "" {
		message = err.Error()
	}
	kwargs := wamp.KW{}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		kwargs["exit_code"] = exit.ExitCode()
	}
	return wamp.NewError(wamp.ErrRuntimeError, wamp.Args{message}, kwargs)
}

// progressLines sends what is written as progressive results, one for each
// line: JSON if it is JSON, else text.
type progressLines struct {
	inv     *wamp.Invocation
	partial []byte
}

func (p *progressLines) Write(b []byte) (int, error) {
	n := len(b)
	for {
		text, rest, whole := bytes.Cut(b, []byte("\n"))
		p.partial = append(p.partial, text...)
		switch {
		case len(p.partial) > maxCommandOutput:
			return 0, errors.New("too long a line")
		case !whole:
			return n, nil
		}
		if err := p.send(); err != nil {
			return 0, err
		}
		b = rest
	}
}

func (p *progressLines) send() error {
	value := parseValue(string(p.partial))
	if !utf8.Valid(p.partial) {
		value = bytes.Clone(p.partial)
	}
	p.partial = p.partial[:0]
	return p.inv.Progress(wamp.Args{value})
}

// end sends what comes after the last line feed.
func (p *progressLines) end() error {
	if len(p.partial) == 0 {
		return nil
	}
	return p.send()
}

// result makes a result of what the command printed.
func (h *commandHandler) result(output []byte) (wamp.Result, error) {
	text := bytes.TrimSuffix(output, []byte("\n"))
	if h.form == commandJSON {
		var message struct {
			Args   []json.RawMessage          `json:"args"`
			Kwargs map[string]json.RawMessage `json:"kwargs"`
		}
		d := json.NewDecoder(bytes.NewReader(output))
		d.DisallowUnknownFields()
		if err := d.Decode(&message); err != nil {
			return wamp.Result{}, wamp.Errorf(wamp.ErrRuntimeError,
				`the command has to print {"args": [...], "kwargs": {...}}: %v`, err)
		}
		args, kwargs := wamp.Args{}, wamp.KW{}
		for _, v := range message.Args {
			args = append(args, v)
		}
		for name, v := range message.Kwargs {
			kwargs[name] = v
		}
		return wamp.Return(args, kwargs), nil
	}
	switch {
	case len(output) == 0:
		return wamp.Result{}, nil
	case utf8.Valid(text):
		return wamp.Return(wamp.Args{parseValue(string(text))}), nil
	}
	return wamp.Return(wamp.Args{output}), nil
}

// limited is a buffer that takes no more than limit bytes. A strict one fails
// beyond that, the other forgets the rest.
type limited struct {
	b      bytes.Buffer // not embedded: its ReadFrom has no limit
	limit  int
	strict bool
	over   bool
}

func (l *limited) Write(b []byte) (int, error) {
	room := l.limit - l.b.Len()
	if len(b) <= room {
		return l.b.Write(b)
	}
	l.over = true
	if l.strict {
		return 0, errors.New("too much output")
	}
	l.b.Write(b[:room])
	return len(b), nil
}
