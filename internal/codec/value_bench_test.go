package codec

import (
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

type benchRecord struct {
	ID    int      `json:"id"`
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	OK    bool     `json:"ok"`
	Tags  []string `json:"tags"`
	At    string   `json:"at"`
}

// BenchmarkValues writes and reads one small integer, the records of
// BenchmarkTranscode as plain values, and as structs.
func BenchmarkValues(b *testing.B) {
	for _, f := range []msg.Format{msg.JSON, msg.MessagePack, msg.CBOR} {
		src := Transcode(nil, f, msg.JSON, []byte(benchPayloads[0].json))
		var tree any
		var structs []benchRecord
		if err := Unmarshal(f, src, &tree); err != nil {
			b.Fatal(err)
		}
		if err := Unmarshal(f, src, &structs); err != nil {
			b.Fatal(err)
		}
		dst := make([]byte, 0, 4096)
		for name, v := range map[string]any{"int": 12345, "tree": tree, "structs": structs} {
			b.Run(f.String()+"/marshal-"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Marshal(dst, f, v); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		number, _ := Marshal(nil, f, 12345)
		b.Run(f.String()+"/unmarshal-int", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var n int
				if err := Unmarshal(f, number, &n); err != nil || n != 12345 {
					b.Fatal(n, err)
				}
			}
		})
		b.Run(f.String()+"/unmarshal-tree", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var v any
				if err := Unmarshal(f, src, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(f.String()+"/unmarshal-structs", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var v []benchRecord
				if err := Unmarshal(f, src, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
