package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A system is something that is measured.
type system struct {
	name string
	// wires are the combinations that it speaks; nil for a system with a
	// protocol of its own, which is measured once and stands beside all.
	wires []wire
	// ours says that a failure is a mistake of ours and ends the comparison.
	// Others' are noted.
	ours bool
	// running says that it is not ours to start, nor to start anew for a
	// measurement of memory.
	running bool
	start   func(ctx context.Context, variant string) (*instance, error)
}

// A wire is a transport, "raw" or "ws", and a serializer.
type wire struct{ transport, serializer string }

func (w wire) String() string { return w.transport + "/" + w.serializer }

// An instance is a system that runs.
type instance struct {
	pid   int
	urls  map[string]string // by transport; "" for a protocol of its own
	stop  func()
	alive func() error // says what the process said last if it has ended
}

// parseWires reads the flag of that name.
func parseWires(list []string) (wires []wire, err error) {
	for _, s := range list {
		transport, serializer, ok := strings.Cut(s, "/")
		if !ok || transport != "raw" && transport != "ws" || !slices.Contains([]string{"cbor", "msgpack", "json"}, serializer) {
			return nil, fmt.Errorf("wire %q, want raw or ws, a slash, and cbor, msgpack or json", s)
		}
		wires = append(wires, wire{transport, serializer})
	}
	return wires, nil
}

// errAbsent is why a system is left out.
type errAbsent struct{ why string }

func (e errAbsent) Error() string { return e.why }

// wampURLs are those of a router that takes both transports at one address.
func wampURLs(address string) map[string]string {
	return map[string]string{"raw": "tcp://" + address, "ws": "ws://" + address + "/ws"}
}

func (o *options) wampeterSystem(wires []wire) *system {
	return &system{name: "wampeter", wires: wires, ours: true, start: func(ctx context.Context, variant string) (*instance, error) {
		more, err := o.variant(variant)
		if err != nil {
			return nil, err
		}
		urls := wampURLs
		if variant == "tls" {
			urls = func(address string) map[string]string {
				return map[string]string{"raw": "tls://" + address, "ws": "wss://" + address + "/ws"}
			}
		}
		return o.startAt(ctx, rawSocket, urls, func(address string) []string {
			argv := []string{o.wampeter, "run", "--listen", address, "--log-level", "error"}
			if variant != "rules" {
				argv = append(argv, "--realm", "realm1")
			}
			return append(argv, more...)
		})
	}}
}

// relaySystem is one of the two relays. Serializers are all one to them.
func (o *options) relaySystem(flush string, wires []wire) *system {
	return &system{name: "relay-" + flush, wires: wires, ours: true, start: func(ctx context.Context, _ string) (*instance, error) {
		urls := func(address string) map[string]string {
			return map[string]string{"raw": "relay+tcp://" + address, "ws": "relay+ws://" + address + "/"}
		}
		return o.startAt(ctx, rawSocket, urls, func(address string) []string { return as("relay", address, flush) })
	}}
}

func (o *options) natsSystem() *system {
	return &system{name: "nats", ours: true, start: func(ctx context.Context, _ string) (*instance, error) {
		urls := func(address string) map[string]string { return map[string]string{"": "nats://" + address} }
		return o.startAt(ctx, nil, urls, func(address string) []string { return as("nats-server", address) })
	}}
}

// startAt starts a command that listens at a free address.
func (o *options) startAt(ctx context.Context, greeting []byte, urls func(string) map[string]string, command func(address string) []string) (*instance, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := start(o.routerCore, "", nil, command(address)...)
	if err != nil {
		return nil, err
	}
	if err := p.await(ctx, address, greeting); err != nil {
		p.stop()
		return nil, err
	}
	return &instance{pid: p.pid(), urls: urls(address), stop: p.stop, alive: p.alive}, nil
}

// crossbarSystem starts Crossbar.io with everything allowed to everybody.
func (o *options) crossbarSystem(wires []wire) *system {
	return &system{name: "crossbar", wires: wires, start: func(ctx context.Context, _ string) (*instance, error) {
		command, err := filepath.Abs(o.crossbar)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(command); err != nil {
			return nil, errAbsent{"not installed at " + o.crossbar}
		}
		dir, err := os.MkdirTemp("", "bench-crossbar-")
		if err != nil {
			return nil, err
		}
		in, err := o.startAt(ctx, rawSocket, wampURLs, func(address string) []string {
			config, err := crossbarConfig(address)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600)
			}
			if err != nil {
				return []string{"false"}
			}
			return []string{command, "start", "--cbdir", dir, "--loglevel", "warn"}
		})
		if err != nil {
			os.RemoveAll(dir)
			return nil, err
		}
		stop := in.stop
		in.stop = func() { stop(); os.RemoveAll(dir) }
		return in, nil
	}}
}

func crossbarConfig(address string) ([]byte, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	type dict = map[string]any
	serializers := []string{"json", "msgpack", "cbor"}
	return json.Marshal(dict{
		"version": 2,
		"workers": []any{dict{
			"type": "router",
			"realms": []any{dict{
				"name": "realm1",
				"roles": []any{dict{
					"name": "anonymous",
					"permissions": []any{dict{
						"uri": "", "match": "prefix",
						"allow": dict{"call": true, "register": true, "publish": true, "subscribe": true},
					}},
				}},
			}},
			"transports": []any{dict{
				"type":      "universal",
				"endpoint":  dict{"type": "tcp", "interface": host, "port": n, "backlog": 1024},
				"rawsocket": dict{"serializers": serializers},
				"websocket": dict{"ws": dict{"type": "websocket", "serializers": serializers}},
			}},
		}},
	})
}

// foxProgram starts fox-wamp's router, which speaks JSON over WebSocket. Its
// arguments come from the environment because the program is not in a file.
const foxProgram = `const Router = require('fox-wamp'); console.log = console.error
new Router().listenWAMP({ host: '127.0.0.1', port: Number(process.env.BENCH_PORT), path: '/ws' })`

func (o *options) foxSystem(wires []wire) *system {
	wires = slices.DeleteFunc(slices.Clone(wires), func(w wire) bool { return w != wire{"ws", "json"} })
	return &system{name: "fox-wamp", wires: wires, start: func(ctx context.Context, _ string) (*instance, error) {
		dir, err := filepath.Abs(o.fox)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(filepath.Join(dir, "node_modules", "fox-wamp")); err != nil {
			return nil, errAbsent{"not installed in " + o.fox}
		}
		if _, err := exec.LookPath("node"); err != nil {
			return nil, errAbsent{"node is not installed"}
		}
		if len(wires) == 0 {
			return nil, errAbsent{"speaks ws/json only"}
		}
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		p, err := start(o.routerCore, dir, []string{"BENCH_PORT=" + port}, "node", "-e", foxProgram)
		if err != nil {
			return nil, err
		}
		if err := p.await(ctx, address, nil); err != nil {
			p.stop()
			return nil, err
		}
		return &instance{pid: p.pid(), urls: wampURLs(address), stop: p.stop, alive: p.alive}, nil
	}}
}

// addedSystem is a router that was running before: name=url,pid.
func addedSystem(flag string, wires []wire) (*system, error) {
	name, rest, ok1 := strings.Cut(flag, "=")
	comma := strings.LastIndexByte(rest, ',')
	if !ok1 || comma < 0 {
		return nil, fmt.Errorf("--add %q, want name=url,pid", flag)
	}
	url := rest[:comma]
	pid, err := strconv.Atoi(rest[comma+1:])
	if err != nil {
		return nil, fmt.Errorf("--add %q: %w", flag, err)
	}
	transport := "raw"
	if strings.HasPrefix(url, "ws") {
		transport = "ws"
	}
	wires = slices.DeleteFunc(slices.Clone(wires), func(w wire) bool { return w.transport != transport })
	if len(wires) == 0 {
		return nil, fmt.Errorf("--add %q: no wire of --wires is of its transport", flag)
	}
	return &system{name: name, wires: wires, running: true, start: func(context.Context, string) (*instance, error) {
		return &instance{pid: pid, urls: map[string]string{transport: url}, stop: func() {}, alive: func() error { return nil }}, nil
	}}, nil
}

// selectSystems returns what is to be measured.
func (o *options) selectSystems(wires []wire) ([]*system, error) {
	var relayWires []wire // one per transport
	for _, w := range wires {
		if !slices.ContainsFunc(relayWires, func(r wire) bool { return r.transport == w.transport }) {
			relayWires = append(relayWires, wire{w.transport, "none"})
		}
	}
	known := []string{"wampeter", "relay", "nats", "crossbar", "fox-wamp"}
	wanted := func(name string) bool { return len(o.systems) == 0 || slices.Contains(o.systems, name) }
	for _, name := range o.systems {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no system %q, want some of %s", name, strings.Join(known, ", "))
		}
	}
	var all []*system
	if wanted("relay") {
		all = append(all, o.relaySystem("direct", relayWires), o.relaySystem("writer", relayWires))
	}
	if wanted("nats") {
		all = append(all, o.natsSystem())
	}
	if wanted("wampeter") {
		all = append(all, o.wampeterSystem(wires))
	}
	if wanted("crossbar") {
		all = append(all, o.crossbarSystem(wires))
	}
	if wanted("fox-wamp") {
		all = append(all, o.foxSystem(wires))
	}
	for _, flag := range o.added {
		s, err := addedSystem(flag, wires)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// build makes the wampeter binary from the parent folder, unless one is given.
func (o *options) build(ctx context.Context, dir string) error {
	if o.wampeter == "" {
		o.wampeter = filepath.Join(dir, "wampeter")
		cmd := exec.CommandContext(ctx, "go", "-C", "..", "build", "-o", o.wampeter, "./cmd/wampeter")
		if out, err := cmd.CombinedOutput(); err != nil {
			return errors.Join(fmt.Errorf("building wampeter: %w", err), errors.New(string(out)))
		}
	}
	if o.generator == "" {
		o.generator = o.wampeter
	}
	for _, path := range []*string{&o.wampeter, &o.generator} {
		abs, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = abs
	}
	return nil
}
