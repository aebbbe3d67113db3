// Package longpoll is the HTTP long-poll transport at both ends (specification,
// section "HTTP Longpoll Transport"): a Server, which is an http.Handler, and
// Dial. Each connection is a series of POST requests below a base URL:
//
//	/open          {"protocols": [...]}, answered by {"protocol", "transport"}
//	/<id>/receive  held until there is output; answered by one message, or by a
//	               batch of all that wait when the protocol is a batched one
//	/<id>/send     one message, or a batch
//	/<id>/close    nothing more will be sent
//
// What the specification leaves open:
//
//   - A receive is answered empty (200, no body) when it was held for the time
//     Options.Hold, and when another one comes: there is one receive at a time.
//   - A connection without a receive for the time Options.Expiry is lost.
//   - A send that is malformed (400) or too large (413) ends the connection, as
//     on all transports; what the session has to say about it can be received.
//   - Output that was written before the end can be received until then and
//     after it; then receive is answered by 410 Gone, once, and everything by
//     404 Not Found. The same goes for unknown ids.
//   - A send is answered when its messages are queued. Beyond 64 KiB of
//     messages that are not handled yet, it waits.
package longpoll

import (
	"fmt"
	"io"
	"net/http"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// capacity is the number of bytes that one direction of a connection holds
// before writing waits. It is also the size up to which messages share a batch.
const capacity = 64 << 10

// openRequest is the body of an open request, and openResponse its answer.
type (
	openRequest struct {
		Protocols []string `json:"protocols"`
	}
	openResponse struct {
		Protocol  string `json:"protocol"`
		Transport string `json:"transport"`
	}
)

// maxOpen is the largest body of an open request or its answer, in bytes.
const maxOpen = 16 << 10

// contentType is the media type of messages.
func contentType(f msg.Format) string {
	switch f {
	case msg.MessagePack:
		return "application/x-msgpack"
	case msg.CBOR:
		return "application/cbor"
	default:
		return "application/json"
	}
}

// body returns what to send of data, complete messages in the framing Prefixed:
// the first one, or for batched protocols as many as fit the capacity; at least
// one. data is not changed.
func body(p transport.Subprotocol, data []byte) (out, rest []byte) {
	message, rest, _ := transport.CutPrefixed(data)
	if !p.Batched {
		return message, rest
	}
	for {
		if p.Text() {
			out = append(append(out, message...), transport.RecordSeparator)
		}
		next, after, ok := transport.CutPrefixed(rest)
		if !ok || len(data)-len(after) > capacity {
			break
		}
		message, rest = next, after
	}
	if !p.Text() {
		out = data[:len(data)-len(rest)]
	}
	return out, rest
}

// complete returns how many bytes at the beginning of data are complete
// messages in the framing Prefixed.
func complete(data []byte) int {
	rest := data
	for ok := true; ok; {
		_, rest, ok = transport.CutPrefixed(rest)
	}
	return len(data) - len(rest)
}

// check reports whether b is a message, or a batch, with no message above the
// limit. The error is a *transport.Error.
func check(p transport.Subprotocol, b []byte, limit int) error {
	switch {
	case len(b) == 0:
		return errNoMessage
	case !p.Batched && len(b) > limit:
		return tooBig(limit)
	case !p.Batched:
		return nil
	}
	for len(b) > 0 {
		message, rest, ok := p.Cut(b)
		switch {
		case !ok:
			return &transport.Error{Code: 1002, Text: "long-poll: malformed batch of messages"}
		case len(message) > limit:
			return tooBig(limit)
		}
		b = rest
	}
	return nil
}

var errNoMessage = &transport.Error{Code: 1002, Text: "long-poll: no message"}

func tooBig(limit int) error {
	return &transport.Error{Code: 1009, Text: fmt.Sprintf("long-poll: message is larger than %d bytes", limit)}
}

// deliver hands over the messages of a, which was checked.
func deliver(h transport.Handler, p transport.Subprotocol, a *transport.Assembly) error {
	b := a.Bytes()
	if !p.Batched {
		return h.Message(b, a.Block())
	}
	for len(b) > 0 {
		var message []byte
		message, b, _ = p.Cut(b)
		if err := h.Message(message, a.Block()); err != nil {
			return err
		}
	}
	return nil
}

// readBody reads into a the body of a request or response of size bytes, -1
// when that is unknown, and checks it. A *transport.Error says that it breaks
// the rules.
func readBody(a *transport.Assembly, r io.Reader, size int64, p transport.Subprotocol, limit int) error {
	most := limit
	if p.Batched {
		most += capacity
	}
	if size > int64(most) {
		return tooBig(limit)
	}
	if size >= 0 {
		a.Expect(int(size))
	}
	for {
		if size < 0 && a.Missing() == 0 {
			a.Expect(min(most+1-a.Len(), max(a.Len(), 4<<10)))
		}
		room, err := a.Room()
		if err != nil {
			return err
		}
		if len(room) == 0 {
			break // all of a known size has come
		}
		n, err := r.Read(room)
		a.Filled(n)
		if a.Len() > most {
			return tooBig(limit)
		}
		if err == io.EOF && size < 0 {
			break
		}
		if err == io.EOF && a.Missing() > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && err != io.EOF {
			return err
		}
	}
	return check(p, a.Bytes(), limit)
}

// success reports whether an HTTP status is one of those that mean success;
// servers differ about which one answers what.
func success(status int) bool {
	return status >= http.StatusOK && status < http.StatusMultipleChoices
}
