package wamp

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
	"github.com/wampeter/wampeter/internal/transport/pipe"
)

// silent is a router in this process that welcomes, invokes what is registered,
// and answers nothing else.
type silent struct {
	t      *testing.T
	conn   *pipe.Conn
	served sync.WaitGroup
}

func (r *silent) DialWAMP(context.Context) (transport.Conn, error) {
	client, server := pipe.New(msg.JSON, transport.Limits{})
	r.conn = server
	r.served.Go(func() { _ = server.Serve(r) })
	return client, nil
}

func (r *silent) Message(data []byte, _ *transport.Block) error {
	var m msg.Message
	if err := codec.Parse(msg.JSON, data, &m); err != nil {
		r.t.Error(err)
	}
	switch m.Type {
	case msg.Hello:
		r.send(&msg.Message{Type: msg.Welcome, ID: 1, Dict: []byte(`{"roles":{"broker":{},"dealer":{}}}`)})
	case msg.Register:
		r.send(&msg.Message{Type: msg.Registered, Request: m.Request, ID: 2})
		r.send(&msg.Message{Type: msg.Invocation, Request: 1, ID: 2})
	}
	return nil
}

func (r *silent) send(m *msg.Message) {
	framing := r.conn.Framing()
	frame, mark := framing.Begin(nil, 0)
	frame = framing.End(codec.Append(frame, msg.JSON, m), mark)
	if err := r.conn.Write([][]byte{frame}); err != nil {
		r.t.Error(err)
	}
}

func (r *silent) Idle(bool)      {}
func (r *silent) Control([]byte) {}
func (r *silent) Alive()         {}

// A router that answers no GOODBYE and closes nothing is waited for, but not
// for ever.
func TestCloseWithoutPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &silent{t: t}
		s, err := (&Dialer{Router: rt}).Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("closed after %v", d)
		}
		rt.served.Wait()
	})
}

// So is a handler that ignores the end of its context.
func TestCloseWithStubbornHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &silent{t: t}
		s, err := (&Dialer{Router: rt}).Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		release := make(chan struct{})
		_, err = s.Register(t.Context(), "com.x", Func0(func(context.Context) (int, error) {
			<-release
			return 0, nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantText(t, s.Close(context.Background()), "handlers")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		wantError(t, s.Close(ctx), context.DeadlineExceeded)
		close(release)
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		rt.served.Wait()
	})
}

// The deadline of a call ends it at this end when the router knows no timeouts.
func TestDeadlineWithoutRouter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &silent{t: t}
		s, err := (&Dialer{Router: rt}).Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		_, err = Call[int](ctx, s, "com.x")
		wantError(t, err, context.DeadlineExceeded, ErrTimeout)
		if d := time.Since(start); d != time.Minute {
			t.Errorf("ended after %v", d)
		}
		_ = s.Close(context.Background())
		rt.served.Wait()
	})
}
