package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"testing"
)

// FuzzParseArguments checks that whatever the words are, they are refused or
// make a payload that can be printed in every form.
func FuzzParseArguments(f *testing.F) {
	for _, word := range []string{"5", "-5", "x", "a=b", "a:=1", "a:=b", `"\u0000aGk="`, `"\ud800"`, "[1,{}]", "1e999", "\xff", "-", ""} {
		f.Add(word, "k=v")
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		payload, err := parseArguments([]string{one, two}, func() (string, error) { return "input", nil })
		if err != nil {
			return
		}
		for _, form := range []form{pretty, oneLine, raw} {
			var b bytes.Buffer
			if (&printer{form: form, w: &b}).result(payload) != nil {
				return // what cannot be serialized is refused here or when it is sent
			}
			if form != raw && !json.Valid(b.Bytes()) {
				t.Errorf("%q and %q are printed as %q, which is not JSON", one, two, b.String())
			}
		}
	})
}

var colors = regexp.MustCompile("\x1b\\[[0-9]*m")

// FuzzPaint checks that JSON with its colors taken away is what it was.
func FuzzPaint(f *testing.F) {
	for _, text := range []string{`{"a": [1, -2.5e3, true, null, "x\"\\"]}`, `"\u001b[0m"`, "[]", " 1 "} {
		f.Add([]byte(text))
	}
	p := &printer{color: true, w: io.Discard}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		if got := colors.ReplaceAll(p.paint(text), nil); !bytes.Equal(got, text) {
			t.Errorf("%q became %q", text, got)
		}
	})
}
