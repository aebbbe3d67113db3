package loadgen

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Report is what a run measured. Its JSON form is meant for programs; times
// are in the units that their names say.
type Report struct {
	Scenario   string  `json:"scenario"`
	URL        string  `json:"url"`
	Serializer string  `json:"serializer"`
	Unit       string  `json:"unit"` // of operations: "call", "result", "event" or "session"
	Clients    int     `json:"clients"`
	Window     int     `json:"window,omitempty"`
	Payload    int     `json:"payload"`
	Operations int64   `json:"operations"`
	Seconds    float64 `json:"seconds"`
	PerSecond  float64 `json:"per_second"`

	// Steps are those of the scenario "connections".
	Steps []Step `json:"steps,omitempty"`

	// Errors counts calls answered by ERROR, FirstError being the first of
	// them; Lost counts deliveries that did not arrive.
	Errors     int64  `json:"errors"`
	FirstError string `json:"first_error,omitempty"`
	Lost       int64  `json:"lost"`

	// Router is nil unless Config.PID was given.
	Router *RouterUsage `json:"router,omitempty"`
	// GeneratorMicros is the generator's own CPU time per operation, -1 where
	// the system does not tell.
	GeneratorMicros float64 `json:"generator_cpu_us"`
	// Latency is nil where it would say nothing: an event's is measured only at
	// a given rate. A session's is the time to connect and join.
	Latency *Latency `json:"latency,omitempty"`
}

// RouterUsage is what the router's process and its descendants used.
type RouterUsage struct {
	// CPUMicros is CPU time per operation, CPUShare the part of one core that
	// was in use.
	CPUMicros float64 `json:"cpu_us"`
	CPUShare  float64 `json:"cpu_share"`
	// RSS and PSS are octets of memory at the end, the latter with shared pages
	// divided among the processes that share them; PSSBefore is from before
	// the measurement.
	RSS       int64 `json:"rss"`
	PSS       int64 `json:"pss"`
	PSSBefore int64 `json:"pss_before"`
	// BytesPerSession is the growth of PSS per idle session, 0 in scenarios
	// other than "idle".
	BytesPerSession float64 `json:"bytes_per_session,omitempty"`
}

// table writes the steps for a person to read.
func (r *Report) table(t io.Writer) {
	per := "µs of the router's CPU time"
	if r.Router == nil {
		per = "µs"
	}
	fmt.Fprintf(t, "\t%s for each\n", per)
	fmt.Fprintln(t, "sessions\tsubscriptions\tjoin\tsubscribe\tregister\tpublish\tcall\tleave\tPSS")
	for _, s := range r.Steps {
		fmt.Fprintf(t, "%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.0f MiB\n",
			s.Sessions, s.Items, s.Join, s.Subscribe, s.Register, s.Publish, s.Call, s.Leave, mebi(s.PSS))
	}
}

// Latency is a distribution in microseconds.
type Latency struct {
	Mean float64 `json:"mean_us"`
	P50  float64 `json:"p50_us"`
	P90  float64 `json:"p90_us"`
	P99  float64 `json:"p99_us"`
	P999 float64 `json:"p999_us"`
	Max  float64 `json:"max_us"`
}

// report makes the report of what happened between two snapshots. The workers
// have ended, or record no latencies.
func (r *run) report(s Scenario, before, after snapshot) *Report {
	n := after.operations - before.operations
	elapsed := after.at.Sub(before.at)
	per := float64(max(n, 1))
	rep := &Report{
		Scenario: s.Name, URL: r.URL, Serializer: r.target.wire.name(), Unit: s.Unit,
		Clients: r.Clients, Window: r.Window, Payload: max(r.Payload, 0),
		Operations: n, Seconds: elapsed.Seconds(), PerSecond: float64(n) / elapsed.Seconds(),
		GeneratorMicros: -1,
	}
	if own := after.own - before.own; after.own >= 0 {
		rep.GeneratorMicros = micros(own) / per
	}
	if r.PID != 0 {
		cpu := after.router.cpu - before.router.cpu
		rep.Router = &RouterUsage{
			CPUMicros: micros(cpu) / per, CPUShare: cpu.Seconds() / elapsed.Seconds(),
			RSS: after.router.rss, PSS: after.router.pss, PSSBefore: before.router.pss,
		}
	}
	r.refused.mu.Lock()
	rep.Errors, rep.FirstError = r.refused.count, r.refused.first
	r.refused.mu.Unlock()
	if r.flow != nil {
		rep.Lost = r.flow.lost.Load()
	}
	all := newHistogram()
	for _, w := range r.workers {
		if w.latency != nil {
			all.Merge(w.latency)
		}
	}
	if all.TotalCount() > 0 {
		rep.Latency = latencyOf(all)
	}
	return rep
}

func latencyOf(h *hdrhistogram.Histogram) *Latency {
	at := func(q float64) float64 { return micros(time.Duration(h.ValueAtQuantile(q))) }
	return &Latency{
		Mean: h.Mean() / 1e3, P50: at(50), P90: at(90), P99: at(99), P999: at(99.9),
		Max: micros(time.Duration(h.Max())),
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// WriteJSON writes the report as one indented JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteText writes the report for a person to read.
func (r *Report) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "scenario\t%s: %d clients, window %d, payload %d, %s\n", r.Scenario, r.Clients, r.Window, r.Payload, r.Serializer)
	fmt.Fprintf(t, "router\t%s\n", r.URL)
	fmt.Fprintf(t, "%ss\t%d in %.2f s, %.0f/s\n", r.Unit, r.Operations, r.Seconds, r.PerSecond)
	if r.Errors > 0 {
		fmt.Fprintf(t, "errors\t%d, the first: %s\n", r.Errors, r.FirstError)
	}
	if r.Lost > 0 {
		fmt.Fprintf(t, "lost\t%d deliveries\n", r.Lost)
	}
	if len(r.Steps) > 0 {
		r.table(t)
	}
	if l := r.Latency; l != nil {
		fmt.Fprintf(t, "latency\tmean %.0f µs, 50%% %.0f, 90%% %.0f, 99%% %.0f, 99.9%% %.0f, max %.0f\n", l.Mean, l.P50, l.P90, l.P99, l.P999, l.Max)
	}
	if u := r.Router; u != nil {
		fmt.Fprintf(t, "router CPU\t%.2f µs per %s, %.0f %% of a core\n", u.CPUMicros, r.Unit, 100*u.CPUShare)
		fmt.Fprintf(t, "router memory\tPSS %.1f MiB, RSS %.1f MiB\n", mebi(u.PSS), mebi(u.RSS))
		if u.BytesPerSession != 0 {
			fmt.Fprintf(t, "per session\t%.1f KiB\n", u.BytesPerSession/1024)
		}
	}
	if r.GeneratorMicros >= 0 {
		fmt.Fprintf(t, "generator CPU\t%.2f µs per %s\n", r.GeneratorMicros, r.Unit)
	}
	return t.Flush()
}

func mebi(n int64) float64 { return float64(n) / (1 << 20) }
