package wamp

import (
	"fmt"
	"reflect"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// ErrorDefiner is where DefineError puts its mapping: a *Session or a
// *Registry.
type ErrorDefiner interface {
	defineError(name URI, m *errorType) error
}

// DefineError makes the error type E and a URI stand for each other, in both
// directions, for a session or for all that use a registry (whose prefix then
// comes before the URI).
//
// A procedure that returns an E, also one wrapped by another error, answers
// with that URI. Its payload are the fields of E that have wamp tags, as [In]
// has it; a struct without tags is sent as its text, any other type as the one
// positional argument. Of an event handler, [Dialer.OnError] hears an *Error
// with that URI.
//
// A call that fails with that URI returns an *Error as ever, which wraps an E
// made of the payload:
//
//	type Insufficient struct {
//		Missing int `wamp:"missing"`
//	}
//
//	func (e *Insufficient) Error() string { return fmt.Sprint("missing ", e.Missing) }
//
//	err := wamp.DefineError[*Insufficient](s, "com.example.error.insufficient")
//	…
//	var poor *Insufficient
//	if errors.As(err, &poor) { … }
//
// Where the payload does not fit E, there is just the *Error. It is a mistake,
// and an error here, to give two types the same URI, or one type two URIs.
func DefineError[E error](to ErrorDefiner, name URI) error {
	t := reflect.TypeFor[E]()
	m := &errorType{t: t, plan: planOf(t)}
	m.text = m.plan.shape != shapeStruct && isStruct(t)
	switch {
	case t.Kind() == reflect.Interface:
		return fmt.Errorf("define error %s: %v is an interface: a type of error is needed", name, t)
	case t == reflect.TypeFor[*Error](), t == reflect.TypeFor[URI](), t == reflect.TypeFor[*ClosedError]():
		return fmt.Errorf("define error %s: %v has a URI already", name, t)
	case t.Kind() == reflect.Pointer && !isStruct(t):
		return fmt.Errorf("define error %s: %v is a pointer to something else than a struct", name, t)
	case m.plan.err != nil:
		return fmt.Errorf("define error %s: %w", name, m.plan.err)
	}
	m.decode = func(p *msg.Payload) (error, error) {
		if m.text {
			return zeroOf[E](t), nil
		}
		return decodeResult[E](&incoming{Payload: *p}, 0)
	}
	return to.defineError(name, m)
}

func isStruct(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}

// zeroOf returns an E without content that is not nil.
func zeroOf[E error](t reflect.Type) (e E) {
	if t.Kind() == reflect.Pointer {
		e = reflect.New(t.Elem()).Interface().(E)
	}
	return e
}

// errorType is a type of Go that stands for a URI.
type errorType struct {
	t      reflect.Type
	plan   *plan
	text   bool // its payload is its text
	decode func(*msg.Payload) (error, error)
}

// payload returns what err, which is of the type, sends.
func (m *errorType) payload(err error) Payload {
	if m.text {
		return Payload{args: Args{err.Error()}}
	}
	return Payload{in: err, single: m.plan.shape == shapeValue}
}

// errorTable is which types of errors stand for which URIs. It is not changed
// once it is in use.
type errorTable struct {
	types map[URI]*errorType
	uris  map[reflect.Type]URI
}

// with returns a table with one more entry. Where strict is not set, a type may
// have several URIs, the first of which is the one that it is sent as.
func (t *errorTable) with(name URI, m *errorType, strict bool) (*errorTable, error) {
	next := &errorTable{types: map[URI]*errorType{name: m}, uris: map[reflect.Type]URI{m.t: name}}
	if t == nil {
		return next, nil
	}
	for u, other := range t.types {
		if u == name && other.t != m.t {
			return nil, fmt.Errorf("the URI stands for %v already", other.t)
		}
		next.types[u] = other
	}
	for typ, u := range t.uris {
		if typ == m.t && u != name && strict {
			return nil, fmt.Errorf("%v stands for %s already", typ, u)
		}
		next.uris[typ] = u
	}
	return next, nil
}

// add adds the entries of other, by full names. They win over those of t.
func (t *errorTable) add(other *errorTable, prefix string) {
	if other == nil {
		return
	}
	for name, m := range other.types {
		t.types[URI(join(prefix, string(name)))] = m
	}
	for typ, name := range other.uris {
		t.uris[typ] = URI(join(prefix, string(name)))
	}
}

// raised finds what in the tree of err has a URI, outermost first: an *Error, a
// URI, or a type that one of the tables knows. nil when nothing has.
func raised(err error, tables ...*errorTable) *Error {
	switch e := err.(type) { //nolint:errorlint // this is the walk
	case nil:
		return nil
	case *Error:
		return e
	case URI:
		return &Error{URI: e}
	}
	for _, t := range tables {
		if t == nil {
			continue
		}
		if name, ok := t.uris[reflect.TypeOf(err)]; ok {
			return &Error{URI: name, cause: err, raw: t.types[name].payload(err)}
		}
	}
	switch e := err.(type) { //nolint:errorlint // likewise
	case interface{ Unwrap() error }:
		return raised(e.Unwrap(), tables...)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if found := raised(inner, tables...); found != nil {
				return found
			}
		}
	}
	return nil
}

// received makes the type that the URI stands for the cause of e.
func (t *errorTable) received(e *Error) {
	if t == nil {
		return
	}
	if m := t.types[e.URI]; m != nil {
		if err, mismatch := m.decode(e.raw.raw); mismatch == nil {
			e.cause = err
		}
	}
}

func (s *Session) defineError(name URI, m *errorType) error {
	if !uri.Valid([]byte(name), false) {
		return fmt.Errorf("define error %s: it is no valid URI", name)
	}
	err := s.addErrors(func(t *errorTable) (*errorTable, error) { return t.with(name, m, true) })
	if err != nil {
		return fmt.Errorf("define error %s: %w", name, err)
	}
	return nil
}

// addErrors replaces the session's table.
func (s *Session) addErrors(change func(*errorTable) (*errorTable, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := change(s.errors.Load())
	if err == nil {
		s.errors.Store(t)
	}
	return err
}
