package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A row is one line of the table: a load, and what Wampeter wants to cost under
// it. Targets are ratios, 0 where there is none.
type row struct {
	name, title string
	unit        string // what the cost is per
	scenario    string // of `wampeter bench`
	args        map[string]string
	least       time.Duration // to measure, at least

	kind kind
	from string // the row whose samples these are, with another kind of cost

	// wires are those that the row is for; nil: all. alone leaves out all
	// systems but Wampeter. binary has payloads of bytes where the serializer
	// knows them.
	wires   []wire
	alone   bool
	binary  bool
	variant string // how Wampeter is started for this row: see variants

	// base is the row that costs are compared with, on the same system and wire.
	base string

	toRelay, toRelayJSON float64 // the second one for JSON, when it is another one
	toNATS, toNATSJSON   float64
	toBase               float64
	kib                  map[string]float64 // at most so many KiB, by transport
}

// A kind is what the cost of a row is.
type kind int

const (
	cpu    kind = iota // µs of CPU time per operation
	memory             // octets per session
	p99                // µs of latency that one in a hundred operations exceeds
	worst              // µs of latency of the slowest
	caller             // µs of CPU time of the caller's process per call
	callee             // the same of the callee's
)

// cost is what a report says of it.
func (k kind) cost(r *report) float64 {
	switch {
	case k == memory:
		return r.Router.BytesPerSession
	case k == caller:
		return r.Generator
	case k == p99 && r.Latency != nil:
		return r.Latency.P99
	case k == worst && r.Latency != nil:
		return r.Latency.Max
	}
	return r.Router.CPUMicros
}

// what says what the cost of r is.
func (r *row) what() string {
	switch r.kind {
	case memory:
		return "KiB per session"
	case p99:
		return "µs of latency, 99th percentile"
	case worst:
		return "µs of latency, maximum"
	case caller:
		return "µs of CPU of the caller's process per call"
	case callee:
		return "µs of CPU of the callee's process per call"
	}
	return "µs of CPU per " + r.unit
}

// targets returns the row's targets on a wire.
func (r *row) targets(w wire) (toRelay, toNATS float64) {
	toRelay, toNATS = r.toRelay, r.toNATS
	if w.serializer == "json" && r.toRelayJSON > 0 {
		toRelay, toNATS = r.toRelayJSON, r.toNATSJSON
	}
	return toRelay, toNATS
}

// on reports whether a system takes part on a wire.
func (r *row) on(s *system, w wire) bool {
	ours := s.name == "wampeter" || s.running
	switch {
	case r.from != "", !ours && r.alone, s.name != "wampeter" && r.variant != "":
		return false
	case r.scenario == clientScenario && s.name != "wampeter" && s.name != "nats":
		return false
	case s.name == "nats" && r.toNATS == 0:
		return false // there is nothing to compare with
	}
	if r.wires == nil || w == (wire{}) {
		return true
	}
	return slices.ContainsFunc(r.wires, func(x wire) bool {
		return x == w || isRelay(s.name) && x.transport == w.transport
	})
}

// relaySerializer is the one whose sizes of messages the relay gets: CBOR's, if the
// row is for that.
func (r *row) relaySerializer() string {
	if r.wires == nil || slices.ContainsFunc(r.wires, func(w wire) bool { return w.serializer == "cbor" }) {
		return "cbor"
	}
	return r.wires[0].serializer
}

// load makes the flags of a scenario, for both generators. Neither is left to
// its own defaults.
func load(clients, window, publishers, topics, payload int) map[string]string {
	args := make(map[string]string)
	for name, n := range map[string]int{
		"clients": clients, "window": window, "publishers": publishers, "topics": topics, "payload": payload,
	} {
		if n > 0 {
			args[name] = strconv.Itoa(n)
		}
	}
	return args
}

func with(args map[string]string, name, value string) map[string]string {
	args[name] = value
	return args
}

// mainWires are those of rows that would take long on all, and say the same.
var mainWires = []wire{{"raw", "cbor"}, {"ws", "json"}}

// clientWires are those of rows that measure client libraries.
var clientWires = []wire{{"raw", "cbor"}, {"raw", "json"}, {"ws", "json"}}

var rows = []row{
	{name: "call", title: "one call at a time", unit: "call", scenario: "call", args: load(1, 1, 0, 0, 32), toRelay: 1.1, toNATS: 1.0},
	{name: "callers", title: "64 callers, one call each", unit: "call", scenario: "callers", args: load(64, 1, 0, 0, 32), toRelay: 1.3, toNATS: 0.65},
	{name: "pipeline", title: "8 callers with 32 calls each", unit: "call", scenario: "pipeline", args: load(8, 32, 0, 0, 32), toRelay: 2.2, toNATS: 0.6},
	{name: "rules", title: "8 callers with 32 calls each, 100 rules", unit: "call", scenario: "pipeline", args: load(8, 32, 0, 0, 32), wires: mainWires, variant: "rules", base: "pipeline", toBase: 1.1},
	{name: "pipeline-1k", title: "8 callers with 32 calls each, 1 KiB", unit: "call", scenario: "pipeline", args: load(8, 32, 0, 0, 1024), wires: []wire{{"raw", "json"}, {"ws", "json"}}, alone: true},
	{name: "transcode", title: "JSON callers and a CBOR callee, 1 KiB", unit: "call", scenario: "pipeline", args: with(load(8, 32, 0, 0, 1024), "peer-serializer", "cbor"), wires: []wire{{"raw", "json"}, {"ws", "json"}}, alone: true, base: "pipeline-1k", toBase: 2},
	{name: "progress", title: "10,000 progressive results of one call", unit: "result", scenario: "progress", args: with(load(1, 1, 0, 0, 32), "results", "10000"), toRelay: 4, toNATS: 1.0},
	{name: "fanout", title: "fan-out to 50", unit: "event", scenario: "fanout", args: load(50, 64, 1, 1, 32), toRelay: 1.7, toNATS: 1.0},
	{name: "fanout-1k", title: "fan-out to 50, 1 KiB", unit: "event", scenario: "fanout", args: load(50, 64, 1, 1, 1024), toRelay: 1.7, toNATS: 1.0},
	{name: "fanout-1000", title: "fan-out to 1,000", unit: "event", scenario: "fanout", least: time.Second, args: load(1000, 16, 1, 1, 32), toRelay: 1.7, toNATS: 1.0},
	{name: "fanout-1000-1k", title: "fan-out to 1,000, 1 KiB", unit: "event", scenario: "fanout", least: time.Second, args: load(1000, 16, 1, 1, 1024), toRelay: 1.7, toNATS: 1.0},
	{name: "paced", title: "fan-out to 50, 200 events a second", unit: "event", scenario: "paced", args: with(load(50, 1, 1, 1, 32), "rate", "200"), toRelay: 1.3, toNATS: 0.8},
	{name: "topics", title: "1,000 topics, 4 publishers, 50 subscribers", unit: "event", scenario: "topics", args: load(50, 128, 4, 1000, 32), toRelay: 1.35, toNATS: 0.85},
	{name: "patterns-2", title: "one subscriber, 2 patterns of others", unit: "event", scenario: "patterns", args: with(load(1, 64, 1, 1, 32), "patterns", "2"), wires: mainWires, alone: true},
	{name: "patterns-10k", title: "one subscriber, 10,000 patterns of others", unit: "event", scenario: "patterns", args: with(load(1, 64, 1, 1, 32), "patterns", "10000"), wires: mainWires, alone: true, base: "patterns-2", toBase: 1.2},
	{name: "patterns-100k", title: "one subscriber, 100,000 patterns of others", unit: "event", scenario: "patterns", args: with(load(1, 64, 1, 1, 32), "patterns", "100000"), wires: mainWires[:1], alone: true, base: "patterns-2", toBase: 1.2},
	{name: "deflate", title: "fan-out to 50, 1 KiB, compressed, once per event", unit: "event", scenario: "fanout", args: with(load(50, 64, 1, 1, 1024), "compress", "true"), wires: mainWires[1:], variant: "deflate", base: "fanout-1k", toBase: 1.0},
	{name: "large", title: "1 MiB each way, bytes or in JSON one string", unit: "call", scenario: "large", args: load(1, 1, 0, 0, 1<<20), binary: true, toRelay: 1.3, toNATS: 1.0, toRelayJSON: 1.6},
	{name: "records", title: "1 MiB each way, records", unit: "call", scenario: "large", args: with(load(1, 1, 0, 0, 1<<20), "kind", "records"), wires: []wire{{"raw", "json"}, {"ws", "json"}}, toRelay: 4},
	{name: "firehose", title: "beside a firehose: 99th percentile of latency", unit: "call", scenario: "firehose", args: with(load(1, 1000, 0, 0, 32), "rate", "100"), least: 3 * time.Second, wires: mainWires, kind: p99, toRelay: 1.5},
	{name: "firehose-max", title: "beside a firehose: maximum of latency", unit: "call", from: "firehose", kind: worst, toRelay: 1.5},
	{name: "flood", title: "beside a flood of events: 99th percentile of latency", unit: "call", scenario: "flood", args: with(load(1, 5000, 1, 0, 32), "rate", "100"), least: 3 * time.Second, wires: mainWires, kind: p99, toRelay: 1.5},
	{name: "flood-max", title: "beside a flood of events: maximum of latency", unit: "call", from: "flood", kind: worst, toRelay: 1.5},
	{name: "caller", title: "a typed call, 64 at a time, by the client library", unit: "call", scenario: clientScenario, wires: clientWires, kind: caller, toNATS: 1.0},
	{name: "callee", title: "a typed procedure, called so", unit: "call", from: "caller", kind: callee, toNATS: 1.0},
	{name: "join", title: "join and leave", unit: "session", scenario: "join", args: load(4, 0, 0, 0, 0), toRelay: 1.25, toNATS: 0.5},
	{name: "idle", title: "memory of an idle session (10,000)", unit: "session", scenario: "idle", args: load(10_000, 0, 0, 0, 0), kind: memory, toNATS: 0.3, kib: map[string]float64{"raw": 8, "ws": 10}},
	{name: "idle-tls", title: "memory of an idle session with TLS (10,000)", unit: "session", scenario: "idle", args: with(load(10_000, 0, 0, 0, 0), "insecure", "true"), kind: memory, wires: mainWires[:1], variant: "tls"},
}

// quickRows are those that --quick runs.
var quickRows = []string{"call", "callers", "pipeline", "fanout", "topics", "join", "idle"}

// selectRows returns the named rows in the table's order, all when there are
// no names.
func selectRows(names []string) ([]row, error) {
	if len(names) == 0 {
		return rows, nil
	}
	var known []string
	var selected []row
	for _, r := range rows {
		known = append(known, r.name)
		if slices.Contains(names, r.name) {
			selected = append(selected, r)
		}
	}
	// What a row is compared with, or taken from, has to be measured too.
	for _, r := range selected {
		for _, needed := range []string{r.base, r.from} {
			if needed != "" && !slices.Contains(names, needed) {
				return selectRows(append([]string{needed}, names...))
			}
		}
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, fmt.Errorf("no row %q, want some of %s", n, strings.Join(known, ", "))
		}
	}
	return selected, nil
}
