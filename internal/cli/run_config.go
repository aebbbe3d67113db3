package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/internal/uri"
	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// newRunConfig returns the defaults.
func newRunConfig() *runConfig {
	return &runConfig{
		listen:           []string{"127.0.0.1:8080"},
		realms:           []string{defaultRealm},
		maxMessage:       16 << 20,
		maxQueue:         8 << 20,
		maxMemory:        1 << 30,
		handshakeTimeout: 10 * time.Second,
		keepAlive:        30 * time.Second,
		pongTimeout:      10 * time.Second,
		writeTimeout:     10 * time.Second,
		goodbyeTimeout:   5 * time.Second,
		shutdownTimeout:  10 * time.Second,
		log:              logConfig{level: "info", format: "auto"},
	}
}

func (c *runConfig) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVar(&c.listen, "listen", c.listen, "`ADDRESS` to listen on: host:port or unix:PATH; repeatable")
	f.StringArrayVar(&c.realms, "realm", c.realms, "`NAME` of a realm; repeatable")
	f.BoolVar(&c.demo, "demo", false, "serve a few procedures and a topic to try things with")
	f.BoolVar(&c.allowOpen, "allow-open", false, "listen also where other machines can connect, who may then do everything")
	f.StringVar(&c.tlsCert, "tls-cert", "", "PEM `FILE` with the certificate chain; every port then takes TLS too")
	f.StringVar(&c.tlsKey, "tls-key", "", "PEM `FILE` with the certificate's key")
	f.StringArrayVar(&c.origins, "origin", nil, "`ORIGIN` of web pages that may connect, * as glob; repeatable (default: pages of the same host)")
	f.BoolVar(&c.compression, "compression", false, "compress WebSocket messages for clients that offer it")
	f.StringArrayVar(&c.history, "history", nil, "`TOPIC` or pattern whose events are kept, in every realm; repeatable")
	f.BoolVar(&c.strictURI, "strict-uri", false, "allow only lower case letters, digits and _ in URIs")
	f.Var(&c.maxMessage, "max-message", "largest message that a client may send, as in 512KiB")
	f.Var(&c.maxQueue, "max-queue", "output that may wait for a client before it is disconnected")
	f.Var(&c.maxMemory, "max-memory", "all that may wait in the router")
	f.IntVar(&c.maxConnections, "max-connections", 0, "connections for each address (0: no limit)")
	f.DurationVar(&c.handshakeTimeout, "handshake-timeout", c.handshakeTimeout, "for a client to open a session")
	f.DurationVar(&c.keepAlive, "keepalive", c.keepAlive, "silence after which a client is pinged (0: never)")
	f.DurationVar(&c.pongTimeout, "pong-timeout", c.pongTimeout, "for a client to answer a ping")
	f.DurationVar(&c.writeTimeout, "write-timeout", c.writeTimeout, "for a client to take some output")
	f.DurationVar(&c.goodbyeTimeout, "goodbye-timeout", c.goodbyeTimeout, "for a client to answer GOODBYE")
	f.DurationVar(&c.shutdownTimeout, "shutdown-timeout", c.shutdownTimeout, "for all clients to leave when the router ends")
	c.log.addFlags(cmd)
}

// validate returns the addresses to listen on, or all that is wrong.
func (c *runConfig) validate(ctx context.Context) ([]*address, error) {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }

	var addresses []*address
	for _, text := range c.listen {
		a, err := parseAddress(text)
		if err != nil {
			bad("--listen %s: %w", text, err)
			continue
		}
		addresses = append(addresses, a)
		if !c.allowOpen && !a.local(ctx) {
			bad("--listen %s: other machines can connect there, and anybody who can connect may do everything: "+
				"listen on 127.0.0.1 or a unix: socket, or say --allow-open", text)
		}
	}
	for i, name := range c.realms {
		switch {
		case !uri.Valid([]byte(name), c.strictURI):
			bad("--realm %q: not a URI; a name is made of components with dots between them, without spaces or #, as in com.example.devices", name)
		case slices.Contains(c.realms[:i], name):
			bad("--realm %s: given twice", name)
		}
	}
	for _, text := range c.history {
		if err := c.checkTopic(text); err != nil {
			bad("--history %s: %w", text, err)
		}
	}
	for _, o := range c.origins {
		if _, err := path.Match(o, ""); err != nil {
			bad("--origin %s: %w; write it as in https://*.example.com", o, err)
		}
	}
	for _, n := range []struct {
		flag  string
		value byteSize
		least byteSize
	}{
		{"max-message", c.maxMessage, 512}, {"max-queue", c.maxQueue, 1024}, {"max-memory", c.maxMemory, 1 << 20},
	} {
		if n.value < n.least {
			bad("--%s %v: want at least %v", n.flag, n.value, n.least)
		}
	}
	if c.maxMessage > math.MaxInt32 {
		bad("--max-message %v: want at most %v", c.maxMessage, byteSize(math.MaxInt32))
	}
	if c.maxConnections < 0 {
		bad("--max-connections %d: want a number, or 0 for no limit", c.maxConnections)
	}
	if c.keepAlive < 0 {
		bad("--keepalive %v: want a time, or 0 for never", c.keepAlive)
	}
	for _, t := range []struct {
		flag  string
		value time.Duration
	}{
		{"handshake-timeout", c.handshakeTimeout}, {"pong-timeout", c.pongTimeout}, {"write-timeout", c.writeTimeout},
		{"goodbye-timeout", c.goodbyeTimeout}, {"shutdown-timeout", c.shutdownTimeout},
	} {
		if t.value <= 0 {
			bad("--%s %v: want a time like 5s", t.flag, t.value)
		}
	}
	if (c.tlsCert == "") != (c.tlsKey == "") {
		bad("--tls-cert and --tls-key: each needs the other one")
	}
	wrong = append(wrong, c.log.validate()...)
	if len(wrong) > 0 {
		return nil, &usageError{errors.Join(wrong...)}
	}
	return addresses, nil
}

// checkTopic says what is wrong with a topic or a pattern.
func (c *runConfig) checkTopic(text string) error {
	pattern, policy, err := wamp.ParsePattern(text)
	if err != nil {
		return err
	}
	valid := map[wamp.MatchPolicy]func([]byte, bool) bool{
		wamp.Exact: uri.Valid, wamp.Prefix: uri.ValidPrefix, wamp.Wildcard: uri.ValidWildcard,
	}
	if !valid[policy]([]byte(pattern), c.strictURI) {
		return errors.New("not a URI; write it as in com.example.door, or com.example. for all that begins so")
	}
	return nil
}

// router returns the configuration as the router takes it.
func (c *runConfig) router() (router.Config, error) {
	config := router.Config{
		Realms:           c.realms,
		NoDefaultRealm:   true,
		Origins:          c.origins,
		MaxMessage:       int(c.maxMessage),
		MaxQueue:         int(c.maxQueue),
		MaxMemory:        int64(c.maxMemory),
		MaxConnections:   c.maxConnections,
		HandshakeTimeout: c.handshakeTimeout,
		KeepAlive:        c.keepAlive,
		PongTimeout:      c.pongTimeout,
		WriteTimeout:     c.writeTimeout,
		GoodbyeTimeout:   c.goodbyeTimeout,
		Compression:      c.compression,
		StrictURI:        c.strictURI,
	}
	for _, text := range c.history {
		pattern, policy, _ := wamp.ParsePattern(text) // was valid
		config.History = append(config.History, router.History{URI: pattern, Match: policy})
	}
	if config.KeepAlive == 0 {
		config.KeepAlive = -1
	}
	if c.tlsCert != "" {
		cert, err := tls.LoadX509KeyPair(c.tlsCert, c.tlsKey)
		if err != nil {
			return config, usagef("--tls-cert, --tls-key: %w", err)
		}
		config.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	return config, nil
}
