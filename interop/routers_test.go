//go:build interop && unix

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// server is a router under test, or one that our client is tested against.
type server struct {
	name string
	urls map[string]string // by transport

	// farewell is its answer to GOODBYE.
	farewell string

	// doubles: it handles integers beyond 2^53 as floating point numbers.
	doubles bool

	// callError, when set, is the URI of every error of a callee, whose own URI
	// is all that is left of it: the one argument.
	callError string

	// lingering: it takes a session that said GOODBYE for a callee until the
	// connection is gone, and calls to it until then are never answered.
	lingering bool

	// shared: any number of callees may register a procedure.
	shared bool
}

func (r server) url(transport string) string {
	url, ok := r.urls[transport]
	if !ok {
		panic(r.name + " has no transport " + transport)
	}
	return url
}

// startWampeter starts our router, as its user would, on a TCP port and on a
// Unix socket. Each serves whatever arrives there.
func startWampeter(t *testing.T, command ...string) server {
	t.Helper()
	path := filepath.Join(socketDir(t), "wampeter.sock")
	args := append(command[1:], "run", "--listen", "127.0.0.1:0", "--listen", "unix:"+path)
	p := startGuarded(t, command[0], args...)
	for _, address := range p.listening(t, 2) {
		if host, port, err := net.SplitHostPort(address); err == nil && host == "127.0.0.1" {
			return server{
				name: "wampeter",
				urls: map[string]string{
					webSocket: "ws://" + address + "/ws",
					rawSocket: "tcp://127.0.0.1:" + port,
					rawUnix:   "unix:" + path,
				},
				farewell: "wamp.close.goodbye_and_out",
			}
		}
	}
	t.Fatal("wampeter run names no TCP address")
	return server{}
}

// startCrossbar starts Crossbar.io with everything allowed to everybody.
func startCrossbar(t *testing.T) server {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(socketDir(t), "crossbar.sock")
	port := freePort(t)
	serializers := []string{"json", "msgpack", "cbor"}
	config := map[string]any{
		"version": 2,
		"workers": []any{map[string]any{
			"type": "router",
			"realms": []any{map[string]any{
				"name": realm,
				"roles": []any{map[string]any{
					"name": "anonymous",
					"permissions": []any{map[string]any{
						"uri": "", "match": "prefix",
						"allow": map[string]any{
							"call": true, "register": true, "publish": true, "subscribe": true,
						},
					}},
				}},
			}},
			"transports": []any{
				map[string]any{
					"type":      "universal",
					"endpoint":  map[string]any{"type": "tcp", "interface": "127.0.0.1", "port": port},
					"rawsocket": map[string]any{"serializers": serializers},
					"websocket": map[string]any{
						"ws": map[string]any{"type": "websocket", "serializers": serializers},
					},
				},
				map[string]any{
					"type":        "rawsocket",
					"endpoint":    map[string]any{"type": "unix", "path": path},
					"serializers": serializers,
				},
			},
		}},
	}
	content, err := json.Marshal(config)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), content, 0o600))

	p := startGuarded(t, env.crossbar, "start", "--cbdir", dir)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	awaitRawSocket(t, p, "tcp", address)
	awaitRawSocket(t, p, "unix", path)
	return server{
		name: "crossbar",
		urls: map[string]string{
			webSocket: "ws://" + address + "/ws",
			rawSocket: "tcp://" + address,
			rawUnix:   "unix:" + path,
		},
		farewell: "wamp.close.normal",
	}
}

// startFoxWAMP starts fox-wamp, which speaks JSON over WebSocket alone.
func startFoxWAMP(t *testing.T) server {
	t.Helper()
	p := start(t, env.node, filepath.Join(env.modules, "fox_wamp.mjs"))
	return server{
		name:      "fox-wamp",
		urls:      map[string]string{webSocket: p.listening(t, 1)[0]},
		farewell:  "wamp.error.goodbye_and_out",
		doubles:   true,
		callError: "wamp.error.callee_failure",
		lingering: true,
		shared:    true,
	}
}

// awaitRawSocket waits until a router answers RawSocket handshakes; Crossbar.io
// opens its ports one after the other, and says so only in its log.
func awaitRawSocket(t *testing.T, p *process, network, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for {
		if handshakes(ctx, network, address) {
			return
		}
		select {
		case <-retry.C:
		case <-p.ended:
			t.Fatalf("%s ended", p.cmd)
		case <-ctx.Done():
			t.Fatalf("%s answers no RawSocket handshake at %s", p.cmd, address)
		}
	}
}

func handshakes(ctx context.Context, network, address string) bool {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return false
	}
	defer conn.Close()
	hello := []byte{0x7f, 0xf1, 0, 0} // 16 MiB, JSON
	if _, err := conn.Write(hello); err != nil {
		return false
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return false
	}
	_, err = io.ReadFull(conn, hello)
	return err == nil && hello[0] == 0x7f
}

// freePort returns a port that was free a moment ago, for a program that
// cannot choose one itself.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// socketDir returns a directory for Unix sockets, whose paths must be short.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wamp") //nolint:usetesting // its path has the test's name in it
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
