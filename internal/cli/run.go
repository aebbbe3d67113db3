package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/config"
)

func (p *process) runCommand() *cobra.Command {
	var (
		flags configFlags
		demo  bool
	)
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run a router",
		Long: `Run a router until Ctrl-C or SIGTERM. It then says GOODBYE to every session; a
second signal does not wait for the answers.

Without a configuration file there is the realm realm1 on 127.0.0.1:8080, in which
anybody who can connect may join, call, register, publish and subscribe. So
addresses that other machines can reach need --allow-open, or a file that says who
may do what: see 'wampeter init' and 'wampeter help configuration'. What flags say
goes before what the environment says, and that before the file.

Each address takes HTTP, WebSocket at /ws and RawSocket, in JSON, MessagePack and
CBOR; with --tls-cert and --tls-key, TLS as well. Once an address is ready there is
a line for it on standard output; a port 0 is replaced by a free one. Everything
else that the router has to say goes to standard error.

SIGHUP makes the router read the file again; so does 'wampeter reload'. Sessions that
may stay lose nothing. A file that is wrong changes nothing.

The events of the topics and patterns given with --history are kept in memory, the
last 1000 of each, for those who ask for them: see 'wampeter subscribe --history'.`,
		Example: `  wampeter run
  wampeter run --demo
  wampeter run --config wampeter.yaml
  wampeter run --listen 127.0.0.1:9000 --listen unix:/run/wampeter.sock
  wampeter run --realm devices --realm public --log-level debug
  wampeter run --listen :443 --tls-cert cert.pem --tls-key key.pem --allow-open
  wampeter run --history com.example.log --history com.example.sensors.
  wampeter run --origin 'https://*.example.com' --max-message 1MiB
  wampeter run --set realm_defaults.call_timeout_unit=s`,
		Args: cobra.NoArgs,
		RunE: p.action(func(ctx context.Context, _ []string) error {
			return p.serve(ctx, &flags, demo)
		}),
	}
	cmd.Flags().SortFlags = false
	flags.add(cmd)
	cmd.Flags().BoolVar(&demo, "demo", false, "serve a few procedures and a topic to try things with")
	flags.addSettings(cmd)
	return cmd
}

// configFlags say where a configuration comes from.
type configFlags struct {
	file  string
	given bool // --config, be it empty
	set   []string
	flags []*settingFlag
}

// settingFlag is a flag that sets something in the configuration. It implements
// pflag.Value.
type settingFlag struct {
	config.Flag
	values []string
}

func (f *settingFlag) String() string {
	if f.values != nil {
		return strings.Join(f.values, ",")
	}
	return f.Default
}

// Set notes a value, without what shieldNumbers puts before a negative number.
func (f *settingFlag) Set(text string) error {
	f.values = append(f.values, strings.TrimPrefix(text, " "))
	return nil
}

// Type names the value in help texts.
func (f *settingFlag) Type() string { return f.Arg }

// add defines --config and --set.
func (c *configFlags) add(cmd *cobra.Command) {
	cmd.Flags().Var((*fileFlag)(c), "config", "configuration `FILE`; empty: none (default $WAMPETER_CONFIG, or see 'wampeter help configuration')")
	cmd.Flags().StringArrayVar(&c.set, "set", nil, "`PATH=VALUE` sets anything that a file can say; repeatable")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml", "json") // it exists
}

// addSettings defines the flags for single settings.
func (c *configFlags) addSettings(cmd *cobra.Command) {
	for _, f := range config.Flags() {
		s := &settingFlag{Flag: f}
		c.flags = append(c.flags, s)
		flag := cmd.Flags().VarPF(s, f.Name, "", f.Usage)
		if f.Bool {
			flag.NoOptDefVal = "true"
		}
		if f.Words != nil {
			complete(cmd, f.Name, f.Words...)
		}
	}
}

// fileFlag is --config.
type fileFlag configFlags

func (f *fileFlag) String() string { return f.file }

// Set notes the file.
func (f *fileFlag) Set(text string) error {
	f.file, f.given = text, true
	return nil
}

// Type names the value in help texts.
func (f *fileFlag) Type() string { return "FILE" }

// find returns the file to read, "" when there is none.
func (c *configFlags) find(getenv func(string) string) (string, error) {
	if c.given {
		return c.file, nil
	}
	for _, name := range config.DefaultFiles(getenv) {
		_, err := os.Stat(name)
		if err == nil || getenv("WAMPETER_CONFIG") != "" {
			return name, nil // a file that was named is missed
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", nil
}

// source returns where the configuration comes from.
func (c *configFlags) source(p *process) (config.Source, error) {
	file, err := c.find(p.getenv)
	if err != nil {
		return config.Source{}, err
	}
	s := config.Source{File: file, Environ: p.environ()}
	for _, f := range c.flags {
		if f.values != nil {
			s.Set = append(s.Set, config.Setting{Path: f.Path, Values: f.values, Name: "--" + f.Name})
		}
	}
	for _, text := range c.set {
		path, value, ok := strings.Cut(text, "=")
		if !ok {
			return s, usagef("--set %s: want PATH=VALUE, as in limits.max_message=1MiB", text)
		}
		s.Set = append(s.Set, config.Setting{Path: path, Values: []string{value}, Name: "--set " + path, YAML: true})
	}
	return s, nil
}

// load reads the configuration. What is wrong on the command line is a usage
// error.
func (c *configFlags) load(ctx context.Context, p *process) (*config.Config, error) {
	source, err := c.source(p)
	if err != nil {
		return nil, err
	}
	loaded, err := config.Load(ctx, source)
	return loaded, blame(err)
}

// blame makes mistakes that flags are to blame for usage errors.
func blame(err error) error {
	if m := config.AsMistakes(err); m != nil && m.Elsewhere() {
		return &usageError{err}
	}
	return err
}

// serve runs a router until ctx ends.
func (p *process) serve(ctx context.Context, flags *configFlags, demo bool) error {
	c, err := flags.load(ctx, p)
	if err != nil {
		return err
	}
	log, follow := p.logger(c.Log)
	d, err := config.Start(ctx, c, config.Options{
		Load:   func(ctx context.Context) (*config.Config, error) { return flags.load(ctx, p) },
		Logger: log,
		Log:    follow,
	})
	if err != nil {
		return blame(err)
	}
	defer func() { _ = d.Close() }()
	if demo {
		if len(c.Realms) == 0 {
			return usagef("--demo: there is no realm for it in the configuration; --realm adds one")
		}
		running, err := startDemo(ctx, d.Router(), c.Realms[0].Name)
		if err != nil {
			return err
		}
		defer running.stop()
	}
	if err := p.announce(d, demo); err != nil {
		return err
	}
	stop := p.reloads(ctx, d)
	defer stop()
	trimming, stopTrimming := context.WithCancel(ctx)
	var trimmer sync.WaitGroup
	trimmer.Go(func() { p.trim(trimming) })
	defer trimmer.Wait()
	defer stopTrimming()

	select {
	case err = <-d.Failed():
		return err
	case <-ctx.Done():
	}
	log.Info("saying goodbye to all sessions")
	farewell, cancel := context.WithTimeout(p.hurry, time.Duration(d.Config().Timeouts.Shutdown))
	defer cancel()
	if err := d.Shutdown(farewell); err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// reloads has the daemon read its configuration again at each SIGHUP, until ctx
// ends or the function that it returns is called.
func (p *process) reloads(ctx context.Context, d *config.Daemon) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-p.hangups:
				_, _ = d.Reread(ctx) // it is in the log
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// announce says on standard output where the router listens, and on standard
// error what to try.
func (p *process) announce(d *config.Daemon, demo bool) error {
	c := d.Config()
	addresses := d.Addresses()
	var ready strings.Builder
	for i, a := range addresses {
		fmt.Fprintf(&ready, "listening on %s (%s)\n", a, speaks(&c.Listeners[i]))
	}
	if _, err := fmt.Fprint(p.stdout, ready.String()); err != nil {
		return err
	}
	if len(c.Realms) == 0 {
		return nil
	}
	first, realm := addresses[0].URL(c.Listeners[0].Path), c.Realms[0].Name
	if demo {
		fmt.Fprint(p.stderr, demoText(first, realm))
	} else if isTerminal(p.stderr) && c.Realms[0].Open() {
		fmt.Fprintf(p.stderr, "Try, each in a terminal of its own:\n  wampeter register com.example.echo --echo%[1]s\n  wampeter call com.example.echo hello%[1]s\n",
			clientFlagsFor(first, realm))
	}
	return nil
}

// speaks says what a listener speaks.
func speaks(l *config.Listener) string {
	text := map[string]string{
		"universal": "HTTP, WebSocket at " + l.Path + ", RawSocket",
		"websocket": "HTTP, WebSocket at " + l.Path,
		"rawsocket": "RawSocket",
	}[l.Kind]
	switch {
	case l.TLS.Only:
		text += "; TLS"
	case l.TLS.Enabled():
		text += "; plain and TLS"
	}
	return text
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
