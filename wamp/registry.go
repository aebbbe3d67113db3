package wamp

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/wampeter/wampeter/internal/match"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// Registry collects procedures, event handlers and types of errors without any
// session. [Session.Use] puts all of it on a session, package app on each
// session that it opens, and several sessions may use one Registry.
//
// What is wrong with a definition is reported when it is made: each of the
// methods returns its error, and Err all of them, so that a program may define
// everything first and check once.
//
// Names are those that Session.Register and Session.Subscribe take, behind the
// prefix of the registry. With an empty name the name of the function is used,
// in snake_case: OnMessage is on_message; a function literal has no name, and is
// refused. Names that begin with "wamp." stay as they are, since they are
// those of the router.
//
// Registries can be mounted in others. What is defined in one after it was
// mounted counts too; a session has what was there when it used the registry.
// All methods may be called concurrently.
type Registry struct {
	prefix               string
	procedureDefaults    []RegisterOption
	subscriptionDefaults []SubscribeOption

	// Guarded by defining.
	procedures    []procedureEntry
	subscriptions []subscriptionEntry
	errors        *errorTable
	order         []URI // of errors, as they were defined
	mounts        []mount
	mountedIn     []mount
	names         map[definedName]definition // of all below, with the prefix
	errs          []error
}

// defining guards all registries: they refer to each other in both directions,
// and are changed while programs start.
var defining sync.Mutex

type procedureEntry struct {
	name    string // without prefix
	handler Handler
	options []RegisterOption
}

type subscriptionEntry struct {
	name    string
	handler EventHandler
	options []SubscribeOption
}

// mount is a registry in, or around, another one.
type mount struct {
	prefix   string
	registry *Registry
}

// definedName is what can be defined only once.
type definedName struct {
	kind  string
	match MatchPolicy
	uri   string
}

// definition is where that happened.
type definition struct {
	place string
	err   reflect.Type // of errors
}

// RegistryOption is an option of NewRegistry.
type RegistryOption interface{ applyRegistry(*Registry) }

type registryFunc func(*Registry)

func (f registryFunc) applyRegistry(r *Registry) { f(r) }

// ProcedureDefaults are options for each procedure of a registry, but not of
// those mounted in it. The options of a procedure come after them, and win.
func ProcedureDefaults(opts ...RegisterOption) RegistryOption {
	return registryFunc(func(r *Registry) { r.procedureDefaults = append(r.procedureDefaults, opts...) })
}

// SubscriptionDefaults are options for each event handler, likewise.
func SubscriptionDefaults(opts ...SubscribeOption) RegistryOption {
	return registryFunc(func(r *Registry) { r.subscriptionDefaults = append(r.subscriptionDefaults, opts...) })
}

// NewRegistry returns an empty registry, whose prefix comes before all its
// names, with a dot between them. The prefix may be empty.
func NewRegistry(prefix string, opts ...RegistryOption) *Registry {
	r := &Registry{prefix: strings.TrimSuffix(prefix, "."), names: make(map[definedName]definition)}
	if err := checkPrefix(r.prefix); err != nil {
		r.errs = append(r.errs, err)
	}
	for _, o := range opts {
		o.applyRegistry(r)
	}
	return r
}

func checkPrefix(prefix string) error {
	if prefix != "" && (strings.ContainsAny(prefix, "{}") || !uri.Valid([]byte(prefix), false)) {
		return fmt.Errorf("prefix %q is no URI", prefix)
	}
	return nil
}

// join puts prefixes before a name.
func join(parts ...string) string {
	name := parts[len(parts)-1]
	if strings.HasPrefix(name, "wamp.") {
		return name
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ".")
}

// Prefix returns the prefix given to NewRegistry.
func (r *Registry) Prefix() string { return r.prefix }

// Err returns everything that was wrong with definitions in the registry, and
// in those mounted in it; nil when nothing was.
func (r *Registry) Err() error {
	defining.Lock()
	defer defining.Unlock()
	return errors.Join(r.allErrors(nil)...)
}

func (r *Registry) allErrors(errs []error) []error {
	errs = append(errs, r.errs...)
	for _, m := range r.mounts {
		errs = m.registry.allErrors(errs)
	}
	return errs
}

// Register adds a procedure, as Session.Register would. A procedure can be
// there only once, since a session cannot register it twice.
func (r *Registry) Register(procedure string, h Handler, opts ...RegisterOption) error {
	return r.register(procedure, h, opts, caller())
}

func (r *Registry) register(procedure string, h Handler, opts []RegisterOption, place string) error {
	name, err := nameFor(procedure, h)
	if err != nil {
		return r.failed("register", procedure, err, place)
	}
	entry := procedureEntry{name, h, slices.Concat(r.procedureDefaults, opts)}
	var cfg registerConfig
	for _, o := range entry.options {
		o.applyRegister(&cfg)
	}
	p, err := r.check(name, h, &cfg.handlerConfig)
	if err != nil {
		return r.failed("register", name, err, place)
	}
	return r.define("register", name, definedName{"procedure", p.match, p.uri}, definition{place: place}, func() {
		r.procedures = append(r.procedures, entry)
	})
}

// Subscribe adds an event handler, as Session.Subscribe would.
func (r *Registry) Subscribe(topic string, h EventHandler, opts ...SubscribeOption) error {
	place := caller()
	name, err := nameFor(topic, h)
	if err != nil {
		return r.failed("subscribe", topic, err, place)
	}
	entry := subscriptionEntry{name, h, slices.Concat(r.subscriptionDefaults, opts)}
	var cfg subscribeConfig
	for _, o := range entry.options {
		o.applySubscribe(&cfg)
	}
	if _, err := r.check(name, h, &cfg.handlerConfig); err != nil {
		return r.failed("subscribe", name, err, place)
	}
	defining.Lock()
	defer defining.Unlock()
	r.subscriptions = append(r.subscriptions, entry)
	return nil
}

// check does what a session would do before it sends anything.
func (r *Registry) check(name string, h any, cfg *handlerConfig) (*pattern, error) {
	p, err := parsePattern(join(r.prefix, name), cfg.match, cfg.matchSet)
	if err != nil {
		return nil, err
	}
	if !match.Valid(msg.Match(p.match), []byte(p.uri), false) {
		return nil, fmt.Errorf("%q is no valid URI", p.uri)
	}
	if err := bind(h, p); err != nil {
		return nil, err
	}
	return p, cfg.checkLimits(1)
}

func (r *Registry) defineError(name URI, m *errorType) error {
	place := caller()
	full := join(r.prefix, string(name))
	if !uri.Valid([]byte(full), false) {
		return r.failed("define error", string(name), fmt.Errorf("%q is no valid URI", full), place)
	}
	defining.Lock()
	t, err := r.errors.with(name, m, true)
	defining.Unlock()
	if err != nil {
		return r.failed("define error", string(name), err, place)
	}
	return r.define("define error", string(name), definedName{kind: "error", uri: full}, definition{place, m.t}, func() {
		if r.errors == nil || r.errors.types[name] == nil {
			r.order = append(r.order, name)
		}
		r.errors = t
	})
}

// Mount makes all that is defined in sub, now or later, part of r. The prefixes
// add up: a name then is r's prefix, prefix, sub's prefix, and what it is in
// sub; those that are empty are left out. One registry may be mounted several
// times.
func (r *Registry) Mount(prefix string, sub *Registry) error {
	place := caller()
	prefix = strings.TrimSuffix(prefix, ".")
	if sub == nil {
		return r.failed("mount", prefix, errNoRegistry, place)
	}
	if err := checkPrefix(prefix); err != nil {
		return r.failed("mount", prefix, err, place)
	}
	err := func() error {
		defining.Lock()
		defer defining.Unlock()
		if sub.contains(r) {
			return errors.New("the registry would contain itself")
		}
		up := mount{prefix, r}
		for name, def := range sub.names {
			if err := r.clash(up.above(name), def); err != nil {
				return err
			}
		}
		for name, def := range sub.names {
			r.take(up.above(name), def)
		}
		r.mounts = append(r.mounts, mount{prefix, sub})
		sub.mountedIn = append(sub.mountedIn, up)
		return nil
	}()
	if err != nil {
		return r.failed("mount", prefix, err, place)
	}
	return nil
}

var errNoRegistry = errors.New("there is no registry")

func (r *Registry) contains(other *Registry) bool {
	return r == other || slices.ContainsFunc(r.mounts, func(m mount) bool { return m.registry.contains(other) })
}

// above returns what a name is in the registry around.
func (m mount) above(name definedName) definedName {
	name.uri = join(m.registry.prefix, m.prefix, name.uri)
	return name
}

// define takes a name, here and in all registries around, and calls add.
func (r *Registry) define(what, given string, name definedName, def definition, add func()) error {
	defining.Lock()
	err := r.clash(name, def)
	if err == nil {
		r.take(name, def)
		add()
	}
	defining.Unlock()
	if err != nil {
		return r.failed(what, given, err, def.place)
	}
	return nil
}

// clash reports that a name is taken. Errors of the same type may share one.
func (r *Registry) clash(name definedName, def definition) error {
	if other, taken := r.names[name]; taken && (def.err == nil || def.err != other.err) {
		return fmt.Errorf("%s %s is defined already, at %s", name.kind, name.uri, other.place)
	}
	for _, m := range r.mountedIn {
		if err := m.registry.clash(m.above(name), def); err != nil {
			return err
		}
	}
	return nil
}

func (r *Registry) take(name definedName, def definition) {
	r.names[name] = def
	for _, m := range r.mountedIn {
		m.registry.take(m.above(name), def)
	}
}

// failed records what is wrong with a definition.
func (r *Registry) failed(what, name string, err error, place string) error {
	err = fmt.Errorf("%s: %s %s: %w", place, what, name, err)
	defining.Lock()
	defer defining.Unlock()
	r.errs = append(r.errs, err)
	return err
}

// caller returns where the code outside this package is that makes a
// definition.
func caller() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, packagePath+".") || strings.HasSuffix(f.File, "_test.go") {
			return fmt.Sprintf("%s:%d", f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line)
		}
		if !more {
			return "unknown place"
		}
	}
}

var packagePath = reflect.TypeFor[Registry]().PkgPath()
