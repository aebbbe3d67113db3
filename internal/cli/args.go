package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/wampeter/wampeter/wamp"
)

// keyword is an argument that is a keyword argument.
var keyword = regexp.MustCompile(`(?s)^([A-Za-z_][A-Za-z0-9_]*)(:?=)(.*)$`)

// parseArguments makes the payload that the arguments of a command line stand
// for; see the help topic arguments. stdin is asked for the value of "-".
func parseArguments(words []string, stdin func() (string, error)) (wamp.Payload, error) {
	var none wamp.Payload
	args, kwargs := wamp.Args{}, wamp.KW{}
	read := false
	for _, word := range words {
		if word == "-" {
			if read {
				return none, usagef("- stands for standard input, which can be read only once")
			}
			read = true
			text, err := stdin()
			if err != nil {
				return none, err
			}
			args = append(args, parseValue(text))
			continue
		}
		m := keyword.FindStringSubmatch(word)
		if m == nil {
			args = append(args, parseValue(word))
			continue
		}
		name, operator, text := m[1], m[2], m[3]
		if _, twice := kwargs[name]; twice {
			return none, usagef("keyword argument %s is given twice", name)
		}
		value := parseValue(text)
		if operator == ":=" {
			var err error
			if value, err = parseJSON(text); err != nil {
				return none, usagef("%s:=%s: %w; use %s= for text", name, text, err, name)
			}
		}
		kwargs[name] = value
	}
	return wamp.Return(args, kwargs).Payload, nil
}

// parseValue takes text for JSON if it is, else for itself. JSON stays text,
// so that the serializer gets every digit.
func parseValue(text string) any {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return text
}

// parseJSON takes text for JSON, and says where it is none.
func parseJSON(text string) (json.RawMessage, error) {
	var v json.RawMessage
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	return v, nil
}

// readInput returns all of standard input, without the line feed at its end.
//
// A read from a terminal or a pipe cannot be interrupted. When ctx ends first,
// the goroutine that reads is left behind, to end with the process.
func (p *process) readInput(ctx context.Context) (string, error) {
	type input struct {
		data []byte
		err  error
	}
	done := make(chan input, 1)
	go func() {
		data, err := io.ReadAll(io.LimitReader(p.stdin, maxInput+1))
		done <- input{data, err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case in := <-done:
		switch {
		case in.err != nil:
			return "", fmt.Errorf("standard input: %w", in.err)
		case len(in.data) > maxInput:
			return "", fmt.Errorf("standard input is longer than the %d bytes that a message can have", maxInput)
		}
		return strings.TrimSuffix(string(in.data), "\n"), nil
	}
}

// maxInput is the largest message that any router takes by default.
const maxInput = 16 << 20

// optionFlags are options of an operation by their names in the protocol, for
// those that have no flag of their own.
type optionFlags []string

// parse returns the options.
func (o optionFlags) parse() ([]wamp.AnyOption, error) {
	options := make([]wamp.AnyOption, 0, len(o))
	for _, word := range o {
		m := keyword.FindStringSubmatch(word)
		if m == nil {
			return nil, usagef("--option %s: want NAME=VALUE, as in x_trace=7", word)
		}
		value := parseValue(m[3])
		if m[2] == ":=" {
			var err error
			if value, err = parseJSON(m[3]); err != nil {
				return nil, usagef("--option %s: %w", word, err)
			}
		}
		options = append(options, wamp.Option(m[1], value))
	}
	return options, nil
}
