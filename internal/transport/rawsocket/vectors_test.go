package rawsocket

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

// vector is an opening handshake, a refusal, or the header of a frame.
type vector struct {
	Serializer       string
	ID               byte
	LengthExp        byte `json:"length_exp"`
	MaxOctets        int  `json:"max_octets"`
	Handshake, Reply string

	Error string
	Code  byte

	Frame, Prefix string
}

// frames are those that the vectors describe in words.
var frames = map[string]struct {
	typ  byte
	size int
}{
	"16777215-octet message prefix": {typeMessage, 1<<24 - 1},
	"16777216-octet message prefix": {typeMessage, 1 << 24},
	"ping with 5 octets":            {typePing, 5},
	"pong with 5 octets":            {typePong, 5},
}

// TestVectors has the octets that the specification names, section "RawSocket
// Transport".
func TestVectors(t *testing.T) {
	data, err := os.ReadFile("../../auth/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		RawSocket []vector `json:"rawsocket"`
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.RawSocket) < 11 {
		t.Fatal("vectors are missing")
	}
	for _, v := range all.RawSocket {
		switch {
		case v.Handshake != "":
			v.handshake(t)
		case v.Error != "":
			v.refusal(t)
		default:
			v.frame(t)
		}
	}
}

func octets(t *testing.T, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// handshake sends the octets to a server with the same limit, which answers with
// the same.
func (v *vector) handshake(t *testing.T) {
	server, client := tcp(t)
	if _, err := client.Write(octets(t, v.Handshake)); err != nil {
		t.Fatal(err)
	}
	c, err := Accept(context.Background(), server, nil, &Options{Limits: transport.Limits{MaxMessage: v.MaxOctets}})
	if err != nil {
		t.Fatalf("%s: %v", v.Handshake, err)
	}
	reply := make([]byte, 4)
	if _, err := io.ReadFull(client, reply); err != nil || !bytes.Equal(reply, octets(t, v.Handshake)) {
		t.Errorf("%s is answered by %x, %v", v.Handshake, reply, err)
	}
	if c.Format().String() != v.Serializer || byte(c.Format()) != v.ID || c.MaxSend() != v.MaxOctets {
		t.Errorf("%s: the serializer is %v, for %d octets", v.Handshake, c.Format(), c.MaxSend())
	}
	if code, size := lengthCode(v.MaxOctets); code != v.LengthExp || size != v.MaxOctets {
		t.Errorf("%d octets have the code %d for %d, want %d", v.MaxOctets, code, size, v.LengthExp)
	}
}

// refusal has a server answer a client so.
func (v *vector) refusal(t *testing.T) {
	server, client := tcp(t)
	if _, err := server.Write(octets(t, v.Reply)); err != nil {
		t.Fatal(err)
	}
	_, err := Client(context.Background(), client, msg.JSON, transport.Limits{})
	var refusal Refusal
	if !errors.As(err, &refusal) || byte(refusal) != v.Code {
		t.Errorf("%s, %s, is taken for %v", v.Reply, v.Error, err)
	}
}

func (v *vector) frame(t *testing.T) {
	want, ok := frames[v.Frame]
	if !ok {
		t.Fatalf("unknown frame %q", v.Frame)
	}
	typ, size, ok, err := parseHeader(octets(t, v.Prefix), maxFrame)
	if !ok || err != nil || typ != want.typ || size != want.size {
		t.Errorf("%s: type %d, %d octets, %v", v.Frame, typ, size, err)
	}
	if got := appendHeader(nil, want.typ, want.size); hex.EncodeToString(got) != v.Prefix {
		t.Errorf("%s is written as %x, want %s", v.Frame, got, v.Prefix)
	}
}
