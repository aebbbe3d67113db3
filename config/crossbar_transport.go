package config

import (
	"net"
	"path/filepath"
	"strings"
	"time"
)

// transport carries a listening transport over.
func (x *crossbar) transport(t crossNode) {
	t.ignore("id")
	l := Listener{}
	kind := t.text("type")
	endpoint, ok := t.sub("endpoint")
	if !ok || !x.endpoint(endpoint, &l) {
		if !ok {
			t.lose("it has no endpoint")
		}
		return
	}
	switch kind {
	case "websocket":
		l.Kind = "websocket"
		x.webSocket(t, &l)
	case "rawsocket":
		l.Kind = "rawsocket"
		x.rawSocket(t, &l)
	case "web":
		l.Kind = "websocket"
		x.web(t, &l)
	case "universal":
		x.universal(t, &l)
	default:
		t.lose("transports of type " + kind + " do not exist here")
		return
	}
	x.config.Listeners = append(x.config.Listeners, l)
}

func (x *crossbar) endpoint(e crossNode, l *Listener) bool {
	e.ignore("backlog", "shared", "version", "user_timeout")
	switch kind := e.text("type"); kind {
	case "tcp":
		host, port := e.text("interface"), e.text("port")
		if port == "" {
			e.lose("want one port; a range of ports does not exist here")
			return false
		}
		l.Address = Address{"tcp", net.JoinHostPort(host, port)}
		if t, ok := e.sub("tls"); ok {
			x.tls(t, l)
		}
	case "unix":
		l.Address = Address{"unix", x.path(e.text("path"))}
	default:
		e.lose("endpoints of type " + kind + " do not exist here")
		return false
	}
	return true
}

// local reports whether only programs on this machine can connect, as far as can
// be told without looking up names.
func (l *Listener) local() bool {
	return l.Address.network == "unix" || strings.HasPrefix(l.Address.text, "127.") || strings.HasPrefix(l.Address.text, "localhost:") ||
		strings.HasPrefix(l.Address.text, "[::1]:")
}

// path returns a path, which is relative to the node's folder, as it is from
// here.
func (x *crossbar) path(text string) string {
	if text == "" || filepath.IsAbs(text) || strings.HasPrefix(text, "${") || x.dir == "." {
		return text
	}
	x.moved = true
	return filepath.Join(x.dir, text)
}

func (x *crossbar) tls(t crossNode, l *Listener) {
	l.TLS = ListenerTLS{Certificate: Path(x.path(t.text("certificate"))), Key: Path(x.path(t.text("key"))), Only: true}
	for _, c := range t.list("ca_certificates") {
		if l.TLS.Clients.CA != "" {
			c.lose("one file holds all authorities here: put this one into it")
			continue
		}
		l.TLS.Clients.CA = Path(x.path(c.n.text))
	}
	for _, c := range t.list("chain_certificates") {
		c.note("put the chain behind the certificate, into the same file")
	}
	if c, ok := t.sub("ciphers"); ok {
		c.lose("which ciphers are safe is Go's business")
	}
	if c, ok := t.sub("dhparam"); ok {
		c.lose("it is not needed")
	}
}

// webSocket carries a WebSocket transport over, which may be one path of many.
func (x *crossbar) webSocket(t crossNode, l *Listener) {
	t.ignore("type", "url", "debug")
	t.serializers()
	x.auth(t, l, "WebSocket")
	if b, ok := t.sub("backends"); ok {
		b.lose("the router takes connections itself, on all cores")
	}
	o, hasOptions := t.sub("options")
	if !hasOptions {
		o = x.at(&node{kind: mapNode, pos: t.n.pos}, t.path)
	}
	x.origins(t, o, l)
	if size := o.number("max_message_size"); size > 0 {
		x.sizes = append(x.sizes, Size(size))
	}
	for key, to := range map[string]*Duration{
		"auto_ping_interval": &x.config.Timeouts.KeepAlive, "auto_ping_timeout": &x.config.Timeouts.Pong,
		"open_handshake_timeout": &x.config.Timeouts.Handshake, "close_handshake_timeout": &x.config.Timeouts.Goodbye,
	} {
		if ms := o.number(key); ms > 0 {
			*to = max(*to, Duration(time.Duration(ms)*time.Millisecond))
		}
	}
	if _, ok := o.sub("compression"); ok {
		c, _ := o.sub("compression")
		c.take()
		l.Compression = true
	}
	if n := o.number("max_connections"); n > 0 {
		l.MaxConnections = n
	}
	// What is so in any case, or of no consequence.
	o.ignore("validate_utf8", "tcp_nodelay", "enable_webstatus", "fail_by_drop", "echo_close_codereason", "auto_fragment_size",
		"auto_ping_size", "auto_ping_restart_on_any_traffic", "require_websocket_subprotocol", "show_server_version",
		"enable_hybi10", "enable_rfc6455", "require_masked_client_frames", "apply_mask", "mask_server_frames")
}

// origins carries over which web pages may connect.
func (x *crossbar) origins(t, o crossNode, l *Listener) {
	list, ok := o.sub("allowed_origins")
	if !ok {
		t.note("pages of the same host may connect, and of others those that origins names; Crossbar.io lets those of all origins")
		return
	}
	patterns := []*node{list.n}
	if list.n.kind == listNode {
		patterns = list.n.list
	}
	for _, n := range patterns {
		x.used[n] = true
		text := n.text
		if text == "*" {
			text = "*://*"
		}
		l.Origins = append(l.Origins, text)
	}
}

// serializers says that it cannot be said which are spoken.
func (c crossNode) serializers() {
	for _, key := range []string{"serializers", "serializer"} {
		if v, ok := c.sub(key); ok {
			v.lose("every listener speaks JSON, MessagePack and CBOR")
		}
	}
}

func (x *crossbar) rawSocket(t crossNode, l *Listener) {
	t.ignore("type", "debug")
	t.serializers()
	x.auth(t, l, "RawSocket")
	if o, ok := t.sub("options"); ok {
		if size := o.number("max_message_size"); size > 0 {
			x.sizes = append(x.sizes, Size(size))
		}
	}
}

// web carries over what a web transport has of WAMP.
func (x *crossbar) web(t crossNode, l *Listener) {
	if o, ok := t.sub("options"); ok {
		o.lose("other web pages than those of the router's own are not served")
	}
	paths, ok := t.sub("paths")
	if !ok {
		return
	}
	l.Path, l.LongPollPath = "", "-"
	x.services(paths, "", l)
	if l.Path == "" {
		l.Path = "/ws"
	}
}

// services carries over what web services, which are found beneath a path, have
// of WAMP.
func (x *crossbar) services(paths crossNode, beneath string, l *Listener) {
	for path, service := range paths.entries {
		at := beneath + "/" + strings.Trim(path, "/")
		switch kind := service.text("type"); kind {
		case "websocket", "websocket-proxy":
			if l.Path != "" {
				service.lose("a listener has one path for WebSocket; clients of this one have to connect to " + l.Path)
				continue
			}
			l.Path = at
			x.webSocket(service, l)
		case "longpoll":
			if l.LongPollPath != "-" {
				service.lose("a listener has one path for long-poll")
				continue
			}
			l.LongPollPath = at
			if o, ok := service.sub("options"); ok {
				o.lose("how long requests wait is the same everywhere")
			}
		case "path":
			if inner, ok := service.sub("paths"); ok {
				x.services(inner, at, l)
			}
		case "publisher", "caller", "webhook":
			service.lose("there is no bridge to HTTP requests: a program of its own can call, publish and subscribe for them")
		default:
			service.lose("services of type " + kind + " do not exist here: a web server in front, which forwards WebSocket, can have them")
		}
	}
}

// universal carries over a transport that speaks several protocols.
func (x *crossbar) universal(t crossNode, l *Listener) {
	raw, hasRaw := t.sub("rawsocket")
	if hasRaw {
		x.rawSocket(raw, l)
	} else {
		l.Kind = "websocket"
	}
	ws, hasWS := t.sub("websocket")
	first := true
	if hasWS {
		for path, service := range ws.entries {
			if service.n.kind != mapNode {
				service.lose("want services by their paths")
				continue
			}
			if !first {
				service.lose("a listener has one path for WebSocket; clients of this one have to connect to " + l.Path)
				continue
			}
			first = false
			l.Path = "/" + strings.Trim(path, "/")
			x.webSocket(service, l)
		}
	}
	web, hasWeb := t.sub("web")
	if hasWeb {
		inner := Listener{Address: l.Address}
		x.web(web, &inner)
		l.LongPollPath = inner.LongPollPath
		if first && inner.Path != "" {
			l.Path = inner.Path
			l.Origins = append(l.Origins, inner.Origins...)
		}
	}
	if hasRaw && !hasWS && !hasWeb {
		l.Kind = "rawsocket"
	}
	if m, ok := t.sub("mqtt"); ok {
		m.lose("MQTT is not spoken")
	}
}
