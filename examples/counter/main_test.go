package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// Whatever process a word belongs to, its count goes on, and the sums are those
// of all.
func TestCounter(t *testing.T) {
	rt := wamptest.NewRouter(t)
	d := &wamp.Dialer{URLs: []string{rt.URL()}}
	if err := count(t.Context(), d, nil, &strings.Builder{}); !errors.Is(err, wamp.ErrNoSuchProcedure) {
		t.Error(err)
	}
	for _, node := range []string{"a", "b", "c"} {
		a, err := shard(node)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Shutdown(context.Background()) }()
	}
	var out strings.Builder
	for range 2 {
		if err := count(t.Context(), d, []string{"apple", "pear", "apple"}, &out); err != nil {
			t.Fatal(err)
		}
	}
	want := "apple 1\npear 1\napple 2\n3 words, 2 different\napple 3\npear 2\napple 4\n6 words, 2 different\n"
	if out.String() != want {
		t.Error(out.String())
	}
	// More than one process has a share.
	words := strings.Fields("one two three four five six seven eight nine ten eleven twelve")
	if err := count(t.Context(), d, words, &out); err != nil {
		t.Fatal(err)
	}
	busy := 0
	for r, err := range wamp.CallAll[share](t.Context(), rt.Session(), "com.example.counter.share") {
		if err != nil {
			t.Error(err)
		}
		if r.Value.Keys > 0 {
			busy++
		}
	}
	if busy < 2 {
		t.Error(busy, "processes have all words")
	}
}
