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
	calls         map[string]*wamp.Pending[wamp.Result]
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
		calls:         make(map[string]*wamp.Pending[wamp.Result]),
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
func (n *native) report(kind, uri string, p wamp.Payload, details dict) payload {
	decoded, err := decode(p)
	if err != nil {
		decoded = payload{Args: []any{err.Error()}}
	}
	n.arrivals <- arrival{kind, uri, details, decoded}
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

func (n *native) who() (uint64, string) { return n.session.ID(), n.session.AuthID() }

// policies are the matching policies of our client.
var policies = map[string]wamp.HandlerOption{
	"prefix":   wamp.Match(wamp.Prefix),
	"wildcard": wamp.Match(wamp.Wildcard),
}

// identified are the details that tell who calls or publishes.
func identified(party string, session uint64, authid, authrole string) dict {
	if session == 0 {
		return dict{}
	}
	return dict{party: session, party + "_authid": authid, party + "_authrole": authrole}
}

func (n *native) register(uri string, as behaviour, o dict) error {
	ctx, cancel := limited()
	defer cancel()
	handler := func(ctx context.Context, inv *wamp.Invocation) (wamp.Result, error) {
		details := identified("caller", inv.Caller, inv.CallerAuthID, inv.CallerAuthRole)
		details["procedure"] = inv.Procedure
		args, kwargs := options(n.report("invocation", uri, inv.Payload, details))
		switch as {
		case fail:
			return wamp.Result{}, wamp.NewError(refused, args, kwargs)
		case wait:
			<-ctx.Done()
			n.arrivals <- arrival{kind: "interrupted", uri: uri}
			return wamp.Result{}, ctx.Err()
		case progress:
			for _, arg := range args {
				if err := inv.Progress(wamp.Args{arg}); err != nil {
					return wamp.Result{}, err
				}
			}
		}
		return wamp.Return(args, kwargs), nil
	}
	var opts []wamp.RegisterOption
	for name, value := range o {
		if name == "match" {
			opts = append(opts, policies[value.(string)])
			continue
		}
		opts = append(opts, wamp.Option(name, value))
	}
	registration, err := n.session.Register(ctx, uri, wamp.HandlerFunc(handler), opts...)
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

func (n *native) call(uri string, p payload, o dict) (payload, error) {
	if err := n.begin(uri, p, o); err != nil {
		return payload{}, err
	}
	return n.end(uri)
}

func (n *native) begin(uri string, p payload, o dict) error {
	args, kwargs := options(p)
	opts := []wamp.CallOption{args, kwargs, wamp.Timeout(0)}
	for name, value := range o {
		switch name {
		case "receive_progress":
			opts = append(opts, wamp.OnProgress(func(r wamp.Result) { n.report("progress", uri, r.Payload, nil) }))
		case "timeout":
			opts = append(opts, wamp.Timeout(time.Duration(value.(int))*time.Millisecond))
		default:
			opts = append(opts, wamp.Option(name, value))
		}
	}
	ctx, cancel := limited()
	call := wamp.Go[wamp.Result](ctx, n.session, uri, opts...)
	go func() {
		<-call.Done()
		cancel()
	}()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls[uri] = call
	return nil
}

func (n *native) pending(uri string) *wamp.Pending[wamp.Result] {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls[uri]
}

func (n *native) cancel(uri, mode string) error {
	modes := map[string]wamp.CancelMode{"kill": wamp.Kill, "killnowait": wamp.KillNoWait, "skip": wamp.Skip}
	n.pending(uri).Cancel(modes[mode])
	return nil
}

func (n *native) end(uri string) (payload, error) {
	result, err := n.pending(uri).Result()
	if err != nil {
		return payload{}, asRefusal(err)
	}
	return decode(result.Payload)
}

func (n *native) subscribe(uri string, o dict) error {
	ctx, cancel := limited()
	defer cancel()
	handler := func(_ context.Context, e *wamp.EventInfo) error {
		details := identified("publisher", e.Publisher, e.PublisherAuthID, e.PublisherAuthRole)
		details["topic"] = e.Topic
		if e.Retained {
			details["retained"] = true
		}
		n.report("event", uri, e.Payload, details)
		return nil
	}
	var opts []wamp.SubscribeOption
	for name, value := range o {
		if name == "match" {
			opts = append(opts, policies[value.(string)])
			continue
		}
		opts = append(opts, wamp.Option(name, value))
	}
	subscription, err := n.session.Subscribe(ctx, uri, wamp.EventFunc(handler), opts...)
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

func (n *native) publish(uri string, p payload, o dict) error {
	ctx, cancel := limited()
	defer cancel()
	args, kwargs := options(p)
	opts := []wamp.PublishOption{args, kwargs}
	for name, value := range o {
		if name == "acknowledge" {
			opts = append(opts, wamp.Acknowledge())
			continue
		}
		opts = append(opts, wamp.Option(name, value))
	}
	publication, err := n.session.Publish(ctx, uri, opts...)
	if err != nil {
		return asRefusal(err)
	}
	if o["acknowledge"] == true && (publication == 0 || publication > 1<<53) {
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

func (n *native) ended() (string, error) {
	select {
	case <-n.session.Done():
	case <-time.After(patience):
		return "", errors.New("the session goes on")
	}
	var closed *wamp.ClosedError
	if err := n.session.Err(); !errors.As(err, &closed) {
		return "", fmt.Errorf("a session that was ended says %w", err)
	}
	return string(closed.Reason), nil
}
