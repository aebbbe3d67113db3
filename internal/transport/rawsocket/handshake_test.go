package rawsocket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

func TestLengthCode(t *testing.T) {
	for _, tt := range []struct {
		limit  int
		code   byte
		octets int
	}{
		{0, 0, 512}, {511, 0, 512}, {512, 0, 512}, {1023, 0, 512}, {1024, 1, 1024},
		{1_000_000, 10, 524288}, {16<<20 - 1, 14, 8 << 20}, {16 << 20, 15, 16 << 20}, {1 << 30, 15, 16 << 20},
	} {
		code, octets := lengthCode(tt.limit)
		if code != tt.code || octets != tt.octets {
			t.Errorf("lengthCode(%d) = %d, %d, want %d, %d", tt.limit, code, octets, tt.code, tt.octets)
		}
	}
}

func TestAccept(t *testing.T) {
	full := errors.New("full")
	for _, tt := range []struct {
		name  string
		hello []byte
		o     Options
		reply []byte
		err   error
	}{
		{"json", []byte{Magic, 0xf1, 0, 0}, Options{}, []byte{Magic, 0xf1, 0, 0}, nil},
		{"own length", []byte{Magic, 0x02, 0, 0}, Options{Limits: transport.Limits{MaxMessage: 4096}}, []byte{Magic, 0x32, 0, 0}, nil},
		{"serializer 0", []byte{Magic, 0xf0, 0, 0}, Options{}, []byte{Magic, 0x10, 0, 0}, RefusedSerializer},
		{"ubjson", []byte{Magic, 0xf4, 0, 0}, Options{}, []byte{Magic, 0x10, 0, 0}, RefusedSerializer},
		{"not enabled", []byte{Magic, 0xf3, 0, 0}, Options{Formats: []msg.Format{msg.JSON}}, []byte{Magic, 0x10, 0, 0}, RefusedSerializer},
		{"length", []byte{Magic, 0x01, 0, 0}, Options{MinSend: 1024}, []byte{Magic, 0x20, 0, 0}, RefusedLength},
		{"reserved", []byte{Magic, 0xf1, 0, 1}, Options{}, []byte{Magic, 0x30, 0, 0}, RefusedReserved},
		{"connections", []byte{Magic, 0xf1, 0, 0}, Options{Admit: func() error { return full }}, []byte{Magic, 0x40, 0, 0}, RefusedConnections},
		{"http", []byte("GET "), Options{}, nil, ErrNoRawSocket},
	} {
		for split := range tt.hello {
			server, client := tcp(t)
			if _, err := client.Write(tt.hello[split:]); err != nil {
				t.Fatal(err)
			}
			c, err := Accept(context.Background(), server, tt.hello[:split], &tt.o)
			if !errors.Is(err, tt.err) {
				t.Fatalf("%s: error %v, want %v", tt.name, err, tt.err)
			}
			if err == nil && (c.Format() != msg.Format(tt.hello[1]&0xf) || c.MaxSend() != 512<<(tt.hello[1]>>4)) {
				t.Errorf("%s: format %v, maximum %d", tt.name, c.Format(), c.MaxSend())
			}
			server.Close()
			reply, err := io.ReadAll(client)
			if err != nil || !bytes.Equal(reply, tt.reply) {
				t.Errorf("%s: answered % x, %v, want % x", tt.name, reply, err, tt.reply)
			}
		}
	}
}

func TestAcceptDeadline(t *testing.T) {
	server, client := tcp(t)
	if _, err := client.Write([]byte{Magic}); err != nil {
		t.Fatal(err)
	}
	_, err := Accept(context.Background(), server, nil, &Options{Limits: transport.Limits{Handshake: time.Millisecond}})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("error %v, want a deadline", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("shutting down")
	cancel(why)
	if _, err := Accept(ctx, server, nil, &Options{}); err != why {
		t.Errorf("error %v, want %v", err, why)
	}
}

func TestClient(t *testing.T) {
	for _, tt := range []struct {
		name  string
		reply []byte
		want  error // nil: any error
	}{
		{"serializer", []byte{Magic, 0x10, 0, 0}, RefusedSerializer},
		{"length", []byte{Magic, 0x20, 0, 0}, RefusedLength},
		{"reserved", []byte{Magic, 0x30, 0, 0}, RefusedReserved},
		{"connections", []byte{Magic, 0x40, 0, 0}, RefusedConnections},
		{"unknown", []byte{Magic, 0x90, 0, 0}, Refusal(9)},
		{"http", []byte("HTTP/1.1 400 Bad Request\r\n"), ErrNoRawSocket},
		{"other serializer", []byte{Magic, 0xf1, 0, 0}, nil},
		{"reserved bits", []byte{Magic, 0xf3, 0, 1}, nil},
		{"short", []byte{Magic, 0xf3}, io.ErrUnexpectedEOF},
		{"nothing", nil, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := tcp(t)
			var wg sync.WaitGroup
			wg.Go(func() {
				io.ReadFull(server, make([]byte, 4))
				server.Write(tt.reply)
				server.(*net.TCPConn).CloseWrite()
			})
			_, err := Client(context.Background(), client, msg.CBOR, transport.Limits{})
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			wg.Wait()
		})
	}
}

func TestBothEnds(t *testing.T) {
	for _, format := range []msg.Format{msg.JSON, msg.MessagePack, msg.CBOR} {
		server, client := tcp(t)
		var wg sync.WaitGroup
		wg.Go(func() {
			s, err := Accept(context.Background(), server, nil, &Options{Limits: transport.Limits{MaxMessage: 1024}})
			if err != nil || s.Format() != format || s.MaxSend() != 2048 {
				t.Errorf("server: %v, %v", s, err)
			}
		})
		c, err := Client(context.Background(), client, format, transport.Limits{MaxMessage: 2048})
		if err != nil || c.Format() != format || c.MaxSend() != 1024 {
			t.Errorf("client: %v, %v", c, err)
		}
		wg.Wait()
	}
}
