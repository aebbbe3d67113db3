package wamp

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/internal/msg"
)

type inner struct {
	A int `wamp:"0"`
}

type everything struct {
	inner
	B     string         `wamp:"2"`
	Name  *string        `wamp:"name"`
	When  time.Time      `wamp:"when,omitzero"`
	Bytes []byte         `wamp:"bytes"`
	Skip  int            `wamp:"-"`
	Rest  []int          `wamp:",rest"`
	Extra map[string]any `wamp:",extra"`
	Other int
}

// What a struct sends is what it receives, in each format.
func TestStructRoundTrip(t *testing.T) {
	name := "joe"
	for _, want := range []everything{
		{},
		{inner: inner{A: math.MinInt64}, B: "b", Rest: []int{1, 2}, Name: &name, Bytes: []byte{0, 255},
			When: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Extra: map[string]any{"x": int64(1), "y": "z"}},
		{Rest: []int{math.MaxInt64}},
	} {
		for f := msg.JSON; f < msg.Formats; f++ {
			p := newPayload([]PayloadOption{In(&want)})
			_, raw, err := p.encode(nil, f)
			if err != nil {
				t.Fatal(err)
			}
			var got everything
			if err := received(&raw).Decode(&got); err != nil {
				t.Errorf("%v: %v", f, err)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(everything{})); diff != "" {
				t.Errorf("%v: %s", f, diff)
			}
			var pointer *everything
			if err := received(&raw).Decode(&pointer); err != nil || pointer.A != want.A {
				t.Errorf("%v: %v", f, err)
			}
		}
	}
}

func TestInWireForm(t *testing.T) {
	type form struct {
		First  int    `wamp:"0,omitzero"`
		Second int    `wamp:"1,omitzero"`
		Key    string `wamp:"key,omitzero"`
	}
	type nothing struct{}
	for _, tt := range []struct {
		in   []PayloadOption
		want string
	}{
		{nil, " "},
		{[]PayloadOption{In(form{})}, " "},
		{[]PayloadOption{In(form{Second: 2})}, "[null,2] "},
		{[]PayloadOption{In(form{First: 1, Key: "k"})}, `[1] {"key":"k"}`},
		{[]PayloadOption{In(struct{}{})}, " "},
		{[]PayloadOption{In(5)}, "[5] "},
		{[]PayloadOption{In([]int{5})}, "[[5]] "},
		{[]PayloadOption{In(nothing{})}, "[{}] "},
		{[]PayloadOption{In(Return(Args{1}))}, "[1] "},
		{[]PayloadOption{Args{}, KW{}}, " "},
		{[]PayloadOption{KW{"a": 1}}, ` {"a":1}`},
		{[]PayloadOption{Args{1}, KW{"a": 1}, KW{"a": 2}, Args{nil}}, `[null] {"a":2}`},
		{[]PayloadOption{In(form{First: 1}), Args{7}}, "[7] "},
	} {
		args, kwargs, err := newPayload(tt.in).JSON()
		if got := string(args) + " " + string(kwargs); got != tt.want || err != nil {
			t.Errorf("%v: got %s, want %s, %v", tt.in, got, tt.want, err)
		}
	}
	if _, _, err := newPayload([]PayloadOption{In((*form)(nil))}).JSON(); err == nil {
		t.Error("a nil pointer")
	}
}

func TestBadTags(t *testing.T) {
	for _, tt := range []struct {
		v    any
		text string
	}{
		{new(struct {
			a int `wamp:"0"`
		}), "not exported"},
		{new(struct {
			A int `wamp:"0" uri:"a"`
		}), "wamp tag and a uri tag"},
		{new(struct {
			A int `wamp:""`
		}), "neither a position nor a name"},
		{new(struct {
			A int `wamp:"a,optional"`
		}), `unknown flag "optional"`},
		{new(struct {
			A int `wamp:",rest"`
		}), "a slice"},
		{new(struct {
			A map[int]int `wamp:",extra"`
		}), "a map by strings"},
		{new(struct {
			A int `wamp:"a"`
			B int `wamp:"a"`
		}), "occurs twice"},
		{new(struct {
			A int `wamp:"999"`
		}), "out of range"},
		{new(struct {
			A []int `uri:"a"`
		}), "cannot hold a URI component"},
		{new(struct {
			A int `uri:""`
		}), "names no component"},
	} {
		err := newPayload(nil).Decode(tt.v)
		if err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%v, want %q", err, tt.text)
		}
	}
	for _, v := range []any{nil, 5, (*int)(nil)} {
		if err := newPayload(nil).Decode(v); err == nil {
			t.Errorf("decoded into %T", v)
		}
	}
}

// A payload that is no list, as in Autobahn's enc_* form.
func TestOpaqueArguments(t *testing.T) {
	raw := &msg.Payload{Format: msg.JSON, Args: []byte(`"opaque"`)}
	p := received(raw)
	var v any
	for _, err := range []error{p.Decode(&v), p.Arg(0, &v), func() error { _, err := p.Args(); return err }()} {
		wantError(t, err, ErrInvalidArgument)
	}
	if p.Len() != 0 {
		t.Error(p.Len())
	}
}
