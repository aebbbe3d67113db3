package codec

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/tinylib/msgp/msgp"

	"github.com/wampeter/wampeter/internal/msg"
)

var formats = []msg.Format{msg.JSON, msg.MessagePack, msg.CBOR}

// vectors is the shape of testdata/wamp-vectors/flat.json.
type vectors struct {
	Messages []struct {
		ID        string
		Wmsg      json.RawMessage
		Encodings map[string][]struct{ Hex string }
	}
	Validation []struct {
		ID            string
		Description   string
		Wmsg          json.RawMessage
		Valid         bool
		ErrorContains string `json:"error_contains"`
	}
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/wamp-vectors/flat.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// vectorValue reads the value of a vector, the way that encode and decode have
// values: integers as uint64 or int64, byte strings as []byte.
func vectorValue(t testing.TB, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return normal(t, v)
}

// normal turns what the decoders of the three formats make of a value into one
// form.
func normal(t testing.TB, v any) any {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, err := v.Float64()
		if err != nil {
			t.Fatal(err)
		}
		return f
	case uint64:
		return int64(v)
	case string:
		if b, ok := strings.CutPrefix(v, "\x00"); ok {
			raw, err := base64.StdEncoding.DecodeString(b)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}
		return v
	case []any:
		for i := range v {
			v[i] = normal(t, v[i])
		}
		return v
	case map[any]any:
		dict := make(map[string]any)
		for k, e := range v {
			dict[k.(string)] = normal(t, e)
		}
		return dict
	case map[string]any:
		if bin, ok := v["$bin"].(string); ok {
			raw, err := hex.DecodeString(bin)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}
		for k := range v {
			v[k] = normal(t, v[k])
		}
		return v
	}
	return v
}

// decode reads a value by means of other libraries.
func decode(t testing.TB, f msg.Format, data []byte) any {
	t.Helper()
	var v any
	var err error
	switch f {
	case msg.JSON:
		return vectorValue(t, data)
	case msg.MessagePack:
		v, _, err = msgp.ReadIntfBytes(data)
	case msg.CBOR:
		err = cbor.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatalf("%v: %x: %v", f, data, err)
	}
	return normal(t, v)
}

// encode writes a value by means of other libraries.
func encode(t testing.TB, f msg.Format, v any) []byte {
	t.Helper()
	var data []byte
	var err error
	switch f {
	case msg.JSON:
		data, err = json.Marshal(binaryText(v))
	case msg.MessagePack:
		data, err = msgp.AppendIntf(nil, v)
	case msg.CBOR:
		data, err = cbor.Marshal(v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// binaryText replaces byte strings by what stands for them in JSON.
func binaryText(v any) any {
	switch v := v.(type) {
	case []byte:
		return "\x00" + base64.StdEncoding.EncodeToString(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = binaryText(v[i])
		}
		return list
	case map[string]any:
		dict := make(map[string]any)
		for k := range v {
			dict[k] = binaryText(v[k])
		}
		return dict
	}
	return v
}

func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	data, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// asVector rebuilds the list of a message from what was parsed of it.
func asVector(t testing.TB, f msg.Format, m *msg.Message) any {
	t.Helper()
	list := []any{int64(m.Type)}
	for _, c := range layoutOf(m.Type) {
		switch c {
		case 'r':
			list = append(list, int64(m.Request))
		case 'i':
			list = append(list, int64(m.ID))
		case 'p':
			list = append(list, int64(m.Publication))
		case 'e':
			list = append(list, int64(m.ErrType))
		case 'u':
			list = append(list, string(m.URI))
		case 'd', 'o':
			list = append(list, decode(t, f, m.Dict))
		case 'a':
			if m.Payload.Args != nil {
				list = append(list, decode(t, f, m.Payload.Args))
			}
			if m.Payload.Kwargs != nil {
				list = append(list, decode(t, f, m.Payload.Kwargs))
			}
		}
	}
	return list
}

func TestVectors(t *testing.T) {
	for _, v := range readVectors(t).Messages {
		t.Run(v.ID, func(t *testing.T) {
			want := vectorValue(t, v.Wmsg)
			for _, f := range formats {
				if len(v.Encodings[f.String()]) == 0 {
					t.Errorf("no vector in %v", f)
				}
				for _, e := range v.Encodings[f.String()] {
					data := fromHex(t, e.Hex)
					var m msg.Message
					if err := Parse(f, data, &m); err != nil {
						t.Errorf("%v: %x: %v", f, data, err)
						continue
					}
					if diff := cmp.Diff(want, asVector(t, f, &m)); diff != "" {
						t.Errorf("%v: %x: %s", f, data, diff)
					}
					again := Append(nil, f, &m)
					if diff := cmp.Diff(want, decode(t, f, again)); diff != "" {
						t.Errorf("%v: built again as %x: %s", f, again, diff)
					}
					checkRoundTrip(t, f, &m)
				}
			}
		})
	}
}

// TestVectorsShortest holds what is built from options, not from the raw
// dictionary, against the vectors.
func TestVectorsShortest(t *testing.T) {
	for _, v := range readVectors(t).Messages {
		var dict any
		for _, e := range vectorValue(t, v.Wmsg).([]any) {
			if d, ok := e.(map[string]any); ok {
				dict = d
				break
			}
		}
		if d, ok := dict.(map[string]any); ok && (d["roles"] != nil || d["forward_for"] != nil) {
			continue // of these dictionaries nothing is parsed
		}
		for _, f := range formats {
			var listed []string
			for _, e := range v.Encodings[f.String()] {
				listed = append(listed, e.Hex)
			}
			var m msg.Message
			if err := Parse(f, fromHex(t, listed[0]), &m); err != nil {
				t.Fatal(err)
			}
			m.Dict = nil
			m.Payload.Tail = nil
			got := Append(nil, f, &m)
			if !slices.Contains(listed, hex.EncodeToString(got)) && !cmp.Equal(decode(t, f, got), vectorValue(t, v.Wmsg)) {
				t.Errorf("%s: %v: %x is none of %v", v.ID, f, got, listed)
			}
		}
	}
}

// TestVectorsAcross builds each message in the formats that it did not come in,
// with a payload to transcode.
func TestVectorsAcross(t *testing.T) {
	for _, v := range readVectors(t).Messages {
		for _, from := range formats {
			var m msg.Message
			if err := Parse(from, fromHex(t, v.Encodings[from.String()][0].Hex), &m); err != nil {
				t.Fatal(err)
			}
			dict := m.Dict
			for _, to := range formats {
				if dict != nil {
					m.Dict = Transcode(nil, to, from, dict)
				}
				data := Append(nil, to, &m)
				if diff := cmp.Diff(vectorValue(t, v.Wmsg), decode(t, to, data)); diff != "" {
					t.Errorf("%s: %v to %v: %q: %s", v.ID, from, to, data, diff)
				}
			}
		}
	}
}

func TestVectorsValidation(t *testing.T) {
	v := readVectors(t).Validation
	if len(v) != 67 {
		t.Errorf("%d cases", len(v))
	}
	for _, c := range v {
		for _, f := range formats {
			wmsg := vectorValue(t, c.Wmsg)
			var m msg.Message
			err := Parse(f, encode(t, f, wmsg), &m)
			switch {
			case c.Valid && err != nil:
				t.Errorf("%s: %v: %s: %v", c.ID, f, c.Description, err)
			case c.Valid:
				checkRoundTrip(t, f, &m)
			case err == nil:
				t.Errorf("%s: %v: %s: no error", c.ID, f, c.Description)
			default:
				var violation *msg.Violation
				if !errors.As(err, &violation) || !strings.Contains(err.Error(), c.ErrorContains) {
					t.Errorf("%s: %v: error %v does not name %s", c.ID, f, err, c.ErrorContains)
				}
			}
		}
	}
}

// TestVectorsOriginal makes sure that the flat list misses no encoding of the
// specification's own files.
func TestVectorsOriginal(t *testing.T) {
	flat := make(map[string]bool)
	for _, v := range readVectors(t).Messages {
		for _, f := range formats {
			for _, e := range v.Encodings[f.String()] {
				flat[f.String()+e.Hex] = true
			}
		}
	}
	files, err := filepath.Glob("testdata/wamp-vectors/singlemessage/*/*.json")
	if err != nil || len(files) != 26 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Samples []struct {
				Serializers map[string][]struct {
					Hex string `json:"bytes_hex"`
				}
			}
		}
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		for _, sample := range file.Samples {
			for _, f := range formats {
				for _, e := range sample.Serializers[f.String()] {
					if !flat[f.String()+e.Hex] {
						t.Errorf("%s: %v: %s is missing", name, f, e.Hex)
					}
				}
			}
		}
	}
}

// checkRoundTrip checks that m, which was parsed from format f, is parsed again
// from what is built from it, with the raw dictionary and from the options.
func checkRoundTrip(t testing.TB, f msg.Format, m *msg.Message) {
	t.Helper()
	for _, raw := range []bool{true, false} {
		want := *m
		if !raw {
			want.Dict = nil
		}
		data := Append(nil, f, &want)
		var got msg.Message
		if err := Parse(f, data, &got); err != nil {
			t.Errorf("%v: %q: %v", f, data, err)
			continue
		}
		if !raw {
			want.Dict = got.Dict
		}
		if !reflect.DeepEqual(want, got) { // much faster than Diff
			t.Errorf("%v: %q: %s", f, data, cmp.Diff(want, got))
		}
		if again := Append(nil, f, &want); !bytes.Equal(again, data) && raw {
			t.Errorf("%v: %q and then %q", f, data, again)
		}
		split := AppendHead(nil, f, &got)
		split = append(split, got.Payload.Tail...)
		split = AppendFoot(split, f, &got)
		if whole := Append(nil, f, &got); !bytes.Equal(split, whole) {
			t.Errorf("%v: in parts %q, as a whole %q", f, split, whole)
		}
	}
}
