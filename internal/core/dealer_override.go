package core

import (
	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/uri"
)

// AllCalls is the procedure that a trusted session registers to be given all
// calls of the realm, whatever else is registered, but for those of reserved
// procedures. It does not appear in the meta API, and there is one at a time.
const AllCalls = "wamp.router.all_calls"

// registerAll handles REGISTER of AllCalls.
func (r *Realm) registerAll(s *Session, m *msg.Message, out *Out) {
	if r.override != nil {
		out.fail(s, msg.Register, m.Request, errProcedureAlreadyExists)
		return
	}
	// As a pattern, it has callees told which procedure is meant.
	reg := &registration{uri: AllCalls, match: msg.Prefix, created: r.cfg.Now()}
	reg.id = r.registrationID(reg.match, reg.uri)
	r.override = reg
	r.addCallee(reg, s, &m.Options)
	registered(s, m.Request, reg, out)
}

// Overrides reports whether id is that of the registration of AllCalls.
func (r *Realm) Overrides(id uint64) bool { return r.override != nil && r.override.id == id }

// overridden returns what serves calls of u although something else may be
// registered, nil when there is nothing.
func (r *Realm) overridden(u []byte) (*registration, []byte) {
	if uri.IsReserved(u) {
		return nil, nil
	}
	if !r.validURI(u) {
		return nil, errInvalidURI
	}
	return r.override, nil
}
