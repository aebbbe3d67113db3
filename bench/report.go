package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/wampeter/wampeter/bench/natsload"
)

// voidAbove is the part of nats-server's cost at which the relay is no floor:
// something disturbed the run, or the relay is badly made.
const voidAbove = 0.4

// A spread is the median of some rounds with the least and the greatest.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Rounds int     `json:"rounds"`
}

func spreadOf(values []float64) (s spread) {
	if len(values) == 0 {
		return s
	}
	slices.Sort(values)
	n := len(values)
	return spread{Median: (values[(n-1)/2] + values[n/2]) / 2, Min: values[0], Max: values[n-1], Rounds: n}
}

// A line is what is printed of a row, a system and a wire.
type line struct {
	Row     string `json:"row"`
	System  string `json:"system"`
	Wire    string `json:"wire"`
	Unit    string `json:"unit"`
	Cost    spread `json:"cost"`
	ToRelay spread `json:"to_relay"` // ratios within each round
	ToNATS  spread `json:"to_nats"`
	ToBase  spread `json:"to_base"` // to the row that the target names
	Target  string `json:"target,omitempty"`
	Missed  bool   `json:"missed,omitempty"`
}

type result struct {
	Machine string   `json:"machine"`
	Go      string   `json:"go"`
	NATS    string   `json:"nats_server"`
	Void    bool     `json:"void"`
	Lines   []line   `json:"lines"`
	Samples []sample `json:"samples"`
}

// report prints the table and writes the file.
func (c *comparison) report(selected []row) error {
	res := result{
		Machine: fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cpuModel()),
		Go:      runtime.Version(), NATS: natsload.Version, Samples: c.samples,
	}
	for _, r := range selected {
		for _, s := range c.systems {
			if s.wires == nil {
				res.Lines = append(res.Lines, c.line(r, s.name, wire{}))
			}
		}
		for _, w := range c.wires {
			if firstSerializer(c.wires, w.transport) == w.serializer && c.floor[r.name+w.transport] != "" {
				res.Lines = append(res.Lines, c.line(r, c.floor[r.name+w.transport], wire{w.transport, ""}))
			}
			for _, s := range c.systems {
				if slices.Contains(s.wires, w) {
					res.Lines = append(res.Lines, c.line(r, s.name, w))
				}
			}
		}
	}
	res.Lines = slices.DeleteFunc(res.Lines, func(l line) bool { return l.Cost.Rounds == 0 })
	for _, l := range res.Lines {
		if l.Row == "pipeline" && isRelay(l.System) && l.Wire == "raw/" && l.ToNATS.Median > voidAbove {
			res.Void = true
		}
	}
	if err := c.print(os.Stdout, selected, res); err != nil {
		return err
	}
	err := create(c.output, func(w io.Writer) error { return writeJSON(w, res) })
	if err == nil {
		err = create(c.chart, func(w io.Writer) error { return writeChart(w, selected, res) })
	}
	return err
}

// create writes a file, unless there is no path.
func create(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// line collects a system's samples of a row on a wire, and their ratios to the
// relay on the same transport and to nats-server in the same rounds.
func (c *comparison) line(r row, system string, w wire) line {
	l := line{Row: r.name, System: system, Unit: r.unit, Wire: w.String()}
	if w == (wire{}) {
		l.Wire = "own"
	}
	var costs, toRelay, toNATS, toBase []float64
	for _, s := range c.samples {
		if s.Row != r.name || s.System != system || s.Transport != w.transport || s.Serializer != w.serializer {
			continue
		}
		costs = append(costs, s.Cost)
		for _, other := range c.samples {
			if other.Round != s.Round || other.Cost <= 0 {
				continue
			}
			if r.base != "" && other.Row == r.base && other.System == system && other.Transport == s.Transport && other.Serializer == s.Serializer {
				toBase = append(toBase, s.Cost/other.Cost)
			}
			if other.Row != r.name {
				continue
			}
			switch {
			case other.System == "nats":
				toNATS = append(toNATS, s.Cost/other.Cost)
			case isRelay(other.System) && other.System == c.floor[r.name+w.transport] && other.Transport == w.transport:
				toRelay = append(toRelay, s.Cost/other.Cost)
			}
		}
	}
	l.Cost, l.ToRelay, l.ToNATS, l.ToBase = spreadOf(costs), spreadOf(toRelay), spreadOf(toNATS), spreadOf(toBase)
	if system == "wampeter" {
		l.Target, l.Missed = judge(r, w, l)
	}
	return l
}

// judge compares with the row's targets. A row misses when the lower bound of
// its ratio lies above the target.
func judge(r row, w wire, l line) (string, bool) {
	var parts []string
	missed := false
	toRelay, toNATS := r.targets(w)
	for _, t := range []struct {
		of     string
		target float64
		got    spread
	}{{"relay", toRelay, l.ToRelay}, {"nats", toNATS, l.ToNATS}, {r.base, r.toBase, l.ToBase}} {
		if t.target > 0 && t.got.Rounds > 0 {
			parts = append(parts, fmt.Sprintf("≤ %g × %s", t.target, t.of))
			missed = missed || t.got.Min > t.target
		}
	}
	if kib := r.kib[w.transport]; kib > 0 {
		parts = append(parts, fmt.Sprintf("≤ %g KiB", kib))
		missed = missed || l.Cost.Min > kib*1024
	}
	return strings.Join(parts, ", "), missed
}

func (c *comparison) print(w io.Writer, selected []row, res result) error {
	fmt.Fprintf(w, "\n%s; %s; nats-server %s; %d rounds of %v\n", res.Machine, res.Go, res.NATS, c.rounds, c.duration)
	if res.Void {
		fmt.Fprintf(w, "THIS RUN IS VOID: the relay costs more than %g times nats-server for pipelined calls.\n", voidAbove)
	}
	for _, r := range selected {
		fmt.Fprintf(w, "\n%s: %s, %s\n", r.name, r.title, r.what())
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		base := ""
		if r.base != "" {
			base = "× " + r.base + "\t\t"
		}
		fmt.Fprintln(t, "  system\twire\tcost\t\t× relay\t\t× nats\t\t"+base)
		for _, l := range res.Lines {
			if l.Row != r.name {
				continue
			}
			verdict := ""
			if l.Target != "" {
				verdict = "target " + l.Target
				if l.Missed {
					verdict += ": MISSED"
				}
			}
			if r.base != "" {
				verdict = formatSpread(l.ToBase, formatRatio) + "\t" + verdict
			}
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\n", l.System, strings.TrimSuffix(l.Wire, "/"),
				formatSpread(l.Cost, func(v float64) string { return formatCost(r, v) }),
				formatSpread(l.ToRelay, formatRatio), formatSpread(l.ToNATS, formatRatio), verdict)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// formatSpread fills two columns: the median, and the range in brackets.
func formatSpread(s spread, format func(float64) string) string {
	switch s.Rounds {
	case 0:
		return "\t"
	case 1:
		return format(s.Median) + "\t"
	}
	return fmt.Sprintf("%s\t[%s, %s]", format(s.Median), format(s.Min), format(s.Max))
}

func formatRatio(v float64) string { return fmt.Sprintf("%.2f", v) }

func formatCost(r row, v float64) string {
	switch {
	case r.kind == memory:
		return fmt.Sprintf("%.1f", v/1024)
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// cpuModel is what the kernel calls the processor.
func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for l := range strings.Lines(string(b)) {
		if name, model, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return "unknown processor"
}
