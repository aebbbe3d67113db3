package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Report says what a change of the configuration has done.
type Report struct {
	Changed []string `wamp:"changed"` // paths of what is different now
	Restart []string `wamp:"restart"` // of these, what takes effect only when the router is started anew
}

// Reread is Reload with what Options.Load returns. It is for a signal: the log
// says what came of it.
func (d *Daemon) Reread(ctx context.Context) (*Report, error) {
	report, err := d.reread(ctx)
	if err != nil {
		d.log.LogAttrs(ctx, slog.LevelError, "the configuration stays as it was", slog.Any("error", err))
		return nil, err
	}
	d.log.LogAttrs(ctx, slog.LevelInfo, "configuration read again", slog.Any("changed", report.Changed))
	if len(report.Restart) > 0 {
		d.log.LogAttrs(ctx, slog.LevelWarn, "some changes need a restart", slog.Any("keys", report.Restart))
	}
	return report, nil
}

func (d *Daemon) reread(ctx context.Context) (*Report, error) {
	if d.opts.Load == nil {
		return nil, errors.New("reload: there is nothing to read the configuration from")
	}
	c, err := d.opts.Load(ctx)
	if err != nil {
		return nil, err
	}
	return d.Reload(ctx, c)
}

// Reload makes the router follow a changed configuration: listeners, realms,
// users, roles, certificates, the level of the log. Sessions that the new
// configuration would accept as they are stay, and lose nothing. Others end with
// GOODBYE; registrations and subscriptions that are no longer allowed are
// revoked.
//
// With an error nothing has changed.
func (d *Daemon) Reload(ctx context.Context, c *Config) (*Report, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return nil, router.ErrClosed
	}
	plan, err := d.listeners(ctx, c)
	if err != nil {
		return nil, err
	}
	report := difference(d.config, c)
	if err := d.realms.follow(c); err != nil {
		plan.cancel()
		return nil, err
	}
	d.apply(plan)
	d.setLevel(c)
	rc := c.router(d.log)
	d.rt.Reconfigure(rc.Bounds())
	d.config = c
	return report, nil
}

// ReloadProcedure is what an administrator calls.
const ReloadProcedure wamp.URI = "wampeter.reload"

// InvalidConfiguration is the error of ReloadProcedure; its argument is what is
// wrong.
const InvalidConfiguration wamp.URI = "wampeter.error.invalid_configuration"

// administer registers ReloadProcedure.
func (d *Daemon) administer(ctx context.Context) error {
	if d.config.Admin.Realm == "" {
		return nil
	}
	s, err := d.rt.Realm(d.config.Admin.Realm).Local()
	if err != nil {
		return fmt.Errorf("admin.realm: %w", err)
	}
	_, err = s.Register(ctx, string(ReloadProcedure), wamp.Func0(func(ctx context.Context) (*Report, error) {
		report, err := d.Reread(ctx)
		if err != nil {
			return nil, wamp.Errorf(InvalidConfiguration, "%v", err)
		}
		return report, nil
	}))
	if err != nil {
		return fmt.Errorf("admin.realm: %w", err)
	}
	return nil
}

// difference lists what is different in b.
func difference(a, b *Config) *Report {
	r := &Report{}
	r.section(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem(), "")
	slices.Sort(r.Changed)
	slices.Sort(r.Restart)
	return r
}

func (r *Report) note(path string, restart bool) {
	r.Changed = append(r.Changed, path)
	if restart {
		r.Restart = append(r.Restart, path)
	}
}

func (r *Report) section(a, b reflect.Value, path string) {
	for _, f := range fields(a.Type()) {
		at := join(path, f.key)
		if at == "listener_defaults" || at == "realm_defaults" {
			continue // it shows in those who inherit
		}
		r.value(a.FieldByIndex(f.index), b.FieldByIndex(f.index), &f, at)
	}
}

func (r *Report) value(a, b reflect.Value, f *field, path string) {
	shape, elem := shapeOf(a.Type())
	switch {
	case shape == sectionShape && a.Kind() != reflect.Pointer:
		r.section(a, b, path)
	case elem == reflect.TypeFor[Realm]():
		r.realms(a.Interface().([]Realm), b.Interface().([]Realm))
	case !equal(a, b):
		r.note(path, f.restart)
	}
}

// realms compares realms by their names.
func (r *Report) realms(a, b []Realm) {
	old := make(map[string]*Realm)
	for i := range a {
		old[a[i].Name] = &a[i]
	}
	for i := range b {
		path := "realms." + b[i].Name
		was := old[b[i].Name]
		if was == nil {
			r.note(path, false)
			continue
		}
		delete(old, b[i].Name)
		r.section(reflect.ValueOf(was.RealmSettings), reflect.ValueOf(b[i].RealmSettings), path)
	}
	for name := range old {
		r.note("realms."+name, false)
	}
}

// equal compares values by all that is in them, but for where it was said.
func equal(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return equal(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	}
	if shape, _ := shapeOf(a.Type()); shape == sectionShape {
		for _, f := range fields(a.Type()) {
			if !equal(a.FieldByIndex(f.index), b.FieldByIndex(f.index)) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
