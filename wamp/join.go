package wamp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/session"
	"github.com/wampeter/wampeter/internal/transport"
)

// agent is how this library calls itself in HELLO.
const agent = "wampeter"

// rolesPlain is what this library announces of itself, and rolesPassthru what it
// does where it understands payloads in passthru mode.
var (
	rolesPlain    = rolesWith(0)
	rolesPassthru = rolesWith(msg.PayloadPassthru)
)

func rolesWith(more msg.Feature) map[string]any {
	r := msg.Roles{Set: msg.Caller | msg.Callee | msg.Publisher | msg.Subscriber}
	for i, role := range msg.RoleNames {
		switch role {
		case "caller":
			r.Features[i] = msg.ProgressiveCallResults | msg.ProgressiveCallInvocations | msg.CallTimeout |
				msg.CallCanceling | msg.CallerIdentification | msg.ShardedRegistration
		case "callee":
			r.Features[i] = msg.ProgressiveCallResults | msg.ProgressiveCallInvocations | msg.CallTimeout |
				msg.CallCanceling | msg.CallerIdentification | msg.CallTrustLevels | msg.PatternBasedRegistration |
				msg.SharedRegistration | msg.ShardedRegistration | msg.RegistrationRevocation | msg.CallReroute
		case "publisher":
			r.Features[i] = msg.SubscriberBlackWhiteListing | msg.PublisherExclusion |
				msg.PublisherIdentification | msg.ShardedSubscription
		case "subscriber":
			r.Features[i] = msg.PublisherIdentification | msg.PublicationTrustLevels |
				msg.PatternBasedSubscription | msg.ShardedSubscription | msg.SubscriptionRevocation
		}
		if r.Set&(1<<i) != 0 {
			r.Features[i] |= more
		}
	}
	return r.Dict()
}

// joining is the handshake, between the reader and the one who dials.
type joining struct {
	challenges chan challenge // capacity 1: a router waits for each answer
	joined     chan error     // capacity 1: nil for WELCOME
}

type challenge struct {
	method string
	extra  map[string]any
}

func newJoining() *joining {
	return &joining{challenges: make(chan challenge, 1), joined: make(chan error, 1)}
}

// join makes a session of a connection. When it fails the connection is closed
// and nothing of it is left.
func (d *Dialer) join(ctx context.Context, conn transport.Conn, cfg *session.Config, url string) (*Session, error) {
	s := newSession(conn, cfg, d, url)
	s.realm = d.realm()
	offers, extra, err := d.offers(ctx, s)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	hello := msg.Message{Type: msg.Hello, URI: []byte(s.realm)}
	if hello.Dict, err = codec.Marshal(nil, s.format, d.hello(offers, extra)); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("details of HELLO: %w", err)
	}
	handshake := s.joining
	go s.run()
	if err := s.peer.Send(&hello, nil); err != nil {
		return nil, s.giveUp(ctx, s.sendError(err))
	}
	s.peer.Flush()
	for {
		select {
		case err := <-handshake.joined:
			if err == nil {
				err = d.welcome(ctx, s, offers)
			}
			if err != nil {
				return nil, s.giveUp(ctx, err)
			}
			return s, nil
		case c := <-handshake.challenges:
			if err := s.authenticate(ctx, offers, c); err != nil {
				return nil, s.giveUp(ctx, err)
			}
		case <-s.ctx.Done():
			err := s.Err()
			select {
			case refused := <-handshake.joined:
				err = cmp.Or(refused, err)
			default:
			}
			return nil, s.giveUp(ctx, err)
		case <-ctx.Done():
			return nil, s.giveUp(ctx, fmt.Errorf("waiting for the router's WELCOME: %w", context.Cause(ctx)))
		}
	}
}

// welcome checks whether the router is the right one, and asks OnWelcome
// whether the session is wanted. If not, the router is told by ABORT.
func (d *Dialer) welcome(ctx context.Context, s *Session, o offers) error {
	err := o.verify(s.details)
	if err == nil && d.OnWelcome != nil {
		err = d.OnWelcome(ctx, s)
	}
	if err == nil {
		return nil
	}
	s.peer.End(&msg.Message{
		Type: msg.Abort, URI: []byte(errCannotAuthenticate), Dict: s.peer.MessageDict(err.Error()),
	}, nil)
	return fmt.Errorf("the session is refused by this end: %w", err)
}

// errCannotAuthenticate is what existing clients send when they refuse a
// session.
const errCannotAuthenticate = "wamp.error.cannot_authenticate"

// giveUp ends a session that was not joined, and returns err. While ctx lasts
// the router has a moment to read why.
func (s *Session) giveUp(ctx context.Context, err error) error {
	if s.Err() == nil {
		s.peer.End(nil, nil) // else whoever ended the session says farewell
	}
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	select {
	case <-s.done:
	case <-patience.C:
	case <-ctx.Done():
	}
	s.peer.Close(nil)
	<-s.done
	return err
}

func (d *Dialer) realm() string {
	return cmp.Or(d.Realm, DefaultRealm)
}

// hello returns the details of HELLO.
func (d *Dialer) hello(o offers, extra map[string]any) map[string]any {
	details := map[string]any{"agent": agent, "roles": rolesPlain}
	if d.KeyRing != nil || d.Passthru {
		details["roles"] = rolesPassthru
	}
	if len(o) > 0 {
		details["authmethods"] = o.methods()
	}
	if d.AuthID != "" {
		details["authid"] = d.AuthID
	}
	if extra != nil {
		details["authextra"] = extra
	}
	maps.Copy(details, d.HelloDetails)
	return details
}

// authenticate answers a CHALLENGE. When that is not possible the router is
// told by ABORT.
func (s *Session) authenticate(ctx context.Context, o offers, c challenge) error {
	offer := o.find(c.method)
	if offer == nil {
		err := &Error{URI: ErrNoMatchingAuthMethod, Args: Args{"the router asks for " + c.method}}
		s.peer.End(&msg.Message{
			Type: msg.Abort, URI: []byte(err.URI), Dict: s.peer.MessageDict(err.Message()),
		}, nil)
		return err
	}
	signature, details, err := offer.proof.Respond(ctx, c.extra)
	if err != nil {
		text := "the client cannot answer the challenge" // why may be a secret
		if errors.Is(err, ErrRouterUnproven) {
			text = ErrRouterUnproven.Error()
		}
		s.peer.End(&msg.Message{
			Type: msg.Abort, URI: []byte(msg.ErrAuthenticationFailed), Dict: s.peer.MessageDict(text),
		}, nil)
		return fmt.Errorf("authenticate by %s: %w", c.method, err)
	}
	offer.answered = true
	if details == nil {
		details = map[string]any{}
	}
	m := msg.Message{Type: msg.Authenticate, URI: []byte(signature)}
	if m.Dict, err = codec.Marshal(nil, s.format, details); err != nil {
		return fmt.Errorf("authenticate by %s: %w", c.method, err)
	}
	if err := s.peer.Send(&m, nil); err != nil {
		return s.sendError(err)
	}
	s.peer.Flush()
	return nil
}

// handshake handles a message that comes before WELCOME. It runs on the
// reader.
func (r *reader) handshake(m *msg.Message) error {
	h := r.joining
	switch m.Type {
	case msg.Welcome:
		details := dict(r.format, m.Dict)
		// A router without proper roles is taken for one without features.
		r.roles, _ = msg.ParseRoles(details["roles"])
		r.id, r.details = m.ID, details
		r.authID = detail(details, "authid")
		r.authRole = detail(details, "authrole")
		r.authMethod = detail(details, "authmethod")
		if realm := detail(details, "realm"); realm != "" {
			r.realm = realm
		}
		r.joining = nil
		h.joined <- nil
		return nil
	case msg.Abort:
		h.joined <- abortError(r.format, m)
		(*Session)(r).peer.End(nil, nil)
		return nil
	case msg.Challenge:
		select {
		case h.challenges <- challenge{method: string(m.URI), extra: dict(r.format, m.Dict)}:
			return nil
		default:
			return &msg.Violation{Text: "CHALLENGE before the answer to the last one"}
		}
	}
	return &msg.Violation{Text: fmt.Sprintf("%v before WELCOME", m.Type)}
}

// abortError is the error that the router's ABORT says.
func abortError(f msg.Format, m *msg.Message) *Error {
	p, _ := keep(&m.Payload, nil)
	e := &Error{URI: URI(m.URI), Origin: OriginRemote, raw: received(&p)}
	e.Args, _ = e.raw.Args()
	e.Kwargs, _ = e.raw.Kwargs()
	if text := detail(dict(f, m.Dict), "message"); text != "" && e.Message() == "" {
		e.Args = append(Args{text}, e.Args...)
	}
	return e
}
