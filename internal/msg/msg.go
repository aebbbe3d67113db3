// Package msg names everything that goes over a WAMP connection: message
// types, option and detail keys, error URIs, roles and features, and the
// parsed envelope of a message. It holds structs and constants only: reading
// and writing bytes is package codec's work, routing is package core's.
package msg

import "strconv"

// Type is the code of a message, the first element of its array
// (specification, basic profile, section "Messages").
type Type uint16

// The messages of the basic and the advanced profile.
const (
	Hello        Type = 1
	Welcome      Type = 2
	Abort        Type = 3
	Challenge    Type = 4
	Authenticate Type = 5
	Goodbye      Type = 6
	Error        Type = 8
	Publish      Type = 16
	Published    Type = 17
	Subscribe    Type = 32
	Subscribed   Type = 33
	Unsubscribe  Type = 34
	Unsubscribed Type = 35
	Event        Type = 36
	Call         Type = 48
	Cancel       Type = 49
	Result       Type = 50
	Register     Type = 64
	Registered   Type = 65
	Unregister   Type = 66
	Unregistered Type = 67
	Invocation   Type = 68
	Interrupt    Type = 69
	Yield        Type = 70

	// EventReceived is the acknowledgment of an event that Autobahn knows as
	// an extension. It is parsed, and ignored by the router.
	EventReceived Type = 337
)

var typeNames = map[Type]string{
	Hello: "HELLO", Welcome: "WELCOME", Abort: "ABORT", Challenge: "CHALLENGE",
	Authenticate: "AUTHENTICATE", Goodbye: "GOODBYE", Error: "ERROR",
	Publish: "PUBLISH", Published: "PUBLISHED", Subscribe: "SUBSCRIBE",
	Subscribed: "SUBSCRIBED", Unsubscribe: "UNSUBSCRIBE", Unsubscribed: "UNSUBSCRIBED",
	Event: "EVENT", Call: "CALL", Cancel: "CANCEL", Result: "RESULT",
	Register: "REGISTER", Registered: "REGISTERED", Unregister: "UNREGISTER",
	Unregistered: "UNREGISTERED", Invocation: "INVOCATION", Interrupt: "INTERRUPT",
	Yield: "YIELD", EventReceived: "EVENT_RECEIVED",
}

// String returns the specification's name of the message, such as "CALL".
func (t Type) String() string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return "message " + strconv.Itoa(int(t))
}

// MaxID is the largest ID that WAMP allows, 2^53. IDs start at 1; 0 occurs
// only in the two revocation messages.
const MaxID = 1 << 53

// Format is a serializer. The numbers are those of the RawSocket handshake.
type Format uint8

// The serializers.
const (
	NoFormat    Format = 0
	JSON        Format = 1
	MessagePack Format = 2
	CBOR        Format = 3

	// Formats is one more than the highest Format, for tables indexed by it.
	Formats = 4
)

// String returns the serializer's name as WebSocket subprotocols spell it.
func (f Format) String() string {
	switch f {
	case JSON:
		return "json"
	case MessagePack:
		return "msgpack"
	case CBOR:
		return "cbor"
	}
	return "format " + strconv.Itoa(int(f))
}

// Payload is the application payload of a message, still serialized.
//
// Args and Kwargs are nil when the message had none. Tail holds both as they
// stood in the message, args first, so that an equal serializer can splice one
// slice; Args and Kwargs are parts of it. A payload that was not parsed from a
// message may leave Tail nil.
//
// Autobahn's enc_* form puts a string or byte string in place of the list:
// then Args holds that value, which is forwarded like any other.
type Payload struct {
	Format Format
	Args   []byte
	Kwargs []byte
	Tail   []byte
}

// Len returns the number of payload elements that a message with p carries:
// 0, 1 (args) or 2 (args and kwargs; absent args are then sent as empty).
func (p *Payload) Len() int {
	switch {
	case p.Kwargs != nil:
		return 2
	case p.Args != nil:
		return 1
	}
	return 0
}

// Size returns the number of payload bytes.
func (p *Payload) Size() int { return len(p.Args) + len(p.Kwargs) }

// Message is the parsed envelope of any message. Which fields are used depends
// on Type:
//
//	HELLO         URI realm, Dict details
//	WELCOME       ID session, Dict details
//	ABORT         URI reason, Dict details, Payload
//	CHALLENGE     URI authmethod, Dict extra
//	AUTHENTICATE  URI signature, Dict extra
//	GOODBYE       URI reason, Dict details
//	ERROR         ErrType, Request, URI error, Options, Payload
//	PUBLISH       Request, Options, URI topic, Payload
//	PUBLISHED     Request, ID publication
//	SUBSCRIBE     Request, Options, URI topic
//	SUBSCRIBED    Request, ID subscription
//	UNSUBSCRIBE   Request, ID subscription
//	UNSUBSCRIBED  Request; revoked: Request 0, ID subscription, Options.X.Reason
//	EVENT         ID subscription, Publication, Options, Payload; URI the "topic" detail, nil when absent
//	CALL          Request, Options, URI procedure, Payload
//	CANCEL        Request, Options
//	RESULT        Request, Options, Payload
//	REGISTER      Request, Options, URI procedure
//	REGISTERED    Request, ID registration
//	UNREGISTER    Request, ID registration
//	UNREGISTERED  Request; revoked: Request 0, ID registration, Options.X.Reason
//	INVOCATION    Request, ID registration, Options, Payload; URI the "procedure" detail, nil when absent
//	INTERRUPT     Request, Options
//	YIELD         Request, Options, Payload
//
// A message that was parsed refers to the bytes it was parsed from: nothing of
// it may be kept without copying unless those bytes are kept too.
type Message struct {
	Type        Type
	ErrType     Type
	Request     uint64
	ID          uint64
	Publication uint64
	URI         []byte
	Options     Options

	// Dict is the raw options, details or extra dictionary. Parsing always
	// sets it. Building writes it as it is when it is not nil (it must be in
	// the format that is built), else it writes Options.
	Dict []byte

	Payload Payload
}

// Violation is a breach of the protocol by the peer. It ends the session with
// ABORT and its URI, wamp.error.protocol_violation unless another is set
// (specification, basic profile, section "Protocol Violations").
type Violation struct {
	URI  string // error URI; empty: wamp.error.protocol_violation
	Text string // what was wrong, sent as the ABORT's message
}

func (v *Violation) Error() string {
	if v.URI == "" || v.URI == ErrProtocolViolation {
		return "protocol violation: " + v.Text
	}
	return v.URI + ": " + v.Text
}

// Reason returns the URI for the ABORT.
func (v *Violation) Reason() string {
	if v.URI == "" {
		return ErrProtocolViolation
	}
	return v.URI
}

// CloseCode returns the WebSocket close code for a connection that ends with v:
// a protocol error, or an orderly end for a refusal.
func (v *Violation) CloseCode() int {
	if v.Reason() == ErrProtocolViolation {
		return 1002
	}
	return 1000
}
