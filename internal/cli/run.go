package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/router"
)

func (p *process) runCommand() *cobra.Command {
	c := newRunConfig()
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run a router",
		Long: `Run a router until Ctrl-C or SIGTERM. It then says GOODBYE to every session; a
second signal does not wait for the answers.

Each address takes HTTP, WebSocket at /ws and RawSocket, in JSON, MessagePack and
CBOR; with --tls-cert and --tls-key, TLS as well. Once an address is ready there is
a line for it on standard output; a port 0 is replaced by a free one. Everything
else that the router has to say goes to standard error.

Anybody who can connect may join, call, register, publish and subscribe. So
addresses that other machines can reach need --allow-open.

The events of the topics and patterns given with --history are kept in memory, the
last 1000 of each, for those who ask for them: see 'wampeter subscribe --history'.`,
		Example: `  wampeter run
  wampeter run --demo
  wampeter run --listen 127.0.0.1:9000 --listen unix:/run/wampeter.sock
  wampeter run --realm devices --realm public --log-level debug
  wampeter run --listen :443 --tls-cert cert.pem --tls-key key.pem --allow-open
  wampeter run --history com.example.log --history com.example.sensors.
  wampeter run --origin 'https://*.example.com' --max-message 1MiB`,
		Args: cobra.NoArgs,
		RunE: p.action(func(ctx context.Context, _ []string) error {
			return p.serve(ctx, c)
		}),
	}
	c.addFlags(cmd)
	return cmd
}

// serve runs a router until ctx ends.
func (p *process) serve(ctx context.Context, c *runConfig) error {
	addresses, err := c.validate(ctx)
	if err != nil {
		return err
	}
	config, err := c.router()
	if err != nil {
		return err
	}
	config.Logger = p.logger(c.log)

	var listeners []net.Listener
	defer func() {
		for _, ln := range listeners {
			_ = ln.Close() // of those that the router was not given
		}
	}()
	for _, a := range addresses {
		ln, err := a.listen(ctx)
		if err != nil {
			return err
		}
		listeners = append(listeners, ln)
	}

	rt := router.New(config)
	failed := make(chan error, len(listeners))
	var serving sync.WaitGroup
	defer serving.Wait()
	defer func() { _ = rt.Close() }()
	for _, ln := range listeners {
		serving.Go(func() { failed <- rt.Serve(ln) })
	}
	listeners = nil
	if c.demo {
		d, err := startDemo(ctx, rt, c.realms[0])
		if err != nil {
			return err
		}
		defer d.stop()
	}
	if err := p.announce(c, addresses); err != nil {
		return err
	}

	select {
	case err = <-failed:
		return fmt.Errorf("listening: %w", err)
	case <-ctx.Done():
	}
	config.Logger.Info("saying goodbye to all sessions")
	farewell, cancel := context.WithTimeout(p.hurry, c.shutdownTimeout)
	defer cancel()
	if err := rt.Shutdown(farewell); err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// announce says on standard output where the router listens, and on standard
// error what to try.
func (p *process) announce(c *runConfig, addresses []*address) error {
	speaks := "HTTP, WebSocket at /ws, RawSocket"
	if c.tlsCert != "" {
		speaks += "; plain and TLS"
	}
	var ready strings.Builder
	for _, a := range addresses {
		fmt.Fprintf(&ready, "listening on %s (%s)\n", a, speaks)
	}
	if _, err := fmt.Fprint(p.stdout, ready.String()); err != nil {
		return err
	}
	first := addresses[0].url()
	if c.demo {
		fmt.Fprint(p.stderr, demoText(first, c.realms[0]))
	} else if isTerminal(p.stderr) {
		fmt.Fprintf(p.stderr, "Try, each in a terminal of its own:\n  wampeter register com.example.echo --echo%[1]s\n  wampeter call com.example.echo hello%[1]s\n",
			clientFlagsFor(first, c.realms[0]))
	}
	return nil
}

// clientFlagsFor returns the flags that a client command needs to reach url and
// realm, "" when the defaults do.
func clientFlagsFor(url, realm string) string {
	var flags string
	if url != defaultURL {
		flags += " --url " + url
	}
	if realm != defaultRealm {
		flags += " --realm " + realm
	}
	return flags
}

// runConfig is everything that can be set about a router that is run.
type runConfig struct {
	listen    []string
	realms    []string
	allowOpen bool
	demo      bool

	maxMessage     byteSize
	maxQueue       byteSize
	maxMemory      byteSize
	maxConnections int

	handshakeTimeout time.Duration
	keepAlive        time.Duration
	pongTimeout      time.Duration
	writeTimeout     time.Duration
	goodbyeTimeout   time.Duration
	shutdownTimeout  time.Duration

	origins     []string
	history     []string
	compression bool
	strictURI   bool
	tlsCert     string
	tlsKey      string

	log logConfig
}
