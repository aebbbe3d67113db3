package wamp

import (
	"fmt"
	"testing"
)

func TestPattern(t *testing.T) {
	for _, tt := range []struct {
		given string
		uri   string
		match MatchPolicy
		on    string // a URI that matches
		parts string // its components by number
	}{
		{"com.myapp.add2", "com.myapp.add2", Exact, "com.myapp.add2", ""},
		{"task.{id}.delete", "task..delete", Wildcard, "task.t130.delete", "t130"},
		{"{a}.{b}.on", "..on", Wildcard, "x.y.on", "x y"},
		{"com.{type}.{id}", "com..", Wildcard, "com.product.7", "product 7"},
		{"us.{path...}", "us.", Prefix, "us.montana.billings", "montana.billings"},
		{"{path...}", "", Prefix, "a.b", "a.b"},
		{"com.myapp.us.", "com.myapp.us.", Prefix, "com.myapp.us.x.y", "x.y"},
		{"com..{x}.b", "com...b", Wildcard, "com.1.2.b", "1 2"},
		// Those of the guide "Programming with WAMP".
		{"com.myapp....on_concert", "com.myapp....on_concert", Wildcard, "com.myapp.us.montana.billings.on_concert", "us montana billings"},
		{"com.myapp.us...on_concert", "com.myapp.us...on_concert", Wildcard, "com.myapp.us.newmexico.albuquerque.on_concert", "newmexico albuquerque"},
		{"com.myapp.task..delete", "com.myapp.task..delete", Wildcard, "com.myapp.task.t130.delete", "t130"},
	} {
		p, err := parsePattern(tt.given, Exact, false)
		if err != nil {
			t.Errorf("%s: %v", tt.given, err)
			continue
		}
		parts := ""
		for i := range p.free {
			c, ok := p.component(tt.on, fmt.Sprint(i))
			if !ok {
				t.Errorf("%s: no component %d", tt.given, i)
			}
			if i > 0 {
				parts += " "
			}
			parts += c
		}
		if p.uri != tt.uri || p.match != tt.match || parts != tt.parts {
			t.Errorf("%s: got %q %v %q", tt.given, p.uri, p.match, parts)
		}
	}
	for _, bad := range []string{"a.{}", "a.x{b}", "a.{b", "a.b}", "a.{b}.{c...}", "a.{b...}.c", "a.{...}", "{a}.{a}", "a.{b{c}}"} {
		if p, err := parsePattern(bad, Exact, false); err == nil {
			t.Errorf("%s: %+v", bad, p)
		}
	}
	_, err := parsePattern("a.{b...}.c", Exact, false)
	wantText(t, err, "it has to come last")
	var p *pattern
	p, err = parsePattern("com.x", Prefix, true)
	if err != nil || p.match != Prefix {
		t.Error(p, err)
	}
	if _, ok := p.component("com", "0"); ok {
		t.Error("a component of a URI that is too short")
	}
	if _, ok := p.component("com.x", "1"); ok {
		t.Error("a component that is not there")
	}
	if _, err := parsePattern("a.{b}", Wildcard, true); err != nil {
		t.Error(err)
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("task.{id}.delete", "task.x.delete")
	f.Add("us.{path...}", "us")
	f.Add("..", "a.b.c")
	f.Fuzz(func(t *testing.T, given, uri string) {
		p, err := parsePattern(given, Exact, false)
		if err != nil {
			return
		}
		for i, c := range p.free {
			_, _ = p.component(uri, c.name)
			_, _ = p.component(uri, fmt.Sprint(i))
		}
	})
}
