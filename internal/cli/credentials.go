package cli

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/wampeter/wampeter/config"
	"github.com/wampeter/wampeter/internal/auth"
	"github.com/wampeter/wampeter/wamp"
)

// credentials say who a client command is. Each has a flag, a variable of the
// environment, and a key of profiles, which count in this order.
type credentials struct {
	authID   string
	ticket   string
	secret   string
	password string
	key      string
	token    string
	cert     string
	certKey  string
	binding  bool

	certificates string // for key
	trustroot    string
}

// Variables that stand in for flags.
const (
	envAuthID       = "WAMPETER_AUTHID"
	envTicket       = "WAMPETER_TICKET"
	envSecret       = "WAMPETER_SECRET"
	envPassword     = "WAMPETER_PASSWORD"
	envKey          = "WAMPETER_KEY"
	envCertificates = "WAMPETER_CERTIFICATES"
	envTrustRoot    = "WAMPETER_TRUSTROOT"
	envPassphrase   = "WAMPETER_PASSPHRASE"
	envToken        = "WAMPETER_TOKEN"
	envCert         = "WAMPETER_CERT"
	envCertKey      = "WAMPETER_CERT_KEY"
)

func (c *credentials) define(f *pflag.FlagSet) {
	f.StringVar(&c.authID, "authid", "", "`NAME` of who you are (or $"+envAuthID+")")
	f.StringVar(&c.ticket, "ticket", "", "`SECRET` for the method ticket (or $"+envTicket+")")
	f.StringVar(&c.secret, "secret", "", "`SECRET` for the method wampcra (or $"+envSecret+")")
	f.StringVar(&c.password, "password", "", "`SECRET` for the methods wamp-scram and scram (or $"+envPassword+")")
	f.StringVar(&c.key, "key", "", "private key `FILE` for the method cryptosign (or $"+envKey+")")
	f.StringVar(&c.certificates, "certificates", "", "`FILE` with certificates for --key, for routers that do not know it (or $"+envCertificates+")")
	f.StringVar(&c.trustroot, "trustroot", "", "`ADDRESS` of the account that has signed the last of --certificates (or $"+envTrustRoot+")")
	f.StringVar(&c.token, "token", "", "`SECRET` for the method jwt (or $"+envToken+")")
	f.StringVar(&c.cert, "cert", "", "PEM `FILE` with a certificate for the method tls (or $"+envCert+")")
	f.StringVar(&c.certKey, "cert-key", "", "PEM `FILE` with the certificate's key (or $"+envCertKey+")")
	f.BoolVar(&c.binding, "channel-binding", false, "bind --key and --password to the TLS connection")
}

// complete takes from the environment and the profile what the flags do not say.
// Who names a method by a flag does not want the environment's as well.
func (c *credentials) complete(getenv func(string) string, profile *config.Profile) {
	if profile == nil {
		profile = &config.Profile{}
	}
	method := func(c *credentials) bool {
		return c.ticket+c.secret+c.password+c.key+c.token+c.cert != ""
	}
	if c.authID == "" {
		c.authID = getenv(envAuthID)
	}
	if !method(c) {
		c.ticket, c.secret, c.password = getenv(envTicket), getenv(envSecret), getenv(envPassword)
		c.key, c.token, c.cert, c.certKey = getenv(envKey), getenv(envToken), getenv(envCert), getenv(envCertKey)
		c.certificates, c.trustroot = cmp.Or(c.certificates, getenv(envCertificates)), cmp.Or(c.trustroot, getenv(envTrustRoot))
	}
	if c.authID == "" {
		c.authID = profile.AuthID
	}
	c.binding = c.binding || profile.ChannelBinding
	if !method(c) {
		c.ticket, c.secret, c.password = profile.Ticket.Value(), profile.Secret.Value(), profile.Password.Value()
		c.key, c.token = string(profile.Key), profile.Token.Value()
		c.cert, c.certKey = string(profile.Cert), string(profile.CertKey)
		c.certificates, c.trustroot = cmp.Or(c.certificates, string(profile.Certificates)), cmp.Or(c.trustroot, profile.TrustRoot)
	}
}

// authenticators returns the methods that the credentials are for.
func (c *credentials) authenticators(ctx context.Context, p *process, profile *config.Profile) (list []wamp.Authenticator, err error) {
	for _, s := range []struct {
		flag  string
		value *string
	}{{"ticket", &c.ticket}, {"secret", &c.secret}, {"password", &c.password}, {"token", &c.token}} {
		if *s.value, err = p.readSecret(ctx, "--"+s.flag, *s.value); err != nil {
			return nil, err
		}
	}
	var binding wamp.ChannelBinding // none
	if c.binding {
		binding = wamp.TLSExporter
	}
	if c.key != "" {
		key, err := c.readKey(ctx, p, profile)
		if err != nil {
			return nil, err
		}
		options := []wamp.CryptosignOption{binding}
		if c.certificates != "" {
			chain, err := os.ReadFile(expandHome(c.certificates, p.getenv))
			if err != nil {
				return nil, usagef("--certificates: %w", err)
			}
			options = append(options, wamp.Certificates(c.trustroot, chain))
		}
		list = append(list, wamp.Cryptosign(key, options...))
	}
	if (c.certificates == "") != (c.trustroot == "") || c.certificates != "" && c.key == "" {
		return nil, usagef("--key, --certificates and --trustroot go together")
	}
	if c.cert != "" {
		list = append(list, wamp.ClientCertificate())
	}
	if c.token != "" {
		token := c.token
		list = append(list, wamp.JWT(func(context.Context) (string, error) { return token, nil }))
	}
	if c.password != "" {
		list = append(list, wamp.SCRAM(c.password, binding))
		if !c.binding { // which the other dialect does not have
			list = append(list, wamp.AutobahnSCRAM(c.password))
		}
	}
	if c.secret != "" {
		list = append(list, wamp.WAMPCRA(c.secret))
	}
	if c.ticket != "" {
		list = append(list, wamp.Ticket(c.ticket))
	}
	return list, nil
}

// readSecret returns a secret that was given as it is, as file:PATH, or as - for
// one that is typed.
func (p *process) readSecret(ctx context.Context, flag, value string) (string, error) {
	if path, ok := strings.CutPrefix(value, "file:"); ok {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", usagef("%s: %w", flag, err)
		}
		return strings.TrimRight(string(data), "\r\n"), nil
	}
	if value == "-" {
		return p.askSecret(ctx, strings.TrimLeft(flag, "-"))
	}
	return value, nil
}

// askSecret has somebody type a secret, or reads standard input when that is no
// terminal.
func (p *process) askSecret(ctx context.Context, what string) (string, error) {
	f, ok := p.stdin.(*os.File)
	if !ok || !isTerminal(f) {
		return p.readInput(ctx)
	}
	state, err := term.GetState(int(f.Fd()))
	if err != nil {
		return "", err
	}
	fmt.Fprintf(p.stderr, "%s: ", what)
	defer fmt.Fprintln(p.stderr)
	type input struct {
		text []byte
		err  error
	}
	done := make(chan input, 1)
	go func() { // left behind when ctx ends, as readInput's
		b, err := term.ReadPassword(int(f.Fd()))
		done <- input{b, err}
	}()
	select {
	case in := <-done:
		return string(in.text), in.err
	case <-ctx.Done():
		_ = term.Restore(int(f.Fd()), state) // with echo; there is no more to be done
		return "", context.Cause(ctx)
	}
}

// readKey reads the private key. An encrypted one needs a passphrase.
func (c *credentials) readKey(ctx context.Context, p *process, profile *config.Profile) (ed25519.PrivateKey, error) {
	data, err := os.ReadFile(expandHome(c.key, p.getenv))
	if err != nil {
		return nil, usagef("--key: %w", err)
	}
	passphrase := p.getenv(envPassphrase)
	if passphrase == "" && profile != nil {
		passphrase = profile.Passphrase.Value()
	}
	key, err := wamp.ParseKey(data, []byte(passphrase))
	if errors.Is(err, auth.ErrPassphrase) && passphrase == "" && isTerminal(p.stdin) {
		if passphrase, err = p.askSecret(ctx, "passphrase of "+c.key); err != nil {
			return nil, err
		}
		key, err = wamp.ParseKey(data, []byte(passphrase))
	}
	if err != nil {
		return nil, usagef("--key %s: %w", c.key, err)
	}
	return key, nil
}

// expandHome replaces ~/ at the beginning of a path, which shells do not do in
// the environment.
func expandHome(path string, getenv func(string) string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && getenv("HOME") != "" {
		return getenv("HOME") + "/" + rest
	}
	return path
}

// certificate returns the certificate to present; nil for none.
func (c *credentials) certificate() (*tls.Certificate, error) {
	if c.cert == "" {
		if c.certKey != "" {
			return nil, usagef("--cert-key needs --cert")
		}
		return nil, nil
	}
	key := c.certKey
	if key == "" {
		key = c.cert // both may be in one file
	}
	cert, err := tls.LoadX509KeyPair(c.cert, key)
	if err != nil {
		return nil, usagef("--cert, --cert-key: %w", err)
	}
	return &cert, nil
}
