// Command bench compares Wampeter's router with others and with a floor, on
// one machine, in the same minutes. README.md says how to run it and how to
// read what it prints.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wampeter/wampeter/bench/clients"
	"github.com/wampeter/wampeter/bench/natsload"
	"github.com/wampeter/wampeter/bench/relay"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	// The harness starts itself for what has to be a process of its own.
	switch name, args := subcommand(); name {
	case "pin":
		err = pin(args)
	case "relay":
		err = serveRelay(ctx, args)
	case "nats-server":
		err = serveNATS(ctx, args)
	case "nats-load":
		err = loadNATS(ctx, args)
	case "caller", "callee":
		err = runClient(ctx, name, args)
	default:
		err = compare(ctx)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// subcommand is the part that a process of the harness plays; none is the
// harness itself.
func subcommand() (string, []string) {
	if len(os.Args) > 2 && os.Args[1] == "as" {
		return os.Args[2], os.Args[3:]
	}
	return "", nil
}

// as is the command line of another process of the harness.
func as(name string, args ...string) []string {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	return append([]string{exe, "as", name}, args...)
}

func serveRelay(ctx context.Context, args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { l.Close() })
	err = relay.Serve(l, relay.Flush(args[1]))
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func serveNATS(ctx context.Context, args []string) error {
	host, port, err := net.SplitHostPort(args[0])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	return natsload.Serve(ctx, host, n)
}

// loadNATS takes the flags of `wampeter bench` as far as a scenario has them.
func loadNATS(ctx context.Context, args []string) error {
	c := natsload.Config{Scenario: args[0]}
	f := flag.NewFlagSet("nats-load", flag.ContinueOnError)
	f.StringVar(&c.URL, "url", "", "")
	f.IntVar(&c.Clients, "clients", 0, "")
	f.IntVar(&c.Window, "window", 0, "")
	f.IntVar(&c.Publishers, "publishers", 0, "")
	f.IntVar(&c.Topics, "topics", 0, "")
	f.IntVar(&c.Payload, "payload", 0, "")
	f.Float64Var(&c.Rate, "rate", 0, "")
	f.IntVar(&c.Results, "results", 0, "")
	f.String("kind", "", "") // octets are octets to NATS
	f.DurationVar(&c.Warmup, "warmup", 0, "")
	f.DurationVar(&c.Duration, "duration", 0, "")
	f.IntVar(&c.PID, "pid", 0, "")
	f.Bool("json", true, "")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	r, err := natsload.Run(ctx, c)
	if err != nil {
		return err
	}
	return writeJSON(os.Stdout, r)
}

// runClient is a process of a row of clients.
func runClient(ctx context.Context, role string, args []string) error {
	c := clients.Config{Callers: 64}
	f := flag.NewFlagSet(role, flag.ContinueOnError)
	f.StringVar(&c.Library, "library", "", "")
	f.StringVar(&c.URL, "url", "", "")
	f.StringVar(&c.Serializer, "serializer", "", "")
	f.DurationVar(&c.Warmup, "warmup", 0, "")
	f.DurationVar(&c.Duration, "duration", 0, "")
	f.IntVar(&c.CalleePID, "pid", 0, "")
	if err := f.Parse(args); err != nil {
		return err
	}
	if role == "callee" {
		return clients.Serve(ctx, c)
	}
	r, err := clients.Run(ctx, c)
	if err != nil {
		return err
	}
	return writeJSON(os.Stdout, r)
}

// options are the harness's flags.
type options struct {
	quick            bool
	rounds           int
	duration, warmup time.Duration
	rows, systems    []string
	wires            []string
	output           string
	chart            string
	dir              string // for files that live as long as the comparison
	routerCore       int
	generatorCore    int
	wampeter         string
	generator        string
	crossbar, fox    string
	added            []string
}

func (o *options) parse() error {
	list := func(into *[]string) func(string) error {
		return func(s string) error { *into = strings.Split(s, ","); return nil }
	}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&o.quick, "quick", false, "one short round of the main rows, on RawSocket with CBOR, without other WAMP routers, in under two minutes")
	f.IntVar(&o.rounds, "rounds", 5, "rounds; medians and spreads are over them")
	f.DurationVar(&o.duration, "duration", 400*time.Millisecond, "time to measure, per row and router in a round")
	f.DurationVar(&o.warmup, "warmup", 150*time.Millisecond, "time to warm up before")
	f.Func("rows", "comma-separated `names` of rows (default all; see README.md)", list(&o.rows))
	f.Func("systems", "comma-separated `names` among wampeter, relay, nats, crossbar, fox-wamp (default all)", list(&o.systems))
	f.Func("wires", "comma-separated `list` of transport/serializer (default each of raw and ws with each of cbor, msgpack and json)", list(&o.wires))
	f.StringVar(&o.output, "o", "", "`file` for the results as JSON")
	f.StringVar(&o.chart, "chart", "", "`file` for a chart of the ratios to the relay, as SVG")
	f.IntVar(&o.routerCore, "router-core", 0, "`core` for the routers")
	f.IntVar(&o.generatorCore, "generator-core", 1, "`core` for the generators")
	f.StringVar(&o.wampeter, "wampeter", "", "wampeter `binary` to measure (default: built from the parent folder)")
	f.StringVar(&o.generator, "generator", "", "`binary` whose bench command makes the load (default the one measured)")
	f.StringVar(&o.crossbar, "crossbar", "../.cache/interop/crossbar/bin/crossbar", "Crossbar.io's `command`")
	f.StringVar(&o.fox, "fox-wamp", "../.cache/interop/node", "`folder` with node_modules/fox-wamp")
	f.Func("add", "`name=url,pid` of a WAMP router that is already running; repeatable", func(s string) error {
		o.added = append(o.added, s)
		return nil
	})
	if err := f.Parse(os.Args[1:]); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if o.quick {
		set := make(map[string]bool)
		f.Visit(func(f *flag.Flag) { set[f.Name] = true })
		if !set["rounds"] {
			o.rounds = 1
		}
		if !set["duration"] {
			o.duration = 500 * time.Millisecond
		}
		if !set["warmup"] {
			o.warmup = 200 * time.Millisecond
		}
		if !set["wires"] {
			o.wires = []string{"raw/cbor"}
		}
		if !set["rows"] {
			o.rows = quickRows
		}
		if !set["systems"] {
			o.systems = []string{"wampeter", "relay", "nats"} // Crossbar.io alone takes a minute
		}
	}
	if len(o.wires) == 0 {
		o.wires = []string{"raw/cbor", "raw/msgpack", "raw/json", "ws/cbor", "ws/msgpack", "ws/json"}
	}
	if o.rounds < 1 {
		return fmt.Errorf("%d rounds are too few", o.rounds)
	}
	return nil
}
