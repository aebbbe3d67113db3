package codec

import (
	"strings"
	"unicode/utf8"

	"github.com/wampeter/wampeter/internal/msg"
)

// layout describes the elements of a message after its type, one letter each:
//
//	r  Message.Request
//	i  Message.ID
//	p  Message.Publication
//	e  Message.ErrType
//	u  Message.URI
//	d  Message.Dict, of which nothing is parsed
//	o  Message.Dict parsed into Message.Options
//	x  a dictionary that may be missing and is ignored
//	v  a dictionary that may be missing; after Request 0, which makes the message
//	   a revocation, it is parsed as o is, and else ignored
//	a  the payload
type layout string

// layouts holds the layout of each message (specification, sections
// "Messages" of both profiles).
var layouts = [...]layout{
	msg.Hello:        "ud",
	msg.Welcome:      "id",
	msg.Abort:        "dua",
	msg.Challenge:    "ud",
	msg.Authenticate: "ud",
	msg.Goodbye:      "du",
	msg.Error:        "eroua",
	msg.Publish:      "roua",
	msg.Published:    "ri",
	msg.Subscribe:    "rou",
	msg.Subscribed:   "ri",
	msg.Unsubscribe:  "rix", // Autobahn knows options here
	msg.Unsubscribed: "rv",
	msg.Event:        "ipoa",
	msg.Call:         "roua",
	msg.Cancel:       "ro",
	msg.Result:       "roa",
	msg.Register:     "rou",
	msg.Registered:   "ri",
	msg.Unregister:   "rix",
	msg.Unregistered: "rv",
	msg.Invocation:   "rioa",
	msg.Interrupt:    "ro",
	msg.Yield:        "roa",
}

// layoutOf returns the layout of messages of type t, "" when there is none.
func layoutOf(t msg.Type) layout {
	if int(t) < len(layouts) {
		return layouts[t]
	}
	if t == msg.EventReceived {
		return "r"
	}
	return ""
}

// message reads the whole message into m.
func (r *reader) message(m *msg.Message) {
	*m = msg.Message{}
	if r.last != nil && r.last.stream.size > 0 && r.next(m) {
		return
	}
	var v value
	r.value(&v)
	if r.err == nil && v.kind != kindList {
		r.fail(violation("the message is no list"))
	}
	envelope := r.open()
	if !r.more(&envelope) {
		r.fail(violation("the message is an empty list"))
		return
	}
	r.value(&v)
	if r.err != nil {
		return
	}
	if v.kind != kindUint {
		r.fail(violation("the message type is no integer"))
		return
	}
	m.Type = msg.Type(v.num)
	l := layoutOf(m.Type)
	if l == "" || v.num != uint64(m.Type) {
		r.fail(violation("unknown message type %d", v.num))
		return
	}
	for i := range len(l) {
		more := r.more(&envelope)
		if r.err != nil {
			return
		}
		if !more {
			r.missing(m, l[i])
			r.end()
			return
		}
		if l[i] == 'a' {
			if r.payload(m, &envelope) {
				r.end()
				return
			}
			break
		}
		r.element(m, l[i])
	}
	if r.more(&envelope) {
		r.fail(violation("%v has too many elements", m.Type))
	}
	r.end()
}

// missing handles a message that ends before the element c.
func (r *reader) missing(m *msg.Message, c byte) {
	switch c {
	case 'a', 'x':
	case 'v':
		if m.Request == 0 {
			r.failID(m.Type, "request", 0)
		}
	default:
		r.fail(violation("%v has too few elements", m.Type))
	}
}

// element reads the element c of the layout of m.
func (r *reader) element(m *msg.Message, c byte) {
	var v value
	r.value(&v)
	if r.err != nil {
		return
	}
	switch c {
	case 'r':
		m.Request = v.num
		// 0 is left to the case of the revocation's dictionary, if there can be one.
		if m.Request != 0 || v.kind != kindUint || m.Type != msg.Unsubscribed && m.Type != msg.Unregistered {
			r.id(m.Type, "request", &v)
		}
	case 'i':
		m.ID = r.id(m.Type, "", &v)
	case 'p':
		m.Publication = r.id(m.Type, "publication", &v)
	case 'u':
		if m.Type == msg.Authenticate {
			r.binaryText(&v)
		}
		if v.kind != kindString {
			r.fail(violation("%v: %s is no string", m.Type, uriName(m.Type)))
		}
		m.URI = v.text
	case 'e':
		m.ErrType = msg.Type(v.num)
		if v.kind != kindUint || v.num != uint64(m.ErrType) || !canFail(m.ErrType) {
			r.fail(violation("ERROR for no type of request"))
		}
	default:
		if v.kind != kindDict {
			r.fail(violation("%v: %s are no dictionary", m.Type, dictName(m.Type)))
			return
		}
		revocation := c == 'v' && m.Request == 0
		switch {
		case c == 'o' && r.last != nil:
			if !r.last.recall(r, m) {
				r.options(m)
				r.last.remember(r, m, v.start)
			}
			if m.Options.Is(msg.Progress) {
				r.last.begin(r, m, v.start)
			}
		case c == 'o' || revocation:
			r.options(m)
		default:
			r.dict()
		}
		if c == 'o' || c == 'd' || revocation {
			m.Dict = r.data[v.start:r.pos:r.pos]
		}
		if revocation && m.ID == 0 {
			r.fail(violation("%v: the revocation does not name what it revokes", m.Type))
		}
	}
}

// binaryText makes a string of text that came as bytes, as Autobahn|Python sends
// the proofs of SCRAM.
func (r *reader) binaryText(v *value) {
	var text []byte
	if v.kind == kindBytes && Unmarshal(r.f, r.data[v.start:r.pos], &text) == nil && utf8.Valid(text) {
		v.kind, v.text = kindString, text
	}
}

// id returns the ID in v, which is the element called what.
func (r *reader) id(t msg.Type, what string, v *value) uint64 {
	if v.isID() {
		return v.num
	}
	if what == "" {
		what = idName(t)
	}
	if v.kind != kindUint {
		r.fail(violation("%v: %s is no integer from 1 to 2^53", t, what))
	} else {
		r.failID(t, what, v.num)
	}
	return 0
}

func (r *reader) failID(t msg.Type, what string, id uint64) {
	r.fail(violation("%v: %s %d is not within 1 to 2^53", t, what, id))
}

// payload reads args and kwargs, the envelope standing at the first of them,
// and reports whether it came to the envelope's end.
func (r *reader) payload(m *msg.Message, envelope *frame) (ended bool) {
	p := &m.Payload
	encrypted := m.Options.Set&msg.KeyEncAlgo != 0
	var v value
	r.value(&v)
	first := v.start
	switch v.kind {
	case kindList:
		encrypted = false
		r.list()
	case kindNull:
	case kindString, kindBytes:
		if !encrypted {
			r.fail(violation("%v: args are no list", m.Type))
		}
	default:
		r.fail(violation("%v: args are no list", m.Type))
	}
	if r.err != nil {
		return false
	}
	if v.kind != kindNull {
		p.Format = r.f
		p.Args = r.data[first:r.pos:r.pos]
		p.Tail = p.Args
	}
	if !r.more(envelope) {
		return true
	}
	r.value(&v)
	switch {
	case r.err != nil:
	case v.kind == kindNull:
	case encrypted && p.Args != nil:
		r.fail(violation("%v: kwargs beside an encrypted payload", m.Type))
	case v.kind != kindDict:
		r.fail(violation("%v: kwargs are no dictionary", m.Type))
	default:
		r.dict()
		if r.err != nil {
			return false
		}
		p.Kwargs = r.data[v.start:r.pos:r.pos]
		if p.Args != nil {
			p.Tail = r.data[first:r.pos:r.pos]
		} else {
			// wampy.js was seen to send null for no args. That is not passed on.
			r.emptyArgs(p)
		}
	}
	return false
}

// emptyArgs puts an empty list before the kwargs of p.
func (r *reader) emptyArgs(p *msg.Payload) {
	p.Format = r.f
	p.Tail = appendEmptyList(nil, r.f)
	n := len(p.Tail)
	if r.f == msg.JSON {
		p.Tail = append(p.Tail, ',')
	}
	start := len(p.Tail)
	p.Tail = append(p.Tail, p.Kwargs...)
	p.Args = p.Tail[:n:n]
	p.Kwargs = p.Tail[start:]
}

// canFail reports whether an ERROR can answer messages of type t. The
// specification knows the first seven; Autobahn and Nexus send the others.
func canFail(t msg.Type) bool {
	switch t {
	case msg.Subscribe, msg.Unsubscribe, msg.Publish, msg.Register, msg.Unregister, msg.Call, msg.Invocation,
		msg.Cancel, msg.Interrupt, msg.Yield:
		return true
	}
	return false
}

// The names of elements, for what is said about them.

func uriName(t msg.Type) string {
	switch t {
	case msg.Hello:
		return "realm"
	case msg.Challenge:
		return "authmethod"
	case msg.Authenticate:
		return "signature"
	case msg.Abort, msg.Goodbye:
		return "reason"
	case msg.Error:
		return "error URI"
	case msg.Publish, msg.Subscribe:
		return "topic"
	}
	return "procedure"
}

func idName(t msg.Type) string {
	switch t {
	case msg.Welcome:
		return "session"
	case msg.Published:
		return "publication"
	case msg.Registered, msg.Unregister, msg.Invocation:
		return "registration"
	}
	return "subscription"
}

func dictName(t msg.Type) string {
	switch {
	case t == msg.Challenge || t == msg.Authenticate:
		return "extra"
	case strings.Contains(string(layoutOf(t)), "d"), t == msg.Error, t == msg.Event, t == msg.Result, t == msg.Invocation,
		t == msg.Unsubscribed, t == msg.Unregistered:
		return "details"
	}
	return "options"
}
