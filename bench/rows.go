package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A row is one line of the table: a load, and what Wampeter wants to cost under
// it. Targets are ratios, 0 where there is none.
type row struct {
	name, title string
	unit        string // what the cost is per
	scenario    string // of `wampeter bench`
	args        map[string]string
	memory      bool // the cost is octets of memory, not CPU time
	toRelay     float64
	toNATS      float64
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

var rows = []row{
	{"call", "one call at a time", "call", "call", load(1, 1, 0, 0, 32), false, 1.1, 1.0},
	{"callers", "64 callers, one call each", "call", "callers", load(64, 1, 0, 0, 32), false, 1.3, 0.65},
	{"pipeline", "8 callers with 32 calls each", "call", "pipeline", load(8, 32, 0, 0, 32), false, 2.2, 0.6},
	{"fanout", "fan-out to 50", "event", "fanout", load(50, 64, 1, 1, 32), false, 1.7, 1.0},
	{"fanout-1k", "fan-out to 50, 1 KiB", "event", "fanout", load(50, 64, 1, 1, 1024), false, 1.7, 1.0},
	{"fanout-1000", "fan-out to 1,000", "event", "fanout", load(1000, 64, 1, 1, 32), false, 1.7, 1.0},
	{"paced", "fan-out to 50, 200 events a second", "event", "paced", with(load(50, 1, 1, 1, 32), "rate", "200"), false, 1.3, 0.8},
	{"topics", "1,000 topics, 4 publishers, 50 subscribers", "event", "topics", load(50, 128, 4, 1000, 32), false, 1.35, 0.85},
	{"large", "1 MiB each way", "call", "large", load(1, 1, 0, 0, 1<<20), false, 1.3, 1.0},
	{"join", "join and leave", "session", "join", load(4, 0, 0, 0, 0), false, 1.25, 0.5},
	{"idle", "memory of an idle session (10,000)", "session", "idle", load(10_000, 0, 0, 0, 0), true, 0, 0.3},
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
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, fmt.Errorf("no row %q, want some of %s", n, strings.Join(known, ", "))
		}
	}
	return selected, nil
}
