package router

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/wampeter/wampeter/wamp"
)

// All accepts clients that each of several authenticators accepts, one after the
// other, in as many rounds as they take: a ticket and then a key, say. The
// session is who the first one says, but for the expiry, which is the earliest.
// All has the method of the first; the client has to offer those of the others,
// too. They must agree on the AuthID.
//
// As a Revalidator it accepts a session that each of them would still accept.
func All(first Authenticator, others ...Authenticator) Authenticator {
	return all(append([]Authenticator{first}, others...))
}

type all []Authenticator

// Method implements Authenticator.
func (a all) Method() string { return a[0].Method() }

// part is what one of the authenticators has found out, in the Evidence of All.
type part struct {
	By       string `json:"by"`
	AuthID   string `json:"authid"`
	Role     string `json:"role"`
	Provider string `json:"provider"`
	Evidence string `json:"evidence"`
}

func (a all) Authenticate(ctx context.Context, h *Handshake) (*Identity, error) {
	for _, next := range a[1:] {
		if m := next.Method(); m != "" && !h.Accepts(m) {
			return nil, wamp.Errorf(wamp.ErrNoMatchingAuthMethod, "the client has to offer %s beside %s", m, a.Method())
		}
	}
	var id *Identity
	parts := make([]part, len(a))
	for i := range a {
		next, err := ask(ctx, h, a[i])
		if err != nil || next == nil && i == 0 {
			return nil, err
		}
		switch {
		case next == nil:
			return nil, deny(fmt.Errorf("%s alone does not suffice", a.Method()))
		case i == 0:
			id = next
		case next.AuthID != "" && id.AuthID != "" && next.AuthID != id.AuthID:
			return nil, deny(fmt.Errorf("by %s the client is %s, by %s %s", id.Method, quote(id.AuthID), next.Method, quote(next.AuthID)))
		case !next.Expires.IsZero() && (id.Expires.IsZero() || next.Expires.Before(id.Expires)):
			id.Expires = next.Expires
		}
		parts[i] = part{next.by, next.AuthID, next.Role, next.Provider, next.Evidence}
	}
	evidence, err := json.Marshal(parts)
	if err != nil {
		return nil, err
	}
	id.Evidence = string(evidence)
	return id, nil
}

// Revalidate implements Revalidator.
func (a all) Revalidate(id *Identity) *Identity {
	var parts []part
	if err := json.Unmarshal([]byte(id.Evidence), &parts); err != nil || len(parts) != len(a) {
		return nil
	}
	now := *id
	for i, p := range parts {
		if p.By != a[i].Method() {
			return nil
		}
		v, asks := a[i].(Revalidator)
		if !asks {
			continue
		}
		again := v.Revalidate(&Identity{AuthID: p.AuthID, Role: p.Role, Provider: p.Provider, Evidence: p.Evidence, by: p.By})
		if again == nil {
			return nil
		}
		if i == 0 {
			now.Role = again.Role
		}
	}
	return &now
}
