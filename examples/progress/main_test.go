package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

func TestProgress(t *testing.T) {
	rt := wamptest.NewRouter(t)
	d := &wamp.Dialer{URLs: []string{rt.URL()}}
	a, err := worker(time.Microsecond)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Shutdown(context.Background()) }()
	var out strings.Builder
	if err := download(t.Context(), d, 3, &out); err != nil {
		t.Fatal(err)
	}
	want := "\r[##########....................]  33% file1" +
		"\r[####################..........]  66% file2" +
		"\r[##############################] 100% file3\ndownloaded 3 files\n"
	if out.String() != want {
		t.Errorf("%q", out.String())
	}
	if err := download(t.Context(), d, 0, &out); !errors.Is(err, wamp.ErrInvalidArgument) {
		t.Error(err)
	}
}

// canceler cancels when the first progress is drawn.
type canceler struct{ cancel context.CancelFunc }

func (c canceler) Write(p []byte) (int, error) { c.cancel(); return len(p), nil }

// A caller that gives up stops the worker, which could go on for a long time.
func TestCancel(t *testing.T) {
	rt := wamptest.NewRouter(t)
	d := &wamp.Dialer{URLs: []string{rt.URL()}}
	a, err := worker(time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := download(ctx, d, 1<<30, canceler{cancel}); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Error(err)
	}
	if err := a.Shutdown(t.Context()); err != nil { // waits for handlers
		t.Error(err)
	}
}
