package core

import "github.com/wampeter/wampeter/internal/msg"

// Realm is a broker and a dealer with their sessions.
type Realm struct{ cfg Config }

type sessionState struct{}

// New returns an empty realm.
func New(cfg Config) *Realm { return &Realm{cfg: cfg} }

// The methods below handle one message of session s each. An error is a
// *msg.Violation: the session has to be aborted.

func (r *Realm) Join(s *Session, out *Out)                              { panic("not yet") }
func (r *Realm) Leave(s *Session, out *Out)                             { panic("not yet") }
func (r *Realm) Subscribe(s *Session, m *msg.Message, out *Out) error   { panic("not yet") }
func (r *Realm) Unsubscribe(s *Session, m *msg.Message, out *Out) error { panic("not yet") }
func (r *Realm) Publish(s *Session, m *msg.Message, out *Out) error     { panic("not yet") }
func (r *Realm) Register(s *Session, m *msg.Message, out *Out) error    { panic("not yet") }
func (r *Realm) Unregister(s *Session, m *msg.Message, out *Out) error  { panic("not yet") }
func (r *Realm) Call(s *Session, m *msg.Message, out *Out) error        { panic("not yet") }
func (r *Realm) Cancel(s *Session, m *msg.Message, out *Out) error      { panic("not yet") }
func (r *Realm) Yield(s *Session, m *msg.Message, out *Out) error       { panic("not yet") }
func (r *Realm) Error(s *Session, m *msg.Message, out *Out) error       { panic("not yet") }

// Undeliverable says that the effect m could not be given to session s, with
// the URI that tells why (payload_size_exceeded, unavailable).
func (r *Realm) Undeliverable(s *Session, m *msg.Message, uri string, out *Out) { panic("not yet") }
