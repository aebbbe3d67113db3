package wamp

import "context"

// Session is one WAMP session: from WELCOME to GOODBYE or the loss of its
// connection. It never becomes another one. All methods may be called
// concurrently.
type Session struct{}

// ID returns the session's id.
func (s *Session) ID() uint64 { panic("not yet") }

// Realm returns the realm that was joined.
func (s *Session) Realm() string { panic("not yet") }

// AuthID returns who the router says that the session is.
func (s *Session) AuthID() string { panic("not yet") }

// AuthRole returns the role that the router gave the session.
func (s *Session) AuthRole() string { panic("not yet") }

// AuthMethod returns how the session was authenticated.
func (s *Session) AuthMethod() string { panic("not yet") }

// Details returns the details of WELCOME.
func (s *Session) Details() map[string]any { panic("not yet") }

// HasFeature reports whether the router announced the feature for its role
// "broker" or "dealer".
func (s *Session) HasFeature(role, feature string) bool { panic("not yet") }

// Serializer returns the serializer of the connection.
func (s *Session) Serializer() Serializer { panic("not yet") }

// URL returns the URL that the session was dialed by; "" in process.
func (s *Session) URL() string { panic("not yet") }

// Done returns a channel that is closed when the session and its connection
// have ended.
func (s *Session) Done() <-chan struct{} { panic("not yet") }

// Err returns nil while the session lasts, then a *ClosedError that says why
// it ended.
func (s *Session) Err() error { panic("not yet") }

// Close leaves the realm with reason wamp.close.normal; see CloseWith.
func (s *Session) Close(ctx context.Context) error { return s.CloseWith(ctx, CloseNormal, "") }

// CloseWith says GOODBYE with a reason and an optional message, waits for the
// router's answer, then for the handlers, whose contexts are canceled. When ctx
// ends before, the connection is cut and ctx's error returned. Closing a
// session that has ended does nothing.
func (s *Session) CloseWith(ctx context.Context, reason URI, message string) error {
	panic("not yet")
}
