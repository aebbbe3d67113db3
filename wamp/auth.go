package wamp

// Authenticator is a way to prove who a session is. The functions of this
// package make them.
type Authenticator interface{ method() string }

// Ticket authenticates by a shared secret that is sent as it is
// (specification, advanced profile, "Ticket-based Authentication"). Use it
// over TLS only.
func Ticket(ticket string) Authenticator { panic("not yet") }

// Anonymous is the authentication method that proves nothing. It is the one
// that is offered when a Dialer names none.
func Anonymous() Authenticator { panic("not yet") }
