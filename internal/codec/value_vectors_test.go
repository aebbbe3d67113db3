package codec

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
)

// TestBinaryVectors has the vectors of the specification, section "Binary support
// in JSON".
func TestBinaryVectors(t *testing.T) {
	data, err := os.ReadFile("../auth/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Binary []struct{ Hex, JSON string } `json:"json_binary"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Binary) < 3 {
		t.Fatal("vectors are missing")
	}
	for _, c := range v.Binary {
		raw, err := hex.DecodeString(c.Hex)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Marshal(nil, msg.JSON, raw); err != nil || string(got) != c.JSON {
			t.Errorf("%s is written as %s, %v; want %s", c.Hex, got, err, c.JSON)
		}
		var back any
		if err := Unmarshal(msg.JSON, []byte(c.JSON), &back); err != nil {
			t.Errorf("%s: %v", c.JSON, err)
		} else if got, ok := back.([]byte); !ok || !bytes.Equal(got, raw) {
			t.Errorf("%s is read as %#v, want %s", c.JSON, back, c.Hex)
		}
	}
}
