package wamp

import (
	"reflect"
	"testing"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

// BenchmarkBind compares binding two arguments to a struct with decoding them
// by hand.
func BenchmarkBind(b *testing.B) {
	type move struct {
		From string `wamp:"0"`
		Step int    `wamp:"step"`
	}
	for f := msg.JSON; f < msg.Formats; f++ {
		p := newPayload([]PayloadOption{In(move{"e2", 1337})})
		_, raw, err := p.encode(nil, f)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(f.String()+"/struct", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m, err := decodeStruct[move](planOf(reflect.TypeFor[move]()), &raw, nil)
				if err != nil || m.Step != 1337 {
					b.Fatal(m, err)
				}
			}
		})
		b.Run(f.String()+"/hand", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m, err := decodeMove(&raw)
				if err != nil || m.step != 1337 {
					b.Fatal(m, err)
				}
			}
		})
	}
}

type byHand struct {
	from string
	step int
}

func decodeMove(p *msg.Payload) (*byHand, error) {
	m := &byHand{}
	var few [4][]byte
	list := codec.Elements(few[:0], p.Format, p.Args)
	if err := codec.Unmarshal(p.Format, list[0], &m.from); err != nil {
		return nil, err
	}
	var err error
	codec.Entries(p.Format, p.Kwargs, func(key, value []byte) bool {
		if string(key) == "step" {
			err = codec.Unmarshal(p.Format, value, &m.step)
		}
		return true
	})
	return m, err
}

// Binding a struct of two fields costs two allocations: the struct, and the
// text in it.
func TestBindAllocations(t *testing.T) {
	type move struct {
		From string `wamp:"0"`
		Step int    `wamp:"step"`
	}
	for f := msg.JSON; f < msg.Formats; f++ {
		p := newPayload([]PayloadOption{In(move{"e2 to e4", 1337})})
		_, raw, err := p.encode(nil, f)
		if err != nil {
			t.Fatal(err)
		}
		pl := planOf(reflect.TypeFor[move]())
		n := testing.AllocsPerRun(100, func() {
			if _, err := decodeStruct[move](pl, &raw, nil); err != nil {
				t.Error(err)
			}
		})
		if n > 2 {
			t.Errorf("%v: %v allocations", f, n)
		}
	}
}
