package wamp

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"unicode"
)

// functional is a handler made of a function.
type functional interface{ function() any }

// function returns f.
func (f HandlerFunc) function() any { return f }

// function returns f.
func (f EventFunc) function() any { return f }

func (h *funcHandler[R]) function() any  { return h.fn }
func (h *typedFunc[I, R]) function() any { return h.fn }

var errNoFunction = errors.New("there is no function")

// noFunction reports that f is no function, or nil.
func noFunction(f any) error {
	if v := reflect.ValueOf(f); v.Kind() != reflect.Func || v.IsNil() {
		return errNoFunction
	}
	return nil
}

// checkHandler reports that there is no handler, or no function in it.
func checkHandler(h any) error {
	if h == nil {
		return errors.New("there is no handler")
	}
	if f, ok := h.(functional); ok {
		return noFunction(f.function())
	}
	return nil
}

// nameFor returns the given name, or that of the handler's function.
func nameFor(given string, h any) (string, error) {
	if err := checkHandler(h); err != nil {
		return "", err
	}
	f, ok := h.(functional)
	switch {
	case given != "":
		return given, nil
	case !ok:
		return "", fmt.Errorf("a %T has no name that could be used", h)
	}
	return functionName(runtime.FuncForPC(reflect.ValueOf(f.function()).Pointer()).Name())
}

// functionName makes a name in snake_case of what the runtime calls a function:
//
//	example.org/pkg.OnMessage             on_message
//	example.org/pkg.(*T).OnMessage-fm     on_message, a method value
//	example.org/pkg.generic[...]          generic
//	example.org/pkg.outer.func1           refused, a function literal
func functionName(name string) (string, error) {
	local := name[strings.LastIndexByte(name, '/')+1:]
	_, local, _ = strings.Cut(local, ".")
	local = strings.TrimSuffix(local, "[...]")
	method := strings.HasSuffix(local, "-fm") || strings.HasPrefix(local, "(*")
	if strings.Contains(local, ".") && !method {
		return "", errors.New("a function literal has no name: give one")
	}
	local = strings.TrimSuffix(local, "-fm")
	return snakeCase(local[strings.LastIndexByte(local, '.')+1:]), nil
}

// snakeCase returns on_http_error for OnHTTPError.
func snakeCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, c := range runes {
		if unicode.IsUpper(c) && i > 0 && runes[i-1] != '_' &&
			(!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
