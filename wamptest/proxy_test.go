package wamptest_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamptest"
)

// raw is a Dialer whose messages can be read on the wire, and which notices
// soon when nobody is there.
func raw(p *wamptest.Proxy) *wamp.Dialer {
	return &wamp.Dialer{
		URLs: []string{p.RawSocketURL()}, Serializers: []wamp.Serializer{wamp.JSON}, Timeout: time.Second,
		RawSocketPing: true, KeepAlive: 50 * time.Millisecond, KeepAliveTimeout: 50 * time.Millisecond,
	}
}

func lost(t *testing.T, s *wamp.Session) {
	t.Helper()
	<-s.Done()
	if !errors.Is(s.Err(), wamp.CloseTransportLost) {
		t.Error(s.Err())
	}
}

func publish(t *testing.T, s *wamp.Session, topic string, args ...any) {
	t.Helper()
	if _, err := s.Publish(t.Context(), topic, wamp.Args(args), wamp.Acknowledge()); err != nil {
		t.Fatal(err)
	}
}

// Each fault ends a session, or keeps it from being opened, and everything
// passes after Resume.
func TestProxyFaults(t *testing.T) {
	rt := wamptest.NewRouter(t)
	p := wamptest.NewProxy(t, rt.Address())
	for _, fault := range []struct {
		name   string
		inject func()
	}{
		{"cut", p.Cut},
		{"reset", p.Reset},
		{"half-open", p.HalfOpen},
		{"stall", p.Stall},
		{"cut after some bytes", func() { p.CutAfter(1) }}, // of a ping
	} {
		t.Run(fault.name, func(t *testing.T) {
			s := rt.Dial(raw(p))
			fault.inject()
			lost(t, s)
			p.Resume()
			publish(t, rt.Dial(raw(p)), "com.topic")
		})
	}
}

func TestProxyRefuse(t *testing.T) {
	rt := wamptest.NewRouter(t)
	p := wamptest.NewProxy(t, rt.Address())
	s := rt.Dial(raw(p))
	p.Refuse()
	var failed *wamp.DialError
	if _, err := raw(p).Dial(t.Context()); !errors.As(err, &failed) {
		t.Error(err)
	}
	publish(t, s, "com.topic") // those that are there stay
	if n := p.Connections(); n != 1 {
		t.Error(n)
	}
	p.Resume()
	p.CutAfter(3)
	if _, err := raw(p).Dial(t.Context()); !errors.As(err, &failed) {
		t.Error(err)
	}
	lost(t, s)
	// A router that is not there.
	p.Resume()
	p.Forward("127.0.0.1:1")
	if _, err := raw(p).Dial(t.Context()); !errors.As(err, &failed) {
		t.Error(err)
	}
	p.Forward(wamptest.NewRouter(t).Address())
	rt.Dial(raw(p))
}

func TestProxyDelay(t *testing.T) {
	rt := wamptest.NewRouter(t)
	p := wamptest.NewProxy(t, rt.Address())
	s := rt.Dial(&wamp.Dialer{URLs: []string{p.URL()}})
	p.Delay(20 * time.Millisecond)
	publish(t, s, "com.topic") // late, and complete
	p.Delay(time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Publish(ctx, "com.topic", wamp.Acknowledge()); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	p.Cut()
	<-s.Done()
}

// A tap sees both directions, each in order.
func TestProxyTap(t *testing.T) {
	rt := wamptest.NewRouter(t)
	p := wamptest.NewProxy(t, rt.Address())
	var mu sync.Mutex
	var sent, received bytes.Buffer
	p.Tap(func(toRouter bool, data []byte) {
		mu.Lock()
		defer mu.Unlock()
		if toRouter {
			sent.Write(data)
		} else {
			received.Write(data)
		}
	})
	s := rt.Dial(raw(p))
	publish(t, s, "com.topic", "text")
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for text, in := range map[string]string{
		`"com.topic",["text"]`: sent.String(), `"wamp.close.normal"`: sent.String(), `"wamp.close.goodbye_and_out"`: received.String(),
	} {
		if !strings.Contains(in, text) {
			t.Errorf("%s is not in %q", text, in)
		}
	}
}
