package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// compare is the harness.
func compare(ctx context.Context) error {
	var o options
	if err := o.parse(); err != nil {
		return err
	}
	if runtime.GOOS != "linux" {
		return errors.New("the harness pins processes and reads their CPU time, and does that on Linux only")
	}
	if n := runtime.NumCPU(); n < 2 && o.routerCore != o.generatorCore {
		return errors.New("the harness needs two cores: one for the router, one for the generator")
	}
	selected, err := selectRows(o.rows)
	if err != nil {
		return err
	}
	wires, err := parseWires(o.wires)
	if err != nil {
		return err
	}
	systems, err := o.selectSystems(wires)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o.dir = dir
	if err := o.build(ctx, dir); err != nil {
		return err
	}
	c := &comparison{options: &o, wires: wires, instances: make(map[*system]*instance), floor: make(map[string]string)}
	defer c.stopAll()
	for _, s := range systems {
		in, err := s.start(ctx, "")
		if err != nil {
			// Others may be absent; what is ours has to start.
			var absent errAbsent
			if s.ours || !errors.As(err, &absent) {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Printf("%s is left out: %v\n", s.name, err)
			continue
		}
		c.systems = append(c.systems, s)
		c.instances[s] = in
	}
	// Memory first, while nothing else has grown the processes.
	slices.SortStableFunc(selected, func(a, b row) int { return memoryFirst(a) - memoryFirst(b) })
	if err := c.run(ctx, selected); err != nil && (ctx.Err() == nil || len(c.samples) == 0) {
		return err
	}
	// An interrupted comparison reports what it has.
	return c.report(selected)
}

// run measures all selected rows, over and over.
func (c *comparison) run(ctx context.Context, selected []row) error {
	began := time.Now()
	for round := range c.rounds {
		for _, r := range selected {
			if err := c.measure(ctx, round, r); err != nil {
				return err
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d done, %v\n", round+1, c.rounds, time.Since(began).Round(time.Second))
	}
	return nil
}

func memoryFirst(r row) int {
	if r.kind == memory {
		return 0
	}
	return 1
}

// A comparison holds what runs and what has been measured.
type comparison struct {
	*options
	wires     []wire
	systems   []*system
	instances map[*system]*instance
	samples   []sample
	// floor is the relay that was cheaper in the first round, by row and
	// transport: the one that goes on being measured.
	floor map[string]string
}

// A sample is one measurement.
type sample struct {
	Row        string  `json:"row"`
	System     string  `json:"system"`
	Transport  string  `json:"transport,omitempty"`
	Serializer string  `json:"serializer,omitempty"`
	Round      int     `json:"round"`
	Cost       float64 `json:"cost"` // µs of CPU per operation, or octets per session
	Report     *report `json:"report"`
}

// measure takes one sample of a row from each system on each of its wires. Memory,
// which hardly differs, and routers of others take long: they have one round.
func (c *comparison) measure(ctx context.Context, round int, r row) error {
	if r.from != "" || r.kind == memory && round > 0 {
		return nil
	}
	for _, s := range c.systems {
		wires := s.wires
		if wires == nil {
			wires = []wire{{}}
		}
		if !s.ours && !s.running && round > 0 {
			continue // they are slow, and far away
		}
		for _, w := range wires {
			if !r.on(s, w) {
				continue
			}
			if f := c.floor[r.name+w.transport]; isRelay(s.name) && f != "" && f != s.name {
				continue
			}
			if r.kind == memory && w.serializer != firstSerializer(wires, w.transport) {
				continue // an idle session has none
			}
			if err := c.sample(ctx, round, r, s, w); err != nil {
				return err
			}
		}
	}
	for _, w := range c.wires {
		if key := r.name + w.transport; c.floor[key] == "" {
			c.floor[key] = c.cheaperRelay(r, w.transport)
			for _, derived := range rows {
				if derived.from == r.name {
					c.floor[derived.name+w.transport] = c.floor[key]
				}
			}
		}
	}
	return nil
}

func firstSerializer(wires []wire, transport string) string {
	for _, w := range wires {
		if w.transport == transport {
			return w.serializer
		}
	}
	return ""
}

func isRelay(name string) bool { return name == "relay-direct" || name == "relay-writer" }

// cheaperRelay is the name of the relay that cost less so far.
func (c *comparison) cheaperRelay(r row, transport string) string {
	name, cost := "", 0.0
	for _, s := range c.samples {
		if s.Row == r.name && s.Transport == transport && isRelay(s.System) && (name == "" || s.Cost < cost) {
			name, cost = s.System, s.Cost
		}
	}
	return name
}

// sample runs a generator against a system. A failure of somebody else's
// router is noted, and a process of theirs that has ended is started again.
func (c *comparison) sample(ctx context.Context, round int, r row, s *system, w wire) error {
	in := c.instances[s]
	fresh := (r.kind == memory || r.variant != "") && !s.running
	if fresh {
		var err error
		if in, err = s.start(ctx, r.variant); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		defer in.stop()
	}
	if r.scenario == clientScenario {
		return c.sampleClients(ctx, round, r, s, w, in)
	}
	argv := []string{c.generator, "bench", r.scenario, "--serializer", w.serializer}
	if s.wires == nil {
		argv = as("nats-load", r.scenario)
	} else if isRelay(s.name) {
		argv[4] = r.relaySerializer()
	}
	argv = append(argv, "--url", in.urls[w.transport], "--pid", strconv.Itoa(in.pid), "--json")
	for _, name := range slices.Sorted(maps.Keys(r.args)) {
		argv = append(argv, "--"+name+"="+r.args[name])
	}
	if r.binary && w.serializer != "json" {
		argv = append(argv, "--kind=binary")
	}
	duration := max(c.duration, r.least)
	if r.kind == memory {
		duration = max(duration, 2*time.Second) // collectors need a moment
	}
	argv = append(argv, "--duration", duration.String(), "--warmup", c.warmup.String())
	rep, err := generate(ctx, c.generatorCore, argv)
	if err == nil && rep.Operations == 0 {
		// A machine that is busy with something else, once, spoils no comparison.
		rep, err = generate(ctx, c.generatorCore, argv)
	}
	if err == nil && rep.Operations == 0 {
		err = fmt.Errorf("nothing was done, %d errors: %s", rep.Errors, rep.FirstError)
	}
	if err != nil {
		ended := in.alive()
		err = fmt.Errorf("%s, %s %s: %w", r.name, s.name, w, errors.Join(err, ended))
		if ctx.Err() != nil || s.ours {
			return err
		}
		fmt.Fprintln(os.Stderr, err)
		if ended == nil || fresh {
			return nil
		}
		c.instances[s], err = s.start(ctx, "")
		return err
	}
	c.keep(round, r, s, w, rep)
	return nil
}

// clientScenario is that of rows which measure client libraries: Router is the
// callee's process then, and the generator the caller's.
const clientScenario = "clients"

// sampleClients has a caller's process call a callee's, by s.
func (c *comparison) sampleClients(ctx context.Context, round int, r row, s *system, w wire, in *instance) error {
	library := "wamp"
	if s.wires == nil {
		library = "nats"
	}
	args := []string{"--library", library, "--url", in.urls[w.transport], "--serializer", w.serializer}
	callee, err := start(c.generatorCore, "", nil, as("callee", args...)...)
	if err != nil {
		return err
	}
	defer callee.stop()
	args = append(args, "--pid", strconv.Itoa(callee.pid()), "--duration", c.duration.String(), "--warmup", c.warmup.String())
	rep, err := generate(ctx, c.generatorCore, as("caller", args...))
	if err != nil {
		return fmt.Errorf("%s, %s %s: %w", r.name, s.name, w, errors.Join(err, callee.alive()))
	}
	c.keep(round, r, s, w, rep)
	return nil
}

// keep notes what was measured.
func (c *comparison) keep(round int, r row, s *system, w wire, rep *report) {
	one := sample{Row: r.name, System: s.name, Transport: w.transport, Serializer: w.serializer, Round: round, Cost: r.kind.cost(rep), Report: rep}
	if isRelay(s.name) {
		one.Serializer = ""
	}
	c.samples = append(c.samples, one)
	for _, derived := range rows {
		if derived.from == r.name {
			also := one
			also.Row, also.Cost = derived.name, derived.kind.cost(rep)
			c.samples = append(c.samples, also)
		}
	}
	fmt.Fprintf(os.Stderr, "  %-12s %-12s %-11s %s\n", r.name, s.name, w, formatCost(r, one.Cost))
}

func (c *comparison) stopAll() {
	for _, in := range c.instances {
		in.stop()
	}
}
