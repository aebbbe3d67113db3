//go:build interop && unix

package interop

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// env is where the programs are.
var env *tools

// passed and failed count what check ran.
var passed, failed atomic.Int64

// met are the pairs of clients that went through all steps, by router.
var met meetings

type meetings struct {
	mu    sync.Mutex
	seen  map[string]bool
	parts map[string]bool // that makes took in advanced features
}

// took notes a part that a make took in a feature.
func (m *meetings) took(part string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.parts == nil {
		m.parts = make(map[string]bool)
	}
	m.parts[part] = true
}

func (m *meetings) add(r server, p pair) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil {
		m.seen = make(map[string]bool)
	}
	m.seen[r.name+" "+p.a.String()] = true
	m.seen[r.name+" "+p.b.String()] = true
}

// missing are the combinations that this package stands for and that did not
// take place: every foreign client at our router, and ours at every other.
func (m *meetings) missing() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	had := m.parts
	var missing []string
	expect := func(router string, clients ...client) {
		for _, c := range clients {
			if place := router + " " + c.String(); !m.seen[place] {
				missing = append(missing, place)
			}
		}
	}
	for _, foreigner := range foreigners {
		expect("wampeter", foreigner.clients()...)
	}
	expect("wampeter", ours.clients()...)
	expect("crossbar", ours.clients()...)
	expect("fox-wamp", ours.on(webSocket, jsonFormat))
	expect("serverwamp", ours.on(webSocket, jsonFormat), ours.on(webSocket, msgpack))
	for _, m := range slices.Concat(foreigners, []*maker{ours}) {
		for _, part := range m.parts() {
			if !had[part] {
				missing = append(missing, part)
			}
		}
	}
	return missing
}

// check runs a subtest, counts it, and reports whether it passed.
func check(t *testing.T, name string, f func(t *testing.T)) bool {
	t.Helper()
	ok := t.Run(name, f)
	if ok {
		passed.Add(1)
	} else {
		failed.Add(1)
	}
	return ok
}

func TestMain(m *testing.M) {
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	var err error
	if env, err = prepare(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "interop: cannot run:\n%v\n", err)
		os.Exit(1)
	}
	code := m.Run()
	everything := flag.Lookup("test.run").Value.String()+flag.Lookup("test.skip").Value.String() == ""
	if everything && code == 0 {
		if missing := met.missing(); len(missing) > 0 {
			fmt.Fprintf(os.Stderr, "interop: never took place:\n%s\n", strings.Join(missing, "\n"))
			code = 1
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintf(os.Stderr, "interop: %v\n", err)
		code = 1
	}
	fmt.Printf("interop: %d passed, %d failed\n", passed.Load(), failed.Load())
	os.Exit(code)
}

// TestRouter lets every foreign client, on each of its transports and with each
// of its serializers, meet our own client and clients of other makes at our
// router.
func TestRouter(t *testing.T) {
	t.Parallel()
	r := startWampeter(t, env.wampeter)
	partner := partners(ours)
	for _, foreigner := range foreigners {
		for _, c := range foreigner.clients() {
			meetAs(t, r, pair{c, partner()})
		}
	}
	for _, p := range []pair{
		{asyncio.on(rawSocket, msgpack), autobahnJS.on(webSocket, jsonFormat)},
		{twisted.on(webSocket, cbor), wampy.on(webSocket, msgpack)},
		{asyncio.on(rawUnix, jsonFormat), twisted.on(rawSocket, msgpack)},
		{autobahnJS.on(webSocket, cbor), wampy.on(webSocket, jsonFormat)},
		{autobahnJS.on(rawSocket, jsonFormat), twisted.on(rawUnix, cbor)},
		{wampy.on(webSocket, cbor), asyncio.on(webSocket, cbor)},
		{autobahnJS.on(webSocket, msgpack), asyncio.on(webSocket, jsonFormat)},
	} {
		meetAs(t, r, p)
	}
}

// TestCrossbar lets our client meet others, and itself, at Crossbar.io. It takes
// wampy.js in JSON only: in CBOR wampy.js sends identifiers as floating point
// numbers, in MessagePack options that are undefined, and Crossbar.io closes.
func TestCrossbar(t *testing.T) {
	t.Parallel()
	r := startCrossbar(t)
	for _, p := range []pair{
		{ours.on(webSocket, jsonFormat), asyncio.on(rawSocket, msgpack)},
		{ours.on(webSocket, msgpack), autobahnJS.on(webSocket, jsonFormat)},
		{ours.on(webSocket, cbor), twisted.on(webSocket, jsonFormat)},
		{ours.on(rawSocket, jsonFormat), wampy.on(webSocket, jsonFormat)},
		{ours.on(rawSocket, msgpack), ours.on(rawSocket, cbor)},
		{ours.on(rawUnix, cbor), asyncio.on(rawUnix, cbor)},
		{ours.on(rawUnix, jsonFormat), ours.on(rawUnix, msgpack)},
	} {
		meetAs(t, r, p)
	}
}

// TestFoxWAMP lets our client meet others, and itself, at fox-wamp. It sends null
// for absent keyword arguments, which ends Autobahn|Python's session, so
// autobahn-js and wampy.js are the others.
func TestFoxWAMP(t *testing.T) {
	t.Parallel()
	r := startFoxWAMP(t)
	for _, c := range []client{
		ours.on(webSocket, jsonFormat),
		autobahnJS.on(webSocket, jsonFormat),
		wampy.on(webSocket, jsonFormat),
	} {
		meetAs(t, r, pair{ours.on(webSocket, jsonFormat), c})
	}
}

func meetAs(t *testing.T, r server, p pair) {
	t.Helper()
	t.Run(p.String(), func(t *testing.T) {
		t.Parallel()
		meet(t, r, p)
	})
}
