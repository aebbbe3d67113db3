package codec

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

// BenchmarkScan validates payloads of 1 MiB, and a short one.
func BenchmarkScan(b *testing.B) {
	text := []byte(`["` + strings.Repeat("abcdefghijklmnopqrstuvwxyz", 1<<20/26) + `"]`)
	var records bytes.Buffer
	records.WriteByte('[')
	for i := 0; records.Len() < 1<<20; i++ {
		if i > 0 {
			records.WriteByte(',')
		}
		fmt.Fprintf(&records, `{"id":%d,"name":"customer %d","active":true,"address":{"street":"Hauptstraße 1","zip":%d},"tags":["new","x"],"balance":%d.5}`, i, i, 1010+i%200, i*37)
	}
	records.WriteByte(']')
	for _, tt := range []struct {
		name string
		data []byte
	}{{"text", text}, {"records", records.Bytes()}, {"short", []byte(`[1,"hello",{"a":true}]`)}} {
		b.Run("json/"+tt.name, func(b *testing.B) {
			b.SetBytes(int64(len(tt.data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := skipJSON(tt.data, 0, MaxDepth); err != nil {
					b.Fatal(err)
				}
			}
		})
		var v any
		if err := Unmarshal(msg.JSON, tt.data, &v); err != nil {
			b.Fatal(err)
		}
		for _, f := range []msg.Format{msg.MessagePack, msg.CBOR} {
			data, err := Marshal(nil, f, v)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(f.String()+"/"+tt.name, func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := skip(f, data, 0, MaxDepth); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
