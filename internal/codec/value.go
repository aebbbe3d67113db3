package codec

import "github.com/wampeter/wampeter/internal/msg"

// Marshal appends v as one value in format f. Struct fields are named by their
// json (or cbor) tags; []byte is binary, in JSON U+0000 and base64.
func Marshal(dst []byte, f msg.Format, v any) ([]byte, error) { panic("not yet") }

// Unmarshal reads the one value in data into what v points to. Into an any go
// nil, bool, int64 (uint64 beyond its range), float64, string, []byte, []any,
// map[string]any. Numbers never pass through float64 on the way to an integer;
// an integer that the target cannot hold is an error.
func Unmarshal(f msg.Format, data []byte, v any) error { panic("not yet") }
