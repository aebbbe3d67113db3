package wamp

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// Func makes a handler of any function, by reflection: it costs more than
// Func0 to Func5 and Typed, and takes whatever they take:
//
//	func([ctx context.Context,] arguments… [, send func(P) error]) ([result,] [error])
//
// Arguments are positional; those of a variadic function take the rest. A
// single struct with tags, [Result] or struct{} stands for all arguments, as
// with [Typed]. send, a last parameter of that type, sends progressive results.
func Func(f any) Handler {
	h := &reflected{fn: f}
	if h.err = h.analyze(); h.err != nil {
		h.err = fmt.Errorf("%T: %w", f, h.err)
	}
	return h
}

// reflected is a function that is called by reflection.
type reflected struct {
	fn       any
	f        reflect.Value
	context  bool
	args     []reflect.Type // but for the variadic one
	rest     reflect.Type   // the elements of the variadic one, or nil
	whole    *plan          // of the one argument that stands for all, or nil
	send     reflect.Type   // func(P) error, or nil
	progress *plan          // of P
	result   *plan          // nil without a result
	fails    bool           // the last result is an error
	err      error
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errType     = reflect.TypeFor[error]()
)

func (h *reflected) analyze() error {
	h.f = reflect.ValueOf(h.fn)
	if h.f.Kind() != reflect.Func {
		return errors.New("a function is needed")
	}
	if h.f.IsNil() {
		return errNoFunction
	}
	t := h.f.Type()
	in := make([]reflect.Type, t.NumIn())
	for i := range in {
		in[i] = t.In(i)
	}
	if len(in) > 0 && in[0] == contextType {
		h.context, in = true, in[1:]
	}
	if last := len(in) - 1; last >= 0 {
		switch {
		case t.IsVariadic():
			h.rest, in = in[last].Elem(), in[:last]
		case isSend(in[last]):
			h.send, in = in[last], in[:last]
			h.progress = planOf(h.send.In(0))
			if h.progress.err != nil {
				return h.progress.err
			}
		}
	}
	h.args = in
	return errors.Join(h.analyzeArguments(), h.analyzeResults(t))
}

func isSend(t reflect.Type) bool {
	return t.Kind() == reflect.Func && !t.IsVariadic() && t.NumIn() == 1 && t.NumOut() == 1 && t.Out(0) == errType
}

func (h *reflected) analyzeArguments() error {
	for i, t := range h.args {
		pl := planOf(t)
		switch {
		case pl.err != nil:
			return fmt.Errorf("argument %d: %w", i, pl.err)
		case pl.shape == shapeValue:
		case len(h.args) == 1 && h.rest == nil:
			h.whole = pl
		default:
			return fmt.Errorf("argument %d is a %v, which stands for all arguments", i, t)
		}
	}
	if h.rest == nil {
		return nil
	}
	if err := checkSerializable(h.rest); err != nil {
		return fmt.Errorf("variadic arguments: %w", err)
	}
	return nil
}

func (h *reflected) analyzeResults(t reflect.Type) error {
	out := t.NumOut()
	if out > 0 && t.Out(out-1) == errType {
		h.fails = true
		out--
	}
	switch {
	case out == 0:
		return nil
	case out > 1:
		return errors.New("it has several results: return a struct with tags, or a Result")
	}
	h.result = planOf(t.Out(0))
	if h.result.err != nil {
		return fmt.Errorf("result: %w", h.result.err)
	}
	return nil
}

func (h *reflected) function() any { return h.fn }

func (h *reflected) bind(p *pattern) error {
	if h.err != nil || h.whole == nil {
		return h.err
	}
	return h.whole.checkURIs(p)
}

func (h *reflected) Invoke(ctx context.Context, inv *Invocation) (Result, error) {
	var in []reflect.Value
	if h.context {
		in = append(in, reflect.ValueOf(ctx))
	}
	in, err := h.arguments(in, inv)
	if err != nil {
		return Result{}, err
	}
	if h.send != nil {
		in = append(in, reflect.MakeFunc(h.send, func(p []reflect.Value) []reflect.Value {
			err := inv.sendProgress(resultOf(h.progress, p[0].Interface()).Payload)
			return []reflect.Value{reflect.ValueOf(&err).Elem()}
		}))
	}
	out := h.f.Call(in)
	if h.fails {
		if err, _ := out[len(out)-1].Interface().(error); err != nil {
			return Result{}, err
		}
	}
	if h.result == nil {
		return Result{}, nil
	}
	return resultOf(h.result, out[0].Interface()), nil
}

// arguments appends the arguments of the call.
func (h *reflected) arguments(in []reflect.Value, inv *Invocation) ([]reflect.Value, error) {
	if err := inv.refuseParts(); err != nil {
		return nil, err
	}
	raw, err := inv.serialized()
	if err != nil {
		return nil, err
	}
	if h.whole != nil {
		v := reflect.New(h.args[0])
		switch h.whole.shape {
		case shapeNone:
		case shapeRaw:
			v.Elem().Set(reflect.ValueOf(Result{Payload: inv.Payload}))
		default:
			err = h.whole.decode(raw, v.Interface(), inv.component)
		}
		return append(in, v.Elem()), err
	}
	list, err := elements(nil, raw)
	switch {
	case err != nil:
		return nil, invalidArgument("%v", err)
	case h.rest == nil && len(list) > len(h.args):
		return nil, invalidArgument("argument %d is too many: got %d, expected %d", len(h.args), len(list), len(h.args))
	}
	for i := range max(len(list), len(h.args)) {
		t := h.rest
		if i < len(h.args) {
			t = h.args[i]
		}
		v := reflect.New(t)
		if i < len(list) {
			err = decodeArgument(raw.Format, list[i], v.Interface(), "argument %d", i)
		} else {
			err = missing(t, i)
		}
		if err != nil {
			return nil, err
		}
		in = append(in, v.Elem())
	}
	return in, nil
}

// Service adds the exported methods of an object as procedures: those that
// [Func] takes, by their names in snake_case behind the prefix. Other methods
// are left out; an object without any that fits is a mistake.
//
//	reg.Service("calc", &Calculator{}) // calc.add, calc.square_root, …
func (r *Registry) Service(prefix string, object any, opts ...RegisterOption) error {
	place := caller()
	v := reflect.ValueOf(object)
	if !v.IsValid() {
		return r.failed("service", prefix, errors.New("there is no object"), place)
	}
	var errs []error
	found := false
	for i := range v.NumMethod() {
		h := Func(v.Method(i).Interface())
		if h.(*reflected).err != nil {
			continue
		}
		found = true
		errs = append(errs, r.register(join(prefix, snakeCase(v.Type().Method(i).Name)), h, opts, place))
	}
	if !found {
		return r.failed("service", prefix, fmt.Errorf("no method of %T can be a procedure", object), place)
	}
	return errors.Join(errs...)
}
