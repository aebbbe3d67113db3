//go:build interop && unix

package interop

import (
	big "encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// byHand is a callee that takes the input of a call in parts (specification,
// advanced profile, "Progressive Call Invocations"), in JSON over RawSocket.
type byHand struct{ conn net.Conn }

func dialByHand(t *testing.T, url string) *byHand {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "tcp://"))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	hello := []byte{0x7f, 0xf1, 0, 0} // 16 MiB, JSON
	_, err = conn.Write(hello)
	must(t, err)
	_, err = io.ReadFull(conn, hello)
	must(t, err)
	h := &byHand{conn}
	features := dict{"progressive_call_invocations": true, "progressive_call_results": true, "call_canceling": true}
	must(t, h.send(1, realm, dict{"roles": dict{"callee": dict{"features": features}}}))
	_, err = h.receive(2)
	must(t, err)
	return h
}

func (h *byHand) send(message ...any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = h.conn.Write(append(big.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	return err
}

// receive returns the next message, which has to be of the type.
func (h *byHand) receive(kind int) ([]any, error) {
	var size [4]byte
	if _, err := io.ReadFull(h.conn, size[:]); err != nil {
		return nil, err
	}
	body := make([]byte, big.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(h.conn, body); err != nil {
		return nil, err
	}
	var message []any
	if err := json.Unmarshal(body, &message); err != nil {
		return nil, err
	}
	if message[0] != float64(kind) {
		return nil, fmt.Errorf("got %s instead of a message of type %d", body, kind)
	}
	return message, nil
}

func (h *byHand) register(uri string) error {
	if err := h.send(64, 1, dict{}, uri); err != nil {
		return err
	}
	_, err := h.receive(65)
	return err
}

// serveOne serves one call, and returns its input.
func (h *byHand) serveOne() (parts []any, err error) {
	for {
		invocation, err := h.receive(68)
		if err != nil {
			return parts, err
		}
		for _, arg := range invocation[4].([]any) {
			if n, ok := arg.(float64); ok {
				arg = json.Number(fmt.Sprint(n))
			}
			parts = append(parts, arg)
		}
		if invocation[3].(dict)["progress"] != true {
			return parts, h.send(70, invocation[1], dict{}, []any{"done"})
		}
		if len(parts) == 1 {
			if err := h.send(70, invocation[1], dict{"progress": true}, []any{"first part seen"}); err != nil {
				return parts, err
			}
		}
	}
}
