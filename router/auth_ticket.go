package router

import (
	"context"
	"sync/atomic"

	"github.com/wampeter/wampeter/internal/auth"
)

// Anonymous accepts clients that prove nothing, as the principal that is found:
//
//	realm.Authenticate(router.Anonymous(router.Principal{Role: "guest"}))
//
// Without an AuthID they get random ones. What the client says that its authid
// is does not count, but is in the Query. It panics when it is given a Table:
// there everybody could be anybody.
func Anonymous(from Principals) Authenticator {
	if _, ok := from.(*Table); ok {
		panic("router.Anonymous: a table is for those who prove who they are")
	}
	return &anonymous{method{auth.MethodAnonymous, from}}
}

type anonymous struct{ method }

func (a *anonymous) Authenticate(ctx context.Context, h *Handshake) (*Identity, error) {
	q := a.query(h)
	if _, ok := a.from.(Principal); ok {
		q.AuthID = ""
	}
	p, _, why, err := a.find(ctx, q)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, deny(why)
	}
	return a.identity(p, &Query{}), nil
}

// Ticket accepts clients that send the right ticket (specification, advanced
// profile, "Ticket-based Authentication").
//
// From a Table, or a Webhook or Procedure that answers with a ticket, the ticket
// is checked here, in constant time, and somebody unknown takes as long as
// somebody known. Sources that are asked with the ticket, and answer without
// one, have checked it.
func Ticket(from Principals) Authenticator {
	return &ticket{method: method{auth.MethodTicket, from}}
}

// TicketFunc accepts clients whose ticket a function accepts. The function
// refuses by an error, or by returning nil; *wamp.Error and wamp.URI are told to
// the client. It is not asked again when the realm is configured anew: sessions
// stay, see Revalidator.
func TicketFunc(check func(ctx context.Context, h *Handshake, ticket string) (*Identity, error)) Authenticator {
	return MethodAuthenticator(auth.MethodTicket, func(ctx context.Context, h *Handshake) (*Identity, error) {
		sent, _, err := h.Challenge(ctx, auth.MethodTicket, nil)
		if err != nil {
			return nil, err
		}
		id, err := check(ctx, h, sent)
		if id == nil && err == nil {
			err = deny(errUnknown)
		}
		return id, err
	})
}

type ticket struct {
	method
	last atomic.Pointer[auth.StoredTicket] // that a source other than a table had
}

// checksTickets is implemented by sources that an application answers: they are
// asked with the ticket.
type checksTickets interface{ checksTickets() bool }

func (a *ticket) Authenticate(ctx context.Context, h *Handshake) (*Identity, error) {
	q := a.query(h)
	table, static := a.from.(*Table)
	if static && h.AuthID == "" {
		return nil, errNoAuthID
	}
	var err error
	if q.Ticket, _, err = h.Challenge(ctx, auth.MethodTicket, nil); err != nil {
		return nil, err
	}
	p, s, why, err := a.find(ctx, q)
	if err != nil {
		return nil, err
	}
	stored := a.fake(table, h.AuthID)
	if s != nil && s.ticket != nil {
		stored = *s.ticket
		if !static {
			a.last.Store(&stored)
		}
	} else if p != nil {
		if c, ok := a.from.(checksTickets); ok && c.checksTickets() {
			return a.identity(p, q), nil
		}
		p, why = nil, errNoSecret
	}
	err = verifyTicket(ctx, &stored, q.Ticket)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case p == nil:
		return nil, deny(why)
	case err != nil:
		return nil, deny(err)
	}
	return a.identity(p, q), nil
}

// fake returns a ticket that nobody has, as costly to check as one that somebody
// has.
func (a *ticket) fake(t *Table, authID string) auth.StoredTicket {
	if t != nil {
		if s := t.like(authID, func(s *secrets) bool { return s.ticket != nil }); s != nil {
			return s.ticket.FakeTicket()
		}
	} else if last := a.last.Load(); last != nil {
		return last.FakeTicket()
	}
	return new(auth.StoredTicket).FakeTicket()
}
