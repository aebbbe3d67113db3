package trustroot

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

// FuzzParse lets a client send anything as certificates.
func FuzzParse(f *testing.F) {
	v := readVectors(f)
	f.Add(v.chain(f))
	long := newFamily(f, newKey(f), maxChain-1)
	long.sign()
	f.Add(long.text(f))
	f.Add([]byte(`[[{"primaryType":"EIP712DelegateCertificate","message":{"chainId":"1","bootedAt":-1}},"0x00"]]`))
	roots := newRoots(f, vectorRoot, long.root())
	f.Fuzz(func(t *testing.T, text []byte) {
		var list any
		if err := codec.Unmarshal(msg.JSON, text, &list); err != nil {
			return
		}
		c, err := Parse(list)
		if err != nil {
			return
		}
		if len(c.Authorities) >= maxChain || len(c.Delegate.Meta) > maxMeta {
			t.Fatalf("a chain beyond the bounds is accepted")
		}
		for _, root := range roots.list {
			_, _ = roots.find(t.Context(), root.address, c)
		}
		_ = c.verify()
		kept, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseJSON(kept)
		if err != nil {
			t.Fatalf("%s\ncannot be read again: %v", kept, err)
		}
		if twice, _ := json.Marshal(again); !bytes.Equal(kept, twice) {
			t.Errorf("%s\nbecame %s", kept, twice)
		}
	})
}
