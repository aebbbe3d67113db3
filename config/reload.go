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

// Reload makes the router follow a changed configuration, all of it. Sessions
// that the new configuration would accept as they are stay, and lose nothing.
// Others end with GOODBYE; registrations and subscriptions that are no longer
// allowed are revoked. Connections keep the limits of messages and output, and
// the times for these, that they were opened with.
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
	if plan.renewed() && !slices.Contains(report.Changed, "listeners") {
		report.note("listeners")
		slices.Sort(report.Changed)
	}
	if err := d.follow(ctx, c, plan); err != nil {
		d.cancel(ctx, plan)
		return nil, err
	}
	rc := c.router(d.log)
	d.rt.Reconfigure(rc.Bounds())
	d.rt.SetCookies(rc.Cookies)
	d.opts.Log(c.Log)
	d.apply(plan)
	return report, nil
}

// follow has the realms follow c, and who may reload it, once the listeners that
// are planned can begin.
func (d *Daemon) follow(ctx context.Context, c *Config, p *plan) error {
	next := d.admin
	err := d.realms.follow(c, func() (err error) {
		if next.realm != c.Admin.Realm {
			if next, err = d.administer(ctx, c.Admin.Realm); err != nil {
				return err
			}
		}
		return d.makeRoom(ctx, p)
	})
	switch {
	case next == d.admin:
	case err != nil:
		next.end(ctx)
	default:
		d.admin.end(ctx)
		d.admin = next
	}
	if err == nil {
		d.config = c
	}
	return err
}

// ReloadProcedure is what an administrator calls.
const ReloadProcedure wamp.URI = "wampeter.reload"

// InvalidConfiguration is the error of ReloadProcedure; its argument is what is
// wrong.
const InvalidConfiguration wamp.URI = "wampeter.error.invalid_configuration"

// admin is ReloadProcedure in a realm; the zero value is nowhere.
type admin struct {
	realm string
	reg   *wamp.Registration
}

// end takes the procedure away. The call that has led to that is still answered.
func (a admin) end(ctx context.Context) {
	if a.reg != nil {
		_ = a.reg.Unregister(ctx) // it fails when the realm is gone
	}
}

// administer registers ReloadProcedure in a realm, "" for none.
func (d *Daemon) administer(ctx context.Context, realm string) (admin, error) {
	if realm == "" {
		return admin{}, nil
	}
	at := d.realms.byName[realm]
	if at == nil {
		return admin{}, fmt.Errorf("admin.realm: there is no realm %s", realm)
	}
	s, err := at.Local()
	if err != nil {
		return admin{}, fmt.Errorf("admin.realm: %w", err)
	}
	reg, err := s.Register(ctx, string(ReloadProcedure), wamp.Func0(func(ctx context.Context) (*Report, error) {
		report, err := d.Reread(ctx)
		if err != nil {
			return nil, wamp.Errorf(InvalidConfiguration, "%v", err)
		}
		return report, nil
	}))
	if err != nil {
		return admin{}, fmt.Errorf("admin.realm: %w", err)
	}
	return admin{realm, reg}, nil
}

// difference lists what is different in b.
func difference(a, b *Config) *Report {
	r := &Report{Changed: []string{}} // a list, also for those who read JSON
	r.section(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem(), "")
	slices.Sort(r.Changed)
	return r
}

func (r *Report) note(path string) { r.Changed = append(r.Changed, path) }

func (r *Report) section(a, b reflect.Value, path string) {
	for _, f := range fields(a.Type()) {
		at := join(path, f.key)
		if at == "listener_defaults" || at == "realm_defaults" {
			continue // it shows in those who inherit
		}
		r.value(a.FieldByIndex(f.index), b.FieldByIndex(f.index), at)
	}
}

func (r *Report) value(a, b reflect.Value, path string) {
	shape, elem := shapeOf(a.Type())
	switch {
	case shape == sectionShape && a.Kind() != reflect.Pointer:
		r.section(a, b, path)
	case elem == reflect.TypeFor[Realm]():
		r.realms(a.Interface().([]Realm), b.Interface().([]Realm))
	case !equal(a, b):
		r.note(path)
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
			r.note(path)
			continue
		}
		delete(old, b[i].Name)
		r.section(reflect.ValueOf(was.RealmSettings), reflect.ValueOf(b[i].RealmSettings), path)
	}
	for name := range old {
		r.note("realms." + name)
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
