package app_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/wampeter/wampeter/wamptest"
)

// wire is what passes a Proxy.
type wire struct {
	t                testing.TB
	mu               sync.Mutex
	toRouter, toHere bytes.Buffer
}

func tap(t testing.TB, p *wamptest.Proxy) *wire {
	w := &wire{t: t}
	p.Tap(func(toRouter bool, data []byte) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if toRouter {
			w.toRouter.Write(data)
		} else {
			w.toHere.Write(data)
		}
	})
	return w
}

// sent returns the bytes that clients have sent, received those of the router.
func (w *wire) sent() []byte     { return w.copyOf(&w.toRouter) }
func (w *wire) received() []byte { return w.copyOf(&w.toHere) }

func (w *wire) copyOf(b *bytes.Buffer) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(b.Bytes())
}

// rawMessages takes one RawSocket connection in JSON apart.
func rawMessages(stream []byte) (texts []string) {
	if len(stream) < 4 {
		return nil
	}
	for stream = stream[4:]; len(stream) >= 4; {
		head := binary.BigEndian.Uint32(stream)
		n := min(int(head&0xffffff), len(stream)-4)
		if head>>24 == 0 {
			texts = append(texts, string(stream[4:4+n]))
		}
		stream = stream[4+n:]
	}
	return texts
}

// webMessages takes what a client sent on its last WebSocket connection apart:
// short masked frames.
func webMessages(stream []byte) (texts []string) {
	_, frames, _ := bytes.Cut(stream[max(bytes.LastIndex(stream, []byte("GET /")), 0):], []byte("\r\n\r\n"))
	for len(frames) >= 6 {
		opcode, n, head := frames[0]&0xf, int(frames[1]&0x7f), 2
		if n == 126 && len(frames) >= 4 {
			n, head = int(binary.BigEndian.Uint16(frames[2:])), 4
		}
		if len(frames) < head+4+n {
			break
		}
		mask, payload := frames[head:head+4], bytes.Clone(frames[head+4:head+4+n])
		for i := range payload {
			payload[i] ^= mask[i%4]
		}
		if opcode == 1 {
			texts = append(texts, string(payload))
		}
		frames = frames[head+4+n:]
	}
	return texts
}

// types are the types of messages.
func types(t testing.TB, texts []string) (list []int) {
	t.Helper()
	for _, text := range texts {
		var m []any
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("%s: %v", strings.ToValidUTF8(text, "?"), err)
		}
		list = append(list, int(m[0].(float64)))
	}
	return list
}
