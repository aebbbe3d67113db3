package main

import (
	"strings"
	"testing"
)

func TestSpread(t *testing.T) {
	tests := []struct {
		values []float64
		want   spread
	}{
		{nil, spread{}},
		{[]float64{2}, spread{2, 2, 2, 1}},
		{[]float64{4, 1}, spread{2.5, 1, 4, 2}},
		{[]float64{5, 1, 2}, spread{2, 1, 5, 3}},
	}
	for _, test := range tests {
		if got := spreadOf(test.values); got != test.want {
			t.Errorf("%v: got %+v, want %+v", test.values, got, test.want)
		}
	}
}

// Ratios are formed within a round, to the relay on the same transport.
func TestLines(t *testing.T) {
	c := &comparison{floor: map[string]string{"pipelineraw": "relay-direct", "pipelinews": "relay-writer"}}
	for round, scale := range []float64{1, 10, 100} {
		for _, s := range []sample{
			{System: "nats", Cost: 4},
			{System: "relay-direct", Transport: "raw", Cost: 1}, {System: "relay-writer", Transport: "raw", Cost: 3},
			{System: "relay-writer", Transport: "ws", Cost: 2},
			{System: "wampeter", Transport: "raw", Serializer: "cbor", Cost: 2}, {System: "wampeter", Transport: "ws", Serializer: "json", Cost: 6},
		} {
			s.Row, s.Round, s.Cost = "pipeline", round, s.Cost*scale
			c.samples = append(c.samples, s)
		}
	}
	r := row{name: "pipeline", toRelay: 2, toNATS: 1}
	raw, ws := c.line(r, "wampeter", wire{"raw", "cbor"}), c.line(r, "wampeter", wire{"ws", "json"})
	if want := (spread{2, 2, 2, 3}); raw.ToRelay != want || raw.Missed {
		t.Errorf("on RawSocket %+v, want a ratio of 2 that does not miss", raw)
	}
	if want := (spread{3, 3, 3, 3}); ws.ToRelay != want || !ws.Missed {
		t.Errorf("on WebSocket %+v, want a ratio of 3 that misses", ws)
	}
	if want := (spread{0.5, 0.5, 0.5, 3}); raw.ToNATS != want {
		t.Errorf("to nats-server %+v, want %+v", raw.ToNATS, want)
	}
	if want := (spread{20, 2, 200, 3}); raw.Cost != want {
		t.Errorf("cost %+v, want %+v", raw.Cost, want)
	}
}

func TestWires(t *testing.T) {
	if got, err := parseWires([]string{"raw/cbor", "ws/json"}); err != nil || len(got) != 2 || got[1] != (wire{"ws", "json"}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, s := range []string{"", "raw", "raw/xml", "tls/cbor"} {
		if _, err := parseWires([]string{s}); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

func TestSelection(t *testing.T) {
	if got, err := selectRows([]string{"fanout", "call"}); err != nil || len(got) != 2 || got[0].name != "call" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := selectRows([]string{"none"}); err == nil || !strings.Contains(err.Error(), "pipeline") {
		t.Errorf("error %v, want one that names the rows", err)
	}
	o := &options{systems: []string{"nats"}, added: []string{"mine=ws://127.0.0.1:9000/ws,4711"}}
	wires := []wire{{"raw", "cbor"}, {"ws", "json"}, {"ws", "cbor"}}
	got, err := o.selectSystems(wires)
	if err != nil || len(got) != 2 || got[1].name != "mine" || len(got[1].wires) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"mine", "mine=url", "mine=tcp://h:1,x", "mine=tcp://h:1,-"} {
		o := &options{systems: []string{"nats"}, added: []string{bad}}
		if _, err := o.selectSystems(wires); err == nil {
			t.Errorf("--add %q was accepted", bad)
		}
	}
	if _, err := (&options{systems: []string{"none"}}).selectSystems(wires); err == nil {
		t.Error("an unknown system was accepted")
	}
}
