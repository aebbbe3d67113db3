//go:build interop && unix

package interop

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// payload is what a message carries. Within the tests its values are nil, bool,
// json.Number, string, []byte, []any and map[string]any, whatever the peer's
// language; numbers are compared by their text, so that an integer which became
// a float on its way is found.
type payload struct {
	Args   []any          `json:"args"`
	Kwargs map[string]any `json:"kwargs"`
}

// transform applies f to every leaf of a value.
func transform(value any, f func(any) any) any {
	switch value := value.(type) {
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = transform(item, f)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, item := range value {
			out[key] = transform(item, f)
		}
		return out
	}
	return f(value)
}

// each applies f to every leaf of a payload; absent parts become empty ones.
func (p payload) each(f func(any) any) payload {
	args, kwargs := p.Args, p.Kwargs
	if args == nil {
		args = []any{}
	}
	if kwargs == nil {
		kwargs = map[string]any{}
	}
	return payload{
		Args:   transform(args, f).([]any),
		Kwargs: transform(kwargs, f).(map[string]any),
	}
}

// tagged is how the line protocol writes what JSON cannot.
type tagged struct {
	Bytes []byte `json:"$bytes"`
}

// toLine makes a payload ready for the line protocol.
func (p payload) toLine() payload {
	return p.each(func(leaf any) any {
		if data, ok := leaf.([]byte); ok {
			return tagged{data}
		}
		return leaf
	})
}

// UnmarshalJSON reads a payload of the line protocol.
func (p *payload) UnmarshalJSON(data []byte) error {
	var raw struct {
		Args   []any          `json:"args"`
		Kwargs map[string]any `json:"kwargs"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&raw); err != nil {
		return err
	}
	args, err := fromLine(raw.Args)
	if err != nil {
		return err
	}
	kwargs, err := fromLine(raw.Kwargs)
	if err != nil {
		return err
	}
	p.Args, _ = args.([]any)
	p.Kwargs, _ = kwargs.(map[string]any)
	return nil
}

func fromLine(value any) (any, error) {
	var err error
	switch value := value.(type) {
	case []any:
		for i := range value {
			if value[i], err = fromLine(value[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if text, ok := value["$bytes"].(string); ok && len(value) == 1 {
			return base64.StdEncoding.DecodeString(text)
		}
		if text, ok := value["$bigint"].(string); ok && len(value) == 1 {
			return json.Number(text), nil
		}
		for key := range value {
			if value[key], err = fromLine(value[key]); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

// readDetails reads the details of a report.
func readDetails(line []byte) (dict, error) {
	var raw struct {
		Details map[string]any `json:"details"`
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&raw); err != nil {
		return nil, err
	}
	for key, value := range raw.Details {
		value, err := fromLine(value)
		if err != nil {
			return nil, err
		}
		raw.Details[key] = value
	}
	return raw.Details, nil
}

func asIs(leaf any) any { return leaf }

// asInteger turns a floating point number of integral value into an integer.
func asInteger(leaf any) any {
	if number, ok := leaf.(json.Number); ok {
		return json.Number(strings.TrimSuffix(string(number), ".0"))
	}
	return leaf
}

// asText turns bytes into the text that stands for them in JSON.
func asText(leaf any) any {
	if data, ok := leaf.([]byte); ok {
		return "\x00" + base64.StdEncoding.EncodeToString(data)
	}
	return leaf
}

// toGo turns the tests' numbers into Go's.
func toGo(leaf any) any {
	number, ok := leaf.(json.Number)
	if !ok {
		return leaf
	}
	if i, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(string(number), 10, 64); err == nil {
		return u
	}
	f, err := number.Float64()
	if err != nil {
		panic(err) // the tests' own values
	}
	return f
}

// fromGo turns Go's numbers into the tests'.
func fromGo(leaf any) any {
	switch leaf := leaf.(type) {
	case int64:
		return json.Number(strconv.FormatInt(leaf, 10))
	case uint64:
		return json.Number(strconv.FormatUint(leaf, 10))
	case float64:
		text := strconv.FormatFloat(leaf, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return json.Number(text)
	case nil, bool, string, []byte:
		return leaf
	}
	return fmt.Sprintf("a %T, which the client never promised", leaf)
}

// The payloads that every step carries. Integers stay within what a JavaScript
// number holds, except in exact.
var (
	nothing = payload{}

	rich = payload{
		Args: []any{
			"Grüße, 水, \U0001F40D and a \" quote",
			json.Number("9007199254740992"), // 2^53
			json.Number("-9007199254740992"),
			json.Number("0"),
			json.Number("-1"),
			json.Number("3.25"),
			true, false, nil, "",
			[]any{},
			map[string]any{},
			[]any{json.Number("1"), []any{"two", []any{json.Number("3")}}},
			map[string]any{"a": map[string]any{"b": []any{map[string]any{"c": nil}}}},
		},
		Kwargs: map[string]any{
			"name":  "Homer",
			"count": json.Number("9007199254740992"),
			"list":  []any{"x", json.Number("65536"), json.Number("-129")},
			"empty": map[string]any{},
		},
	}

	binary = payload{
		Args: []any{[]byte("\x00\x01\xfe\xff"), map[string]any{"deep": []any{[]byte("bytes")}}},
		Kwargs: map[string]any{
			"data": []byte{0x80, 0x0a, 0x22, 0x5c},
			"none": []byte{},
		},
	}

	exact = payload{
		Args: []any{
			json.Number("9007199254740993"), // 2^53 + 1
			json.Number("9223372036854775807"),
			json.Number("-9223372036854775808"),
			json.Number("18446744073709551615"),
		},
	}

	onlyNamed = payload{Kwargs: map[string]any{"only": "named"}}
)
