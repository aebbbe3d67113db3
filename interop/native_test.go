//go:build interop && unix

package interop

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// native is our own client as a peer.
type native struct {
	session  *wamp.Session
	arrivals chan arrival

	mu            sync.Mutex
	registrations map[string]*wamp.Registration
	subscriptions map[string]*wamp.Subscription
}

// dial lets our client join.
func dial(t *testing.T, format, url string) (*wamp.Session, error) {
	t.Helper()
	ctx, cancel := limited()
	defer cancel()
	dialer := &wamp.Dialer{
		URLs:        []string{url},
		Realm:       realm,
		Serializers: []wamp.Serializer{wamp.Serializer(format)},
		OnError: func(_ context.Context, err *wamp.HandlerError) {
			t.Errorf("our client: %v", err)
		},
	}
	session, err := dialer.Dial(ctx)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = session.Close(ctx) // the router may be gone already
	})
	if got := string(session.Serializer()); got != format {
		return nil, fmt.Errorf("our client speaks %s instead of %s", got, format)
	}
	return session, nil
}

func joinNative(t *testing.T, c client, url string) (peer, error) {
	t.Helper()
	session, err := dial(t, c.format, url)
	if err != nil {
		return nil, err
	}
	return &native{
		session:       session,
		arrivals:      make(chan arrival, 64),
		registrations: make(map[string]*wamp.Registration),
		subscriptions: make(map[string]*wamp.Subscription),
	}, nil
}

// limited bounds one operation.
func limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// decode turns what our client received into the tests' values.
func decode(p wamp.Payload) (payload, error) {
	args, err := p.Args()
	if err != nil {
		return payload{}, err
	}
	kwargs, err := p.Kwargs()
	if err != nil {
		return payload{}, err
	}
	return payload{Args: args, Kwargs: kwargs}.each(fromGo), nil
}

// report keeps what arrived; what cannot be decoded is reported as such.
func (n *native) report(kind, uri string, p wamp.Payload) payload {
	decoded, err := decode(p)
	if err != nil {
		decoded = payload{Args: []any{err.Error()}}
	}
	n.arrivals <- arrival{kind, uri, decoded}
	return decoded
}

// options are a payload as options of our client.
func options(p payload) (wamp.Args, wamp.KW) {
	p = p.each(toGo)
	return p.Args, p.Kwargs
}

// asRefusal turns our client's error into the tests' own.
func asRefusal(err error) error {
	var refusing *wamp.Error
	if !errors.As(err, &refusing) || refusing.Origin != wamp.OriginRemote {
		return err
	}
	p := payload{Args: refusing.Args, Kwargs: refusing.Kwargs}.each(fromGo)
	return &refusal{URI: string(refusing.URI), payload: p}
}

func (n *native) register(uri string, fails bool) error {
	ctx, cancel := limited()
	defer cancel()
	handler := func(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
		args, kwargs := options(n.report("invocation", uri, inv.Payload))
		if fails {
			return wamp.Result{}, wamp.NewError(refused, args, kwargs)
		}
		return wamp.Return(args, kwargs), nil
	}
	registration, err := n.session.Register(ctx, uri, wamp.HandlerFunc(handler))
	if err != nil {
		return asRefusal(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.registrations[uri] = registration
	return nil
}

func (n *native) unregister(uri string) error {
	ctx, cancel := limited()
	defer cancel()
	n.mu.Lock()
	registration := n.registrations[uri]
	n.mu.Unlock()
	return asRefusal(registration.Unregister(ctx))
}

func (n *native) call(uri string, p payload) (payload, error) {
	ctx, cancel := limited()
	defer cancel()
	args, kwargs := options(p)
	result, err := wamp.Call[wamp.Result](ctx, n.session, uri, args, kwargs)
	if err != nil {
		return payload{}, asRefusal(err)
	}
	return decode(result.Payload)
}

func (n *native) subscribe(uri string) error {
	ctx, cancel := limited()
	defer cancel()
	handler := func(_ context.Context, e *wamp.EventInfo) error {
		n.report("event", uri, e.Payload)
		return nil
	}
	subscription, err := n.session.Subscribe(ctx, uri, wamp.EventFunc(handler))
	if err != nil {
		return asRefusal(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subscriptions[uri] = subscription
	return nil
}

func (n *native) unsubscribe(uri string) error {
	ctx, cancel := limited()
	defer cancel()
	n.mu.Lock()
	subscription := n.subscriptions[uri]
	n.mu.Unlock()
	return asRefusal(subscription.Unsubscribe(ctx))
}

func (n *native) publish(uri string, p payload, how publishing) error {
	ctx, cancel := limited()
	defer cancel()
	args, kwargs := options(p)
	opts := []wamp.PublishOption{args, kwargs}
	if how.acknowledge {
		opts = append(opts, wamp.Acknowledge())
	}
	if how.includeMe {
		opts = append(opts, wamp.ExcludeMe(false))
	}
	publication, err := n.session.Publish(ctx, uri, opts...)
	if err != nil {
		return asRefusal(err)
	}
	if how.acknowledge && (publication == 0 || publication > 1<<53) {
		return fmt.Errorf("publication id %d", publication)
	}
	return nil
}

func (n *native) received() (arrival, error) { return next(n.arrivals) }

// leave succeeds when the router has answered; our client does not say how.
func (n *native) leave() (string, error) {
	ctx, cancel := limited()
	defer cancel()
	if err := n.session.Close(ctx); err != nil {
		return "", err
	}
	if err := n.session.Err(); !errors.Is(err, wamp.ErrClosed) {
		return "", fmt.Errorf("a session that was closed says %w", err)
	}
	return "", nil
}
