package websocket

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/wampeter/wampeter/internal/msg"
	"github.com/wampeter/wampeter/internal/transport"
)

func TestNegotiate(t *testing.T) {
	veto := func(err error) func(*http.Request, http.Header) error {
		return func(*http.Request, http.Header) error { return err }
	}
	for _, tt := range []struct {
		name    string
		r       *http.Request
		o       Options
		status  int // of a refusal; 0: accepted
		want    string
		deflate bool
	}{
		{"plain", request(), Options{}, 0, "wamp.2.cbor", false},
		{"client's order", request("Sec-WebSocket-Protocol", "foo, wamp.2.msgpack,wamp.2.json"), Options{}, 0, "wamp.2.msgpack", false},
		{"batched", request("Sec-WebSocket-Protocol", "wamp.2.json.batched, wamp.2.json"), Options{}, 0, "wamp.2.json.batched", false},
		{"only enabled", request("Sec-WebSocket-Protocol", "wamp.2.cbor, wamp.2.json"), Options{Formats: []msg.Format{msg.JSON}}, 0, "wamp.2.json", false},
		{"no overlap", request("Sec-WebSocket-Protocol", "mqtt"), Options{}, 400, "wamp.2.json, wamp.2.msgpack, wamp.2.cbor, wamp.2.json.batched", false},
		{"no subprotocol", request("Sec-WebSocket-Protocol", ""), Options{}, 400, "supported are wamp.2.json", false},
		{"no upgrade", request("Upgrade", ""), Options{}, 426, "WebSocket endpoint", false},
		{"no connection", request("Connection", "close"), Options{}, 426, "", false},
		{"version", request("Sec-WebSocket-Version", "8"), Options{}, 426, "13", false},
		{"key", request("Sec-WebSocket-Key", "c2hvcnQ="), Options{}, 400, "Key", false},
		{"same host", request("Origin", "https://EXAMPLE.com"), Options{}, 0, "wamp.2.cbor", false},
		{"other origin", request("Origin", "https://evil.example"), Options{}, 403, "evil.example", false},
		{"other port", request("Origin", "https://example.com:8080"), Options{}, 403, "", false},
		{"null origin", request("Origin", "null"), Options{}, 403, "", false},
		{"allowed origin", request("Origin", "https://app.example.org"), Options{Origins: []string{"https://*.example.org"}}, 0, "wamp.2.cbor", false},
		{"glob within a host", request("Origin", "https://evil.com/.example.org"), Options{Origins: []string{"https://*.example.org"}}, 403, "", false},
		{"any origin", request("Origin", "null"), Options{Origins: []string{"*"}}, 0, "wamp.2.cbor", false},
		{"veto", request(), Options{Upgrade: veto(errors.New("go away"))}, 403, "go away", false},
		{"veto with status", request(), Options{Upgrade: veto(&transport.Refusal{Status: 503, Text: "full"})}, 503, "full", false},
		{"deflate", request("Sec-WebSocket-Extensions", "permessage-deflate"), Options{Deflate: true}, 0, "wamp.2.cbor", true},
		{"no deflate", request("Sec-WebSocket-Extensions", "permessage-deflate"), Options{}, 0, "wamp.2.cbor", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, h, err := tt.o.negotiate(tt.r)
			var refusal *transport.Refusal
			if tt.status != 0 {
				if !errors.As(err, &refusal) || refusal.Status != tt.status || !strings.Contains(refusal.Text, tt.want) {
					t.Fatalf("error %v, want status %d and %q", err, tt.status, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := h.Get("Sec-WebSocket-Protocol"); got != tt.want || c.protocol.String() != tt.want {
				t.Errorf("subprotocol %q, want %q", got, tt.want)
			}
			if h.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455, section 1.3
				t.Errorf("accepts with %q", h.Get("Sec-WebSocket-Accept"))
			}
			if c.deflate != tt.deflate || h.Get("Sec-WebSocket-Extensions") != "" != tt.deflate {
				t.Errorf("extensions %q", h.Get("Sec-WebSocket-Extensions"))
			}
		})
	}
	r := request()
	r.Method = http.MethodPost
	if _, _, err := (&Options{}).negotiate(r); err == nil || err.(*transport.Refusal).Status != 405 {
		t.Errorf("POST: %v", err)
	}
	r = request()
	r.ProtoMinor = 0
	if _, _, err := (&Options{}).negotiate(r); err == nil || err.(*transport.Refusal).Status != 400 {
		t.Errorf("HTTP/1.0: %v", err)
	}
}

func TestBothEnds(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		server, client := pair(t, Options{
			Deflate: true,
			Upgrade: func(r *http.Request, h http.Header) error {
				if r.URL.RawQuery != "a=b" || r.Header.Get("X-Test") != "yes" || r.Header.Get("Authorization") != "Basic am9lOnNlY3JldA==" {
					t.Errorf("request %v, header %v", r.URL, r.Header)
				}
				h.Add("Set-Cookie", "a=1")
				return nil
			},
		}, ClientOptions{
			URL:          &url.URL{Host: "example.com", Path: "/ws", RawQuery: "a=b", User: url.UserPassword("joe", "secret")},
			Subprotocols: transport.Subprotocols([]msg.Format{msg.MessagePack, msg.JSON}, true),
			Header:       http.Header{"x-test": {"yes"}, "upgrade": {"overridden"}},
			Deflate:      deflate,
		})
		for _, c := range []*Conn{server, client} {
			if c.Format() != msg.MessagePack || c.deflate != deflate || c.Info().Subprotocol != "wamp.2.msgpack" || c.Info().Transport != "websocket" {
				t.Errorf("%+v, %+v", c.Framing(), c.Info())
			}
		}
		if server.Info().Request == nil || client.Info().Request != nil {
			t.Error("the request belongs to the server")
		}
		// The closing handshake, begun by the client.
		var serverEnd, clientEnd recorder
		sdone, cdone := serve(t, server, &serverEnd), serve(t, client, &clientEnd)
		if err := client.Write([][]byte{client.AppendClose(nil, nil)}); err != nil {
			t.Fatal(err)
		}
		if err := await(t, sdone); err != io.EOF || len(serverEnd.controls) != 1 {
			t.Fatalf("server: %v, %d controls", err, len(serverEnd.controls))
		}
		if err := server.Write(serverEnd.controls); err != nil {
			t.Fatal(err)
		}
		if err := await(t, cdone); err != io.EOF || len(clientEnd.controls) != 0 {
			t.Fatalf("client: %v, %d controls", err, len(clientEnd.controls))
		}
	}
}

func TestClientErrors(t *testing.T) {
	const ok = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	accept := func(key string) string { return "Sec-WebSocket-Accept: " + acceptKey(key) + "\r\n" }
	for _, tt := range []struct {
		name     string
		response func(key string) string
		want     string
	}{
		{"not found", func(string) string { return "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nno ws her" }, "404 Not Found: no ws her"},
		{"redirect", func(string) string {
			return "HTTP/1.1 302 Found\r\nLocation: https://b/\r\nContent-Length: 0\r\n\r\n"
		}, "302 Found, to https://b/, which is not followed"},
		{"200", func(string) string { return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" }, "200 OK: hi"},
		{"wrong accept", func(string) string { return ok + accept("x") + "Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n" }, "Accept is wrong"},
		{"no accept", func(string) string { return ok + "\r\n" }, "Accept is wrong"},
		{"no upgrade", func(k string) string { return "HTTP/1.1 101 Switching Protocols\r\n" + accept(k) + "\r\n" }, "something else"},
		{"no subprotocol", func(k string) string { return ok + accept(k) + "\r\n" }, "no subprotocol"},
		{"other subprotocol", func(k string) string { return ok + accept(k) + "Sec-WebSocket-Protocol: wamp.2.cbor\r\n\r\n" }, `chose subprotocol "wamp.2.cbor"`},
		{"extension", func(k string) string {
			return ok + accept(k) + "Sec-WebSocket-Protocol: wamp.2.json\r\nSec-WebSocket-Extensions: " + deflateOffer + "\r\n\r\n"
		}, "not offered"},
		{"rawsocket", func(string) string { return "\x7f\xf1\x00\x00" }, "websocket handshake"},
		{"endless", func(string) string { return "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100<<10) }, "websocket handshake"},
		{"nothing", func(string) string { return "" }, "websocket handshake"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := tcp(t)
			var wg sync.WaitGroup
			wg.Go(func() {
				r, _, err := readRequest(server)
				if err != nil {
					t.Error(err)
					return
				}
				io.WriteString(server, tt.response(r.Header.Get("Sec-WebSocket-Key")))
				server.(*net.TCPConn).CloseWrite()
			})
			_, err := Client(context.Background(), client, &ClientOptions{
				URL: &url.URL{Host: "a", Path: "/"}, Subprotocols: []transport.Subprotocol{jsonProtocol},
			})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			client.Close()
			wg.Wait()
		})
	}
}

func TestUpgradeHandler(t *testing.T) {
	var rec recorder
	done := make(chan error, 1)
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := Upgrade(w, r, &Options{})
		if err != nil {
			done <- err
			return
		}
		defer c.Close()
		done <- c.Serve(&rec)
	}))
	defer hs.Close()

	response, err := hs.Client().Get(hs.URL)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if response.StatusCode != 426 || len(body) == 0 || response.Header.Get("Upgrade") != "websocket" {
		t.Errorf("plain GET: %s %q", response.Status, body)
	}
	if err := await(t, done); err == nil {
		t.Error("no error")
	}

	// The first message comes in one piece with the request.
	nc, err := net.Dial("tcp", hs.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	o := &ClientOptions{URL: &url.URL{Host: "a", Path: "/"}, Subprotocols: []transport.Subprotocol{jsonProtocol}}
	in := append(o.request("dGhlIHNhbXBsZSBub25jZQ=="), masked(0x81, "early")...)
	if _, err := nc.Write(append(in, masked(0x88, "")...)); err != nil {
		t.Fatal(err)
	}
	if response, err := http.ReadResponse(bufio.NewReader(nc), nil); err != nil || response.StatusCode != 101 {
		t.Fatalf("%v, %v", response, err)
	}
	if err := await(t, done); err != io.EOF || len(rec.messages) != 1 || string(rec.messages[0]) != "early" {
		t.Errorf("Serve: %v, messages %q", err, rec.messages)
	}
}

func TestTunnel(t *testing.T) {
	for _, tt := range []struct {
		name, response, want string
	}{
		{"open", "HTTP/1.1 200 Connection established\r\n\r\n", ""},
		{"forbidden", "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "407"},
		{"talks first", "HTTP/1.1 200 OK\r\n\r\nSSH-2.0", "sent data"},
	} {
		server, client := tcp(t)
		var wg sync.WaitGroup
		wg.Go(func() {
			r, _, err := readRequest(server)
			if err != nil {
				t.Error(err)
				return
			}
			if r.Method != "CONNECT" || r.Host != "example.com:443" || r.Header.Get("Proxy-Authorization") != "Basic YTpi" {
				t.Errorf("%s %s %v", r.Method, r.Host, r.Header)
			}
			io.WriteString(server, tt.response)
		})
		proxy := &url.URL{Host: "proxy:3128", User: url.UserPassword("a", "b")}
		err := Tunnel(context.Background(), client, proxy, "example.com:443", &transport.Limits{})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		wg.Wait()
	}
}
