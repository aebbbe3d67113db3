//go:build interop && unix

package interop

import (
	"path/filepath"
	"slices"
	"testing"
)

// The transports, by what their URLs are for.
const (
	webSocket = "ws"
	rawSocket = "tcp"
	rawUnix   = "unix"
)

// The serializers, as the subprotocols call them.
const (
	jsonFormat = "json"
	msgpack    = "msgpack"
	cbor       = "cbor"
)

// maker is a WAMP client library, and what it does differently from the rest.
type maker struct {
	name string
	join func(t *testing.T, c client, url string) (peer, error)

	// program is how its peer is started; nil for our own.
	program func(*tools) []string

	// formats are the serializers that it has, by transport.
	formats map[string][]string

	// bytesAsText: in JSON it leaves bytes what they are there, U+0000 and
	// base64, and takes them in that form only.
	bytesAsText bool

	// doubles: its language's numbers hold no integers beyond 2^53.
	doubles bool

	// floats are the serializers in which it sends integers from 2^53 on as
	// floating point numbers, of equal value.
	floats []string

	// alwaysExcluded: it cannot send exclude_me: false.
	alwaysExcluded bool

	// silentLeave: it does not tell with which reason the router answered.
	silentLeave bool

	// cancelMode is how it cancels calls; "" is without a mode.
	cancelMode string

	// uninterrupted: as a callee it knows no INTERRUPT, and does not announce
	// call_canceling.
	uninterrupted bool

	// neverAsks: it has no option disclose_me.
	neverAsks bool

	// lacks are the features, by the names in features_test.go, that it has not
	// as caller or publisher ("/active") or as callee or subscriber ("/passive").
	lacks []string
}

var everyFormat = []string{jsonFormat, msgpack, cbor}

// ours is the client of this repository.
var ours = &maker{
	name:        "wampeter",
	join:        joinNative,
	formats:     map[string][]string{webSocket: everyFormat, rawSocket: everyFormat, rawUnix: everyFormat},
	silentLeave: true,
	cancelMode:  "kill",
}

var (
	asyncio = &maker{
		name:    "autobahn-asyncio",
		join:    joinForeign,
		program: python("autobahn_asyncio.py"),
		formats: map[string][]string{webSocket: everyFormat, rawSocket: everyFormat, rawUnix: everyFormat},

		neverAsks: true,
		lacks:     autobahnPythonLacks,
	}

	twisted = &maker{
		name:    "autobahn-twisted",
		join:    joinForeign,
		program: python("autobahn_twisted.py"),
		formats: map[string][]string{webSocket: everyFormat, rawSocket: everyFormat, rawUnix: everyFormat},

		neverAsks: true,
		lacks:     autobahnPythonLacks,
	}

	autobahnJS = &maker{
		name:    "autobahn-js",
		join:    joinForeign,
		program: node("autobahn_js.mjs"),
		formats: map[string][]string{
			webSocket: everyFormat,
			rawSocket: {jsonFormat}, // the only one that its RawSocket knows
			rawUnix:   {jsonFormat},
		},
		bytesAsText: true,
		doubles:     true,
		floats:      []string{msgpack, cbor},

		// After CANCEL with another mode it takes the router's answer, which has
		// to come, for a violation of the protocol, and ends its own session.
		cancelMode:    "kill",
		uninterrupted: true,
	}

	wampy = &maker{
		name:           "wampy.js",
		join:           joinForeign,
		program:        node("wampy.mjs"),
		formats:        map[string][]string{webSocket: everyFormat},
		bytesAsText:    true,
		doubles:        true,
		floats:         []string{msgpack, cbor},
		alwaysExcluded: true,
		silentLeave:    true,
		cancelMode:     "killnowait",
		uninterrupted:  true,

		lacks: []string{"retention/active"}, // it checks the option retain, and does not send it
	}

	// Autobahn|Python announces subscription_revocation, and takes the message
	// for a violation of the protocol.
	autobahnPythonLacks = []string{"subscription revocation/passive"}

	foreigners = []*maker{asyncio, twisted, autobahnJS, wampy}
)

func python(script string) func(*tools) []string {
	return func(env *tools) []string {
		return []string{env.python, "-W", "ignore", filepath.Join("python", script)}
	}
}

func node(script string) func(*tools) []string {
	return func(env *tools) []string {
		return []string{env.node, "--no-deprecation", filepath.Join(env.modules, script)}
	}
}

// client is a make on one transport with one serializer.
type client struct {
	*maker
	transport string
	format    string
}

// on returns a client of the make, which must have that combination.
func (m *maker) on(transport, format string) client {
	if !slices.Contains(m.formats[transport], format) {
		panic(m.name + " has no " + format + " on " + transport)
	}
	return client{m, transport, format}
}

// clients returns every combination that the make has.
func (m *maker) clients() []client {
	var all []client
	for _, transport := range []string{webSocket, rawSocket, rawUnix} {
		for _, format := range m.formats[transport] {
			all = append(all, client{m, transport, format})
		}
	}
	return all
}

func (c client) String() string { return c.name + "." + c.format + "." + c.transport }

// sees returns a payload as it looks to the client's user, who also has to
// hand it over in that form.
func (c client) sees(p payload) payload {
	if c.bytesAsText && c.format == jsonFormat {
		return p.each(asText)
	}
	return p.each(asIs)
}

// sendsFloats reports whether the client turns large integers into floating
// point numbers.
func (c client) sendsFloats() bool { return slices.Contains(c.floats, c.format) }

// pair is two clients that meet at a router.
type pair struct{ a, b client }

func (p pair) String() string { return p.a.String() + "+" + p.b.String() }

// partners cycles through the combinations of a make, so that over a list of
// clients all of them are met, and equal and different serializers as well.
func partners(m *maker) func() client {
	all := m.clients()
	i := 0
	return func() client {
		c := all[i%len(all)]
		i++
		return c
	}
}
