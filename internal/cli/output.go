package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
)

// form is how values are printed; see the help topic output.
type form uint8

const (
	pretty  form = iota // for people
	oneLine             // compact JSON, one line a result or event
	raw                 // text and bytes as they are
)

// outputFlags choose a form.
type outputFlags struct{ json, raw bool }

func (o *outputFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.json, "json", false, "print one line of JSON")
	cmd.Flags().BoolVar(&o.raw, "raw", false, "print a text or binary value as it is")
	cmd.MarkFlagsMutuallyExclusive("json", "raw")
}

// addJSON adds --json alone, for commands whose results are no values of
// applications.
func (o *outputFlags) addJSON(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.json, "json", false, "print lines of JSON")
}

// printer writes results and events. Its methods may be called concurrently.
type printer struct {
	form  form
	color bool

	mu sync.Mutex
	w  io.Writer
}

func (p *process) printer(o outputFlags) *printer {
	out := &printer{w: p.stdout, color: p.colored(p.stdout)}
	switch {
	case o.json:
		out.form = oneLine
	case o.raw:
		out.form = raw
	}
	return out
}

// result prints what a procedure returned.
func (p *printer) result(payload wamp.Payload) error {
	c, err := contentOf(payload)
	if err != nil {
		return err
	}
	switch p.form {
	case raw:
		return p.write(c.raw(payload))
	case oneLine:
		return p.write(line(compact(c.value())))
	}
	return p.write(line(p.paint(indent(c.value()))))
}

// event prints one event as one line: in the pretty form its topic and
// arguments as they would be written on a command line, as JSON with further
// fields.
func (p *printer) event(e *wamp.EventInfo, more ...field) error {
	c, err := contentOf(e.Payload)
	if err != nil {
		return err
	}
	switch p.form {
	case raw:
		return p.write(c.raw(e.Payload))
	case oneLine:
		return p.write(line(c.eventJSON(e, more)))
	}
	return p.write(line(p.arguments(e.Topic, c)))
}

// reply prints what one of several callees returned, as one line.
func (p *printer) reply(callee uint64, payload wamp.Payload) error {
	c, err := contentOf(payload)
	if err != nil {
		return err
	}
	switch p.form {
	case raw:
		return p.write(c.raw(payload))
	case oneLine:
		return p.write(line(object(append(calleeField(callee), c.fields()...))))
	}
	return p.write(line(p.arguments(strconv.FormatUint(callee, 10), c)))
}

// failure prints the error of one of several callees as a line of JSON.
func (p *printer) failure(callee uint64, e *wamp.Error) error {
	c, err := contentOf(wamp.Return(e.Args, e.Kwargs).Payload)
	if err != nil {
		return err
	}
	fields := append(calleeField(callee), field{"error", quoted(string(e.URI))})
	return p.write(line(object(append(fields, c.fields()...))))
}

func calleeField(callee uint64) []field {
	return []field{{"callee", idJSON(callee)}}
}

// object prints a JSON object, in the pretty form over several lines.
func (p *printer) object(fields []field) error {
	text := object(fields)
	if p.form != pretty {
		return p.write(line(text))
	}
	return p.write(line(p.paint(indent(text))))
}

// arguments returns a name and the arguments that follow it on a command line.
func (p *printer) arguments(name string, c *content) []byte {
	var b bytes.Buffer
	b.WriteString(p.style(styleName, name))
	for _, v := range c.args {
		b.WriteByte(' ')
		b.Write(p.paint(compact(v)))
	}
	for _, name := range c.names() {
		b.WriteByte(' ')
		b.WriteString(p.style(styleName, name+"="))
		b.Write(p.paint(compact(c.kwargs[name])))
	}
	return b.Bytes()
}

// id prints an ID.
func (p *printer) id(id uint64) error { return p.write(fmt.Appendf(nil, "%d\n", id)) }

func (p *printer) write(b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.w.Write(b)
	return err
}

// content is a payload as JSON.
type content struct {
	args   []json.RawMessage
	kwargs map[string]json.RawMessage
}

func contentOf(payload wamp.Payload) (*content, error) {
	args, kwargs, err := payload.JSON()
	if err != nil {
		return nil, err
	}
	c := &content{}
	if len(args) > 0 {
		if err := json.Unmarshal(args, &c.args); err != nil {
			// Some clients send encrypted arguments as one text in their place.
			c.args = []json.RawMessage{args}
		}
	}
	if len(kwargs) > 0 {
		if err := json.Unmarshal(kwargs, &c.kwargs); err != nil {
			return nil, fmt.Errorf("keyword arguments: %w", err)
		}
	}
	return c, nil
}

// names returns the names of the keyword arguments in order.
func (c *content) names() []string { return slices.Sorted(maps.Keys(c.kwargs)) }

// value returns the one value that the payload is, null if it is none, and all
// of the payload if it is more than one value.
func (c *content) value() []byte {
	switch {
	case len(c.kwargs) > 0 || len(c.args) > 1:
		return c.message()
	case len(c.args) == 1:
		return c.args[0]
	}
	return []byte("null")
}

// message returns the payload as a JSON object with args and kwargs, those that
// are there.
func (c *content) message() []byte { return object(c.fields()) }

func (c *content) fields() []field {
	var fields []field
	if len(c.args) > 0 {
		fields = append(fields, field{"args", c.argsJSON()})
	}
	if len(c.kwargs) > 0 {
		fields = append(fields, field{"kwargs", c.kwargsJSON()})
	}
	return fields
}

func (c *content) argsJSON() []byte {
	return slices.Concat([]byte("["), bytes.Join(compactAll(c.args), []byte(",")), []byte("]"))
}

func (c *content) kwargsJSON() []byte {
	var fields []field
	for _, name := range c.names() {
		fields = append(fields, field{name, compact(c.kwargs[name])})
	}
	return object(fields)
}

// eventJSON returns the event as a JSON object in one line.
func (c *content) eventJSON(e *wamp.EventInfo, more []field) []byte {
	fields := []field{
		{"topic", quoted(e.Topic)},
		{"publication", idJSON(e.Publication)},
	}
	if e.Publisher != 0 {
		fields = append(fields, field{"publisher", idJSON(e.Publisher)})
	}
	if e.Retained {
		fields = append(fields, field{"retained", []byte("true")})
	}
	fields = append(fields, more...)
	return object(append(fields, field{"args", c.argsJSON()}, field{"kwargs", c.kwargsJSON()}))
}

// raw returns one text with a line feed, one binary value as it is, nothing for
// nothing, anything else as a line of JSON.
func (c *content) raw(payload wamp.Payload) []byte {
	switch b, kind := c.bare(payload); {
	case kind == bareText:
		return line(b)
	case kind == bareBytes:
		return b
	case len(c.args) == 0 && len(c.kwargs) == 0:
		return nil
	}
	return line(compact(c.value()))
}

// bareKind is what a payload is without quotes.
type bareKind uint8

const (
	notBare bareKind = iota // not one text or binary value
	bareText
	bareBytes
)

// bare returns the one text or binary value that payload, the origin of c, is.
func (c *content) bare(payload wamp.Payload) ([]byte, bareKind) {
	if len(c.args) != 1 || len(c.kwargs) > 0 {
		return nil, notBare
	}
	var v any
	if payload.Arg(0, &v) != nil {
		return nil, notBare
	}
	switch v := v.(type) {
	case string:
		return []byte(v), bareText
	case []byte:
		return v, bareBytes
	}
	return nil, notBare
}

// field is a member of a JSON object, whose value is in one line already.
type field struct {
	name  string
	value []byte
}

func object(fields []field) []byte {
	b := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, quoted(f.name)...), ':')
		b = append(b, f.value...)
	}
	return append(b, '}')
}

// quoted returns s as JSON.
func quoted(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string never fails
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// compact returns JSON without space between its tokens.
func compact(text []byte) []byte {
	var b bytes.Buffer
	_ = json.Compact(&b, text) // never fails: it is JSON
	return b.Bytes()
}

// indent returns JSON in several lines.
func indent(text []byte) []byte {
	var b bytes.Buffer
	_ = json.Indent(&b, text, "", "  ") // never fails: it is JSON
	return b.Bytes()
}

func compactAll(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i, v := range list {
		out[i] = compact(v)
	}
	return out
}

// line returns a copy of b with a line feed.
func line(b []byte) []byte { return append(slices.Clip(b), '\n') }
