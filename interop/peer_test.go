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
	// who returns the session's id and authid.
	who() (session uint64, authid string)

	// register serves uri, and reports every invocation.
	register(uri string, as behaviour, o dict) error
	unregister(uri string) error

	// call returns the result, and reports progressive ones before. begin
	// starts a call that end returns the outcome of.
	call(uri string, p payload, o dict) (payload, error)
	begin(uri string, p payload, o dict) error
	cancel(uri, mode string) error
	end(uri string) (payload, error)

	// subscribe reports every event of uri.
	subscribe(uri string, o dict) error
	unsubscribe(uri string) error
	publish(uri string, p payload, o dict) error

	// received returns the next report.
	received() (arrival, error)

	// leave ends the session, ended waits until the router has; both return the
	// reason that the router gave.
	leave() (string, error)
	ended() (string, error)
}

// dict is options, by the names that they have in messages.
type dict = map[string]any

// behaviour is what a peer does when a procedure of it is called.
type behaviour string

const (
	echo     behaviour = "echo"     // answers with what it got
	fail     behaviour = "fail"     // answers with an error that carries it
	progress behaviour = "progress" // sends each argument by itself, then answers like echo
	wait     behaviour = "wait"     // does not answer until it is interrupted, which it reports
)

// arrival is what reached a peer: an invocation, an event, a progressive result
// or an interrupt.
type arrival struct {
	kind    string // "invocation", "event", "progress" or "interrupted"
	uri     string // that was registered, subscribed to or called
	details dict
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
	identity struct {
		Session    uint64 `json:"session"`
		AuthID     string `json:"authid"`
		AuthRole   string `json:"authrole"`
		AuthMethod string `json:"authmethod"`
	}
}

// answer is one line of the protocol from the program: an answer to a command
// or a report.
type answer struct {
	OK     json.RawMessage `json:"ok"`
	Error  *refusal        `json:"error"`
	Broken string          `json:"broken"`

	Invocation  string `json:"invocation"`
	Event       string `json:"event"`
	Progress    string `json:"progress"`
	Interrupted string `json:"interrupted"`
}

// report returns what the line reports, but for its payload and details.
func (a *answer) report() arrival {
	switch {
	case a.Invocation != "":
		return arrival{kind: "invocation", uri: a.Invocation}
	case a.Event != "":
		return arrival{kind: "event", uri: a.Event}
	case a.Progress != "":
		return arrival{kind: "progress", uri: a.Progress}
	case a.Interrupted != "":
		return arrival{kind: "interrupted", uri: a.Interrupted}
	}
	return arrival{}
}

type command struct {
	Do         string `json:"do"`
	URL        string `json:"url,omitempty"`
	Realm      string `json:"realm,omitempty"`
	Serializer string `json:"serializer,omitempty"`
	Auth       *proof `json:"auth,omitempty"`
	CA         string `json:"ca,omitempty"` // file of the authority that vouches for a TLS server
	URI        string `json:"uri,omitempty"`

	As      behaviour `json:"as,omitempty"`
	Mode    string    `json:"mode,omitempty"`
	Options dict      `json:"options"`
	payload
}

// joinForeign starts the program of a make and lets it join.
func joinForeign(t *testing.T, c client, url string) (peer, error) {
	t.Helper()
	f, err := joinForeignAs(t, c, command{URL: url, Realm: realm})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// joinForeignAs starts the program of a make and lets it join as join says.
func joinForeignAs(t *testing.T, c client, join command) (*foreign, error) {
	t.Helper()
	argv := c.program(env)
	f := &foreign{
		process:  start(t, argv[0], argv[1:]...),
		answers:  make(chan answer, 1),
		arrivals: make(chan arrival, 64),
	}
	go f.read()
	join.Do, join.Serializer = "join", c.format
	if err := f.do(join, &f.identity); err != nil {
		return nil, fmt.Errorf("join %s: %w", join.URL, err)
	}
	return f, nil
}

// read sorts the program's lines until there are no more.
func (f *foreign) read() {
	defer close(f.answers)
	for line := range f.lines {
		var a answer
		err := json.Unmarshal([]byte(line), &a)
		if err != nil {
			f.note("not of the line protocol: " + line)
			continue
		}
		report := a.report()
		if report.kind == "" {
			f.answers <- a
			continue
		}
		if err := json.Unmarshal([]byte(line), &report.payload); err != nil {
			f.note(err.Error())
			continue
		}
		if report.details, err = readDetails([]byte(line)); err != nil {
			f.note(err.Error())
			continue
		}
		f.arrivals <- report
	}
}

// do lets the program carry out a command and reads its answer into result.
func (f *foreign) do(c command, result any) error {
	c.payload = c.toLine()
	if c.Options == nil {
		c.Options = dict{}
	}
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

func (f *foreign) who() (uint64, string) { return f.identity.Session, f.identity.AuthID }

func (f *foreign) register(uri string, as behaviour, o dict) error {
	return f.do(command{Do: "register", URI: uri, As: as, Options: o}, nil)
}

func (f *foreign) unregister(uri string) error {
	return f.do(command{Do: "unregister", URI: uri}, nil)
}

func (f *foreign) call(uri string, p payload, o dict) (payload, error) {
	var result payload
	err := f.do(command{Do: "call", URI: uri, Options: o, payload: p}, &result)
	return result, err
}

func (f *foreign) begin(uri string, p payload, o dict) error {
	return f.do(command{Do: "begin", URI: uri, Options: o, payload: p}, nil)
}

func (f *foreign) cancel(uri, mode string) error {
	return f.do(command{Do: "cancel", URI: uri, Mode: mode}, nil)
}

func (f *foreign) end(uri string) (payload, error) {
	var result payload
	err := f.do(command{Do: "end", URI: uri}, &result)
	return result, err
}

// stream calls with each argument as input of its own, where the make can.
func (f *foreign) stream(uri string, p payload) (payload, error) {
	var result payload
	err := f.do(command{Do: "stream", URI: uri, payload: p}, &result)
	return result, err
}

func (f *foreign) subscribe(uri string, o dict) error {
	return f.do(command{Do: "subscribe", URI: uri, Options: o}, nil)
}

func (f *foreign) unsubscribe(uri string) error {
	return f.do(command{Do: "unsubscribe", URI: uri}, nil)
}

func (f *foreign) publish(uri string, p payload, o dict) error {
	var published struct {
		Publication uint64 `json:"publication"`
	}
	if err := f.do(command{Do: "publish", URI: uri, Options: o, payload: p}, &published); err != nil {
		return err
	}
	if o["acknowledge"] == true && (published.Publication == 0 || published.Publication > 1<<53) {
		return fmt.Errorf("publication id %d", published.Publication)
	}
	return nil
}

func (f *foreign) received() (arrival, error) { return next(f.arrivals) }

func (f *foreign) leave() (string, error) { return f.farewell("leave") }

func (f *foreign) ended() (string, error) { return f.farewell("ended") }

func (f *foreign) farewell(do string) (string, error) {
	var left struct {
		Reason string `json:"reason"`
	}
	err := f.do(command{Do: do}, &left)
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
