//go:build interop && unix

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"
)

const (
	realm   = "realm1"
	refused = "com.example.error.refused"

	// patience is how long one operation may take; a peer's first one includes
	// the start of its interpreter, on a busy machine.
	patience = 30 * time.Second
)

// peer is a client that has joined the realm, of whichever make.
type peer interface {
	// register serves uri: with what it got, or, when it fails, with an error
	// that carries it. Every invocation is reported.
	register(uri string, fails bool) error
	unregister(uri string) error
	call(uri string, p payload) (payload, error)

	// subscribe reports every event of uri.
	subscribe(uri string) error
	unsubscribe(uri string) error
	publish(uri string, p payload, how publishing) error

	// received returns the next report.
	received() (arrival, error)

	// leave ends the session and returns the reason that the router gave.
	leave() (string, error)
}

// publishing is how an event is published.
type publishing struct {
	acknowledge bool
	includeMe   bool // exclude_me: false
}

// arrival is an invocation or an event that reached a peer.
type arrival struct {
	kind string // "invocation" or "event"
	uri  string
	payload
}

// refusal is an ERROR that a peer received.
type refusal struct {
	URI string `json:"uri"`
	payload
}

func (e *refusal) Error() string { return e.URI }

// UnmarshalJSON keeps the payload's own method from taking the whole.
func (e *refusal) UnmarshalJSON(data []byte) error {
	var uri struct {
		URI string `json:"uri"`
	}
	if err := json.Unmarshal(data, &uri); err != nil {
		return err
	}
	e.URI = uri.URI
	return json.Unmarshal(data, &e.payload)
}

// foreign is a peer of another make: a program that obeys the line protocol.
type foreign struct {
	*process
	answers  chan answer
	arrivals chan arrival
}

// answer is one line of the protocol from the program: an answer to a command
// or a report.
type answer struct {
	OK     json.RawMessage `json:"ok"`
	Error  *refusal        `json:"error"`
	Broken string          `json:"broken"`

	Invocation string `json:"invocation"`
	Event      string `json:"event"`
}

type command struct {
	Do         string `json:"do"`
	URL        string `json:"url,omitempty"`
	Realm      string `json:"realm,omitempty"`
	Serializer string `json:"serializer,omitempty"`
	URI        string `json:"uri,omitempty"`
	Fails      bool   `json:"fails"`

	Acknowledge bool `json:"acknowledge"`
	IncludeMe   bool `json:"include_me"`
	payload
}

// joinForeign starts the program of a make and lets it join.
func joinForeign(t *testing.T, c client, url string) (peer, error) {
	t.Helper()
	argv := c.program(env)
	f := &foreign{
		process:  start(t, argv[0], argv[1:]...),
		answers:  make(chan answer, 1),
		arrivals: make(chan arrival, 64),
	}
	go f.read()
	join := command{Do: "join", URL: url, Realm: realm, Serializer: c.format}
	if err := f.do(join, nil); err != nil {
		return nil, fmt.Errorf("join %s: %w", url, err)
	}
	return f, nil
}

// read sorts the program's lines until there are no more.
func (f *foreign) read() {
	defer close(f.answers)
	for line := range f.lines {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			f.note("not of the line protocol: " + line)
			continue
		}
		if a.Invocation == "" && a.Event == "" {
			f.answers <- a
			continue
		}
		report := arrival{kind: "invocation", uri: a.Invocation}
		if a.Event != "" {
			report = arrival{kind: "event", uri: a.Event}
		}
		if err := json.Unmarshal([]byte(line), &report.payload); err != nil {
			f.note(err.Error())
			continue
		}
		f.arrivals <- report
	}
}

// do lets the program carry out a command and reads its answer into result.
func (f *foreign) do(c command, result any) error {
	c.payload = c.toLine()
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := f.stdin.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s: %w: %s", c.Do, err, f.stderr())
	}
	select {
	case a, ok := <-f.answers:
		switch {
		case !ok:
			return fmt.Errorf("%s: the client ended", c.Do)
		case a.Broken != "":
			return fmt.Errorf("%s: %s", c.Do, a.Broken)
		case a.Error != nil:
			return a.Error
		case result != nil:
			return json.Unmarshal(a.OK, result)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s %s: no answer within %v", c.Do, c.URI, patience)
	}
}

func (f *foreign) register(uri string, fails bool) error {
	return f.do(command{Do: "register", URI: uri, Fails: fails}, nil)
}

func (f *foreign) unregister(uri string) error {
	return f.do(command{Do: "unregister", URI: uri}, nil)
}

func (f *foreign) call(uri string, p payload) (payload, error) {
	var result payload
	err := f.do(command{Do: "call", URI: uri, payload: p}, &result)
	return result, err
}

func (f *foreign) subscribe(uri string) error {
	return f.do(command{Do: "subscribe", URI: uri}, nil)
}

func (f *foreign) unsubscribe(uri string) error {
	return f.do(command{Do: "unsubscribe", URI: uri}, nil)
}

func (f *foreign) publish(uri string, p payload, how publishing) error {
	var published struct {
		Publication uint64 `json:"publication"`
	}
	c := command{
		Do: "publish", URI: uri, payload: p,
		Acknowledge: how.acknowledge, IncludeMe: how.includeMe,
	}
	if err := f.do(c, &published); err != nil {
		return err
	}
	if how.acknowledge && (published.Publication == 0 || published.Publication > 1<<53) {
		return fmt.Errorf("publication id %d", published.Publication)
	}
	return nil
}

func (f *foreign) received() (arrival, error) { return next(f.arrivals) }

func (f *foreign) leave() (string, error) {
	var left struct {
		Reason string `json:"reason"`
	}
	err := f.do(command{Do: "leave"}, &left)
	return left.Reason, err
}

func next(arrivals <-chan arrival) (arrival, error) {
	select {
	case a := <-arrivals:
		return a, nil
	case <-time.After(patience):
		return arrival{}, errors.New("nothing arrived within " + patience.String())
	}
}
