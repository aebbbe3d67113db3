package codec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

var benchPayloads = []struct{ name, json string }{
	{"records", `[` + strings.TrimSuffix(strings.Repeat(
		`{"id":1234567,"name":"sensor \u00e4 7","value":21.375,"ok":true,"tags":["a","b"],"at":"2026-11-21T10:00:00Z"},`, 9), ",") + `]`},
	{"text", `["` + strings.Repeat("All work and no play makes Jack a dull boy. ", 23) + `"]`},
	{"numbers", `[` + strings.Repeat(`123456,-42,0,3.14159,`, 49) + `7]`},
	{"binary", `["\u0000` + strings.Repeat("QUJD", 256) + `"]`},
}

var benchPairs = []struct{ to, from msg.Format }{
	{msg.MessagePack, msg.JSON}, {msg.CBOR, msg.JSON},
	{msg.JSON, msg.MessagePack}, {msg.CBOR, msg.MessagePack},
	{msg.JSON, msg.CBOR}, {msg.MessagePack, msg.CBOR},
}

// BenchmarkTranscode moves about 1 KiB (of JSON) from format to format. The
// rows named "scan" are what validating the same payload costs, for comparison.
func BenchmarkTranscode(b *testing.B) {
	for _, p := range benchPayloads {
		for _, from := range []msg.Format{msg.JSON, msg.MessagePack, msg.CBOR} {
			src := Transcode(nil, from, msg.JSON, []byte(p.json))
			b.Run(fmt.Sprintf("%s/%v-scan", p.name, from), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := skip(from, src, 0, MaxDepth); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		for _, pair := range benchPairs {
			src := Transcode(nil, pair.from, msg.JSON, []byte(p.json))
			dst := make([]byte, 0, 4*len(src)+64)
			b.Run(fmt.Sprintf("%s/%v-%v", p.name, pair.from, pair.to), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(src)))
				for b.Loop() {
					Transcode(dst, pair.to, pair.from, src)
				}
			})
		}
	}
}
