package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wampeter/wampeter/config"
	"github.com/wampeter/wampeter/wamp"
)

// What client commands connect to when nothing is said.
const (
	defaultURL   = "ws://127.0.0.1:8080/ws"
	defaultRealm = "realm1"
)

// Environment variables that stand in for flags of client commands.
const (
	envURL     = "WAMPETER_URL"     // URLs, separated by spaces
	envRealm   = "WAMPETER_REALM"   // one realm
	envProfile = "WAMPETER_PROFILE" // the name of one
)

// farewellTime bounds how long a command waits for the answer to its GOODBYE.
const farewellTime = 2 * time.Second

// clientFlags say which session a client command opens.
type clientFlags struct {
	urls        []string
	realm       string
	serializers []string
	timeout     time.Duration
	headers     []string
	insecure    bool
	ca          string
	compression bool
	profile     string
	credentials
}

// add defines the flags. timeout says what --timeout does to the command.
func (c *clientFlags) add(cmd *cobra.Command, timeout string) { c.define(cmd, cmd.Flags(), timeout) }

func (c *clientFlags) define(cmd *cobra.Command, f *pflag.FlagSet, timeout string) {
	f.StringArrayVar(&c.urls, "url", nil, "router: a ws, wss, tcp, tls or unix `URL`; repeatable, tried in order (default "+defaultURL+", or $"+envURL+")")
	f.StringVar(&c.realm, "realm", "", "realm to join (default "+defaultRealm+", or $"+envRealm+")")
	f.StringSliceVar(&c.serializers, "serializer", nil, "cbor, msgpack or json, in order of preference (default cbor,msgpack,json)")
	f.DurationVar(&c.timeout, "timeout", 0, timeout)
	f.StringArrayVar(&c.headers, "header", nil, "`'Name: value'` to send with the WebSocket handshake; repeatable")
	f.BoolVar(&c.insecure, "insecure", false, "accept any TLS certificate")
	f.StringVar(&c.ca, "ca", "", "`FILE` with the PEM certificates to trust instead of the system's")
	f.BoolVar(&c.compression, "compression", false, "offer permessage-deflate on WebSocket")
	f.StringVar(&c.profile, "profile", "", "`NAME` of a profile (default $"+envProfile+"; see 'wampeter help credentials')")
	c.credentials.define(f)
	complete(cmd, "serializer", "cbor", "msgpack", "json")
	complete(cmd, "realm")
}

// complete sets what the shell offers for a flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	// It fails for nothing but a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// dialer returns the Dialer that the flags, the environment and the profile
// describe.
func (c *clientFlags) dialer(ctx context.Context, p *process) (*wamp.Dialer, error) {
	profile, err := c.loadProfile(p)
	if err != nil {
		return nil, err
	}
	d := &wamp.Dialer{URLs: c.urls, Realm: c.realm, Compression: c.compression}
	if profile == nil {
		profile = &config.Profile{}
	}
	for _, urls := range [][]string{strings.Fields(p.getenv(envURL)), profile.URL, {defaultURL}} {
		if len(d.URLs) == 0 {
			d.URLs = urls
		}
	}
	d.Realm = cmp.Or(d.Realm, p.getenv(envRealm), profile.Realm, defaultRealm)
	serializers := c.serializers
	if len(serializers) == 0 {
		serializers = profile.Serializers
	}
	for _, name := range serializers {
		switch s := wamp.Serializer(name); s {
		case wamp.CBOR, wamp.MessagePack, wamp.JSON:
			d.Serializers = append(d.Serializers, s)
		default:
			return nil, usagef("--serializer %s: want cbor, msgpack or json", name)
		}
	}
	header, err := parseHeaders(c.headers)
	if err != nil {
		return nil, err
	}
	for _, h := range profile.Headers {
		if header.Get(h.Name) == "" {
			header.Set(h.Name, h.Value.Value())
		}
	}
	if len(header) > 0 {
		d.Header = func(context.Context) (http.Header, error) { return header.Clone(), nil }
	}
	c.credentials.complete(p.getenv, profile)
	d.AuthID = c.authID
	if d.Auth, err = c.authenticators(ctx, p, profile); err != nil {
		return nil, err
	}
	if d.TLS, err = c.tls(profile); err != nil {
		return nil, err
	}
	if !c.insecure && c.ca == "" && !slices.ContainsFunc(d.URLs, encrypted) {
		d.TLS = nil // a profile may be used for a router without TLS
	}
	return d, nil
}

// encrypted reports whether a URL is one with TLS.
func encrypted(url string) bool {
	scheme, _, _ := strings.Cut(url, ":")
	return slices.Contains([]string{"wss", "tls", "rss", "https"}, scheme)
}

// loadProfile returns the profile that is wanted, nil when none is.
func (c *clientFlags) loadProfile(p *process) (*config.Profile, error) {
	name := cmp.Or(c.profile, p.getenv(envProfile))
	file := config.ProfilesFile(p.getenv)
	if file == "" {
		if name != "" {
			return nil, usagef("--profile %s: there is no folder for configurations; say by WAMPETER_PROFILES where the file is", name)
		}
		return nil, nil
	}
	profile, err := config.LoadProfile(file, name, p.environ())
	if err != nil {
		return nil, &usageError{err}
	}
	return profile, nil
}

// tls returns nil when no flag asks for anything of its own.
func (c *clientFlags) tls(profile *config.Profile) (*tls.Config, error) {
	insecure, ca := c.insecure, c.ca
	if insecure && ca != "" {
		return nil, usagef("--insecure trusts everybody, --ca only some: give one of them")
	}
	if !insecure && ca == "" {
		insecure, ca = profile.Insecure, string(profile.CA)
	}
	cert, err := c.certificate()
	if err != nil {
		return nil, err
	}
	if !insecure && ca == "" && cert == nil {
		return nil, nil
	}
	config := &tls.Config{InsecureSkipVerify: insecure}
	if ca != "" && !insecure {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, usagef("--ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usagef("--ca %s: there is no PEM certificate in the file", ca)
		}
	}
	if cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	return config, nil
}

func parseHeaders(lines []string) (http.Header, error) {
	header := make(http.Header)
	for _, text := range lines {
		name, value, ok := strings.Cut(text, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, usagef("--header %q: want 'Name: value'", text)
		}
		header.Add(name, strings.TrimSpace(value))
	}
	return header, nil
}

// withSession runs do with a session, which ends with GOODBYE when do returns.
// do's context ends with the time limit of the flags and with a signal.
func (p *process) withSession(ctx context.Context, c *clientFlags, do func(context.Context, *wamp.Session) error) error {
	d, err := c.dialer(ctx, p)
	if err != nil {
		return err
	}
	d.Logger, _ = p.logger(config.Log{Level: "warn", Format: "auto"})
	switch {
	case c.timeout < 0:
		return usagef("--timeout %v: want a time like 5s, or 0 for none", c.timeout)
	case c.timeout > 0:
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	s, err := d.Dial(ctx)
	if err != nil {
		return dialError(ctx, err)
	}
	defer func() {
		farewell, cancel := context.WithTimeout(p.hurry, farewellTime)
		defer cancel()
		_ = s.Close(farewell) // a router that does not answer changes nothing about what was done
	}()
	return do(ctx, s)
}

// dialError tells a router that refused the session from one that cannot be
// reached, and both from a command that had no time left, and from flags that
// no router can be reached by.
func dialError(ctx context.Context, err error) error {
	var (
		refused *wamp.Error
		tried   *wamp.DialError
	)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("connecting: %w", context.Cause(ctx))
	case errors.As(err, &refused) && refused.Origin == wamp.OriginRemote:
		return err
	case errors.As(err, &tried):
		return &connectError{err}
	}
	return &usageError{err}
}

// waited returns the error of a command that waits for events or calls and
// that ctx's end or the session's has stopped. limited says that it was to wait
// for a number of them, of which some have not come.
func waited(ctx context.Context, s *wamp.Session, limited bool, what string) error {
	switch {
	case ctx.Err() == nil:
		return s.Err()
	case limited:
		return fmt.Errorf("%s: %w", what, errUnfinished)
	}
	return nil
}
