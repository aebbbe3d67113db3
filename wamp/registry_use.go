package wamp

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Installed is what Session.Use has put on a session, in order of definition.
type Installed struct {
	Registrations []*Registration
	Subscriptions []*Subscription

	s *Session // nil when there is nothing
}

// Use registers and subscribes everything that reg and the registries mounted
// in it define, procedures first, in the order of definition, and makes its
// types of errors known to the session. Requests are sent without waiting for
// each answer.
//
// The first error is returned, in the order of definition; what did succeed
// stays in place, and is in Installed in any case.
func (s *Session) Use(ctx context.Context, reg *Registry) (*Installed, error) {
	return s.UseUnder(ctx, "", reg)
}

// UseUnder is Use with a prefix before all names.
func (s *Session) UseUnder(ctx context.Context, prefix string, reg *Registry) (*Installed, error) {
	in := &Installed{s: s}
	if reg == nil {
		return in, errNoRegistry
	}
	prefix = strings.TrimSuffix(prefix, ".")
	if err := checkPrefix(prefix); err != nil {
		return in, err
	}
	if err := reg.Err(); err != nil {
		return in, err
	}
	all := reg.collect(prefix)
	err := s.addErrors(func(t *errorTable) (*errorTable, error) {
		var err error
		for _, e := range all.errors {
			if t, err = t.with(e.name, e.m, false); err != nil {
				return nil, fmt.Errorf("define error %s: %w", e.name, err)
			}
		}
		return t, nil
	})
	if err != nil {
		return in, err
	}
	in.Registrations, err = install(ctx, s, all.procedures, func(e *procedureEntry) (*Registration, *request, error) {
		return s.startRegister(ctx, e.name, e.handler, e.options)
	})
	if err != nil {
		return in, err
	}
	in.Subscriptions, err = install(ctx, s, all.subscriptions, func(e *subscriptionEntry) (*Subscription, *request, error) {
		return s.startSubscribe(ctx, e.name, e.handler, e.options)
	})
	return in, err
}

// maxUnderWay bounds the requests of Use that wait for their answers.
const maxUnderWay = 128

// install starts one request per entry, and returns the handles of those that
// succeeded. After an error no further one is started.
func install[E, H any](ctx context.Context, s *Session, entries []E, start func(*E) (H, *request, error)) ([]H, error) {
	var done []H
	var failed error
	var handles []H
	var waiting []*request
	next := func() {
		if err := s.wait(ctx, waiting[0]); err == nil {
			done = append(done, handles[0])
		} else if failed == nil {
			failed = err
		}
		handles, waiting = handles[1:], waiting[1:]
	}
	for i := range entries {
		if len(waiting) == maxUnderWay {
			next()
		}
		if failed != nil {
			break
		}
		h, r, err := start(&entries[i])
		if err != nil {
			for len(waiting) > 0 {
				next() // an earlier error comes first
			}
			if failed == nil {
				failed = err
			}
			break
		}
		handles, waiting = append(handles, h), append(waiting, r)
	}
	for len(waiting) > 0 {
		next()
	}
	return done, failed
}

// Remove unregisters and unsubscribes all of it, the last first. What is gone
// already is not an error.
func (in *Installed) Remove(ctx context.Context) error {
	subs, regs := slices.Clone(in.Subscriptions), slices.Clone(in.Registrations)
	slices.Reverse(subs)
	slices.Reverse(regs)
	return errors.Join(in.s.unsubscribe(ctx, subs), in.s.unregister(ctx, regs))
}

// collected is all that a registry stands for, by full names.
type collected struct {
	procedures    []procedureEntry
	subscriptions []subscriptionEntry
	errors        []collectedError
}

type collectedError struct {
	name URI
	m    *errorType
}

func (r *Registry) collect(prefix string) *collected {
	defining.Lock()
	defer defining.Unlock()
	c := &collected{}
	r.collectInto(c, prefix, nil)
	return c
}

// collectInto adds what r defines, under a prefix. Handlers answer with the
// error types of their own registry first, then those of the one around it.
func (r *Registry) collectInto(c *collected, prefix string, around *errorTable) {
	prefix = join(prefix, r.prefix, "")
	table := &errorTable{types: make(map[URI]*errorType), uris: make(map[reflect.Type]URI)}
	table.add(around, "")
	table.add(r.errors, prefix)
	for _, name := range r.order {
		c.errors = append(c.errors, collectedError{URI(join(prefix, string(name))), r.errors.types[name]})
	}
	scope := handlerFunc(func(cfg *handlerConfig) { cfg.errors = table })
	for _, e := range r.procedures {
		e.name = join(prefix, e.name)
		e.options = append(e.options[:len(e.options):len(e.options)], scope)
		c.procedures = append(c.procedures, e)
	}
	for _, e := range r.subscriptions {
		e.name = join(prefix, e.name)
		e.options = append(e.options[:len(e.options):len(e.options)], scope)
		c.subscriptions = append(c.subscriptions, e)
	}
	for _, m := range r.mounts {
		m.registry.collectInto(c, join(prefix, m.prefix, ""), table)
	}
}
