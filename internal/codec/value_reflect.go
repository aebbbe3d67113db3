package codec

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/big"
	"reflect"
	"strings"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/wampeter/wampeter/internal/msg"
)

// Structs and other types of applications go through CBOR, whatever the format
// of the message: one library reads their tags and has one behaviour, and what
// it writes and reads is transcoded. So it never meets a tag, a key that is no
// text, or a length that is not known.

var encoding = func() cbor.UserBufferEncMode {
	mode, err := cbor.EncOptions{
		Time:                    cbor.TimeRFC3339Nano,
		TimeTag:                 cbor.EncTagNone,
		OmitEmpty:               cbor.OmitEmptyGoValue,
		BinaryMarshaler:         cbor.BinaryMarshalerNone,
		TextMarshaler:           cbor.TextMarshalerTextString,
		JSONMarshalerTranscoder: reformatter{to: msg.CBOR, from: msg.JSON},
	}.UserBufferEncMode()
	if err != nil {
		panic(err) // the options are constants
	}
	return mode
}()

var decoding = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		MaxNestedLevels:           MaxDepth + 1,
		MaxArrayElements:          math.MaxInt32, // the message's size limits them
		MaxMapPairs:               math.MaxInt32,
		DefaultMapType:            reflect.TypeFor[map[string]any](),
		IntDec:                    cbor.IntDecConvertSignedOrBigInt,
		BinaryUnmarshaler:         cbor.BinaryUnmarshalerNone,
		TextUnmarshaler:           cbor.TextUnmarshalerTextString,
		JSONUnmarshalerTranscoder: reformatter{to: msg.JSON, from: msg.CBOR},
	}.DecMode()
	if err != nil {
		panic(err) // the options are constants
	}
	return mode
}()

// reformatter lets types that only know JSON take part.
type reformatter struct{ to, from msg.Format }

// Transcode implements [cbor.Transcoder].
func (r reformatter) Transcode(dst io.Writer, src io.Reader) error {
	data, err := io.ReadAll(src)
	if err != nil {
		return err
	}
	b := builder{f: r.to}
	t := transcoder{cursor: cursor{reader: reader{f: r.from, data: data}}, out: b}
	if err := b.transcode(&t, MaxDepth); err != nil {
		return err
	}
	_, err = dst.Write(b.b)
	return err
}

// MarshalCBOR lets a Raw be part of a larger value.
func (r Raw) MarshalCBOR() ([]byte, error) { return Marshal(nil, msg.CBOR, r) }

// UnmarshalCBOR keeps the value's bytes, which are CBOR here.
func (r *Raw) UnmarshalCBOR(data []byte) error {
	*r = Raw{Format: msg.CBOR, Bytes: bytes.Clone(data)}
	return nil
}

// scratch holds buffers for the CBOR in between. One that has grown large is
// left to the garbage collector.
var scratch = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const maxScratch = 64 << 10

func putScratch(buf *bytes.Buffer) {
	if buf.Cap() <= maxScratch {
		buf.Reset()
		scratch.Put(buf)
	}
}

// reflected writes a value of any other type.
func (b *builder) reflected(v any, depth int) error {
	buf := scratch.Get().(*bytes.Buffer)
	defer putScratch(buf)
	if err := encoding.MarshalToBuffer(v, buf); err != nil {
		var unsupported *cbor.UnsupportedTypeError
		if errors.As(err, &unsupported) {
			return errors.New("cannot send a value of type " + unsupported.Type.String())
		}
		return reword(err)
	}
	t := transcoder{
		cursor: cursor{reader: reader{f: msg.CBOR, data: buf.Bytes()}},
		out:    *b,
		fromGo: true,
	}
	return b.transcode(&t, depth)
}

// lenient is what is done for a target that a first attempt did not fit. It is
// no default, since it changes what goes into an any beside that target.
type lenient struct {
	wholeInts bool // floats that are exact integers become integers
	intKeys   bool // keys that are decimal integers become integers
}

// unmarshalReflected reads a value into a target of any other type.
func unmarshalReflected(f msg.Format, data []byte, v any) error {
	err := unmarshalThrough(f, data, v, lenient{})
	if misfits(err, "primitives") {
		err = unmarshalThrough(f, data, v, lenient{wholeInts: true})
	}
	if misfits(err, "UTF-8 text string") &&
		unmarshalThrough(f, data, v, lenient{wholeInts: true, intKeys: true}) == nil {
		return nil
	}
	var mismatch *cbor.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return typeError(mismatch)
	}
	return reword(err)
}

// misfits reports whether a value of the type, as the library names it, did
// not fit its target.
func misfits(err error, cborType string) bool {
	var mismatch *cbor.UnmarshalTypeError
	return errors.As(err, &mismatch) && mismatch.CBORType == cborType
}

func unmarshalThrough(f msg.Format, data []byte, v any, how lenient) error {
	buf := scratch.Get().(*bytes.Buffer)
	defer putScratch(buf)
	t := transcoder{
		cursor:  cursor{reader: reader{f: f, data: data}},
		out:     builder{f: msg.CBOR, b: buf.AvailableBuffer()},
		lenient: how,
	}
	t.value(MaxDepth)
	t.reader.end()
	if t.err != nil {
		return t.err
	}
	*buf = *bytes.NewBuffer(t.out.b) // keep it if it had to grow
	if err := decoding.Unmarshal(t.out.b, v); err != nil {
		return err
	}
	if t.sawHuge {
		narrow(reflect.ValueOf(v), MaxDepth)
	}
	return nil
}

// narrow replaces each big.Int that was decoded into an any by the uint64 that
// our own decoding has there.
func narrow(v reflect.Value, depth int) {
	if depth < 0 {
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		if big, ok := v.Interface().(big.Int); ok && v.CanSet() && big.IsUint64() {
			v.Set(reflect.ValueOf(big.Uint64()))
			return
		}
		narrow(v.Elem(), depth)
	case reflect.Pointer:
		narrow(v.Elem(), depth-1)
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			if f.CanSet() || f.Kind() == reflect.Struct && v.Type().Field(i).Anonymous {
				narrow(f, depth-1)
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			narrow(v.Index(i), depth-1)
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			element := reflect.New(v.Type().Elem()).Elem()
			element.Set(iter.Value())
			narrow(element, depth-1)
			v.SetMapIndex(iter.Key(), element)
		}
	}
}

// typeError puts the library's error into our words.
func typeError(e *cbor.UnmarshalTypeError) *TypeError {
	value := map[string]string{
		"positive integer":  "a number",
		"negative integer":  "a number",
		"byte string":       "binary",
		"UTF-8 text string": "a string",
		"array":             "a list",
		"map":               "a dictionary",
		"primitives":        "a float or bool",
	}[e.CBORType]
	out := &TypeError{Value: value, Type: e.GoType, Field: e.StructFieldName}
	text := e.Error()
	switch i := strings.LastIndex(text, " ("); {
	case strings.Contains(text, " overflows "):
		out.Value = "number " + strings.Fields(text[i+2:])[0]
		out.Hint = hintRange
	case i >= 0 && strings.HasSuffix(text, ")"):
		out.Hint = text[i+2 : len(text)-1]
	case e.GoType == "[]uint8" && e.CBORType == "UTF-8 text string":
		out.Hint = hintBinary
	case e.GoType == "string" && e.CBORType == "byte string":
		out.Hint = hintText
	}
	return out
}

// reworded is an error of the library without its name, which would puzzle
// somebody whose messages are in another format.
type reworded struct{ err error }

func reword(err error) error {
	if err == nil || !strings.HasPrefix(err.Error(), "cbor: ") {
		return err
	}
	return &reworded{err}
}

func (e *reworded) Error() string { return strings.TrimPrefix(e.err.Error(), "cbor: ") }
func (e *reworded) Unwrap() error { return e.err }
