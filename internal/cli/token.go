package cli

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"
	"github.com/spf13/cobra"
)

func (p *process) tokenCommand() *cobra.Command {
	return groupCommand(&cobra.Command{
		Use:   "token",
		Short: "Issue and inspect JSON Web Tokens, for development",
		Long: `Issue and inspect JSON Web Tokens for the authentication method jwt. It is for
development and tests: tokens of production come from whoever knows the users.`,
		Example: `  wampeter token issue --secret file:secret.txt --authid joe --role user
  wampeter token inspect "$TOKEN"`,
	}, p.tokenKeyCommand(), p.tokenIssueCommand(), p.tokenInspectCommand())
}

// tokenFlags say what a token says.
type tokenFlags struct {
	secret   string
	key      string
	keyID    string
	authID   string
	role     string
	issuer   string
	audience []string
	expires  time.Duration
	claims   []string
}

func (p *process) tokenIssueCommand() *cobra.Command {
	var flags tokenFlags
	cmd := &cobra.Command{
		Use:   "issue",
		Short: "Issue a token",
		Long: `Print a token, signed with the secret that the router has under
authentication.jwt.keys (HS256), or with a private key in PEM whose public half it has:
Ed25519 (EdDSA), P-256, P-384 or P-521 (ES256, ES384, ES512), or RSA (RS256).
'wampeter token key' makes one.`,
		Example: `  wampeter token issue --secret file:secret.txt --authid joe --role user
  wampeter token issue --key key.pem --authid joe --claim 'groups=["a"]' --expires 15m
  wampeter token issue --key key.pem --authid joe > joe.token
  wampeter call com.example.status --token file:joe.token`,
		Args: cobra.NoArgs,
		RunE: p.action(func(ctx context.Context, _ []string) error {
			token, err := p.issueToken(ctx, &flags, time.Now())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, token)
			return err
		}),
	}
	f := cmd.Flags()
	f.StringVar(&flags.secret, "secret", "", "`SECRET` to sign with: file:PATH, - for what is typed, or the secret itself")
	f.StringVar(&flags.key, "key", "", "`FILE` with a private key in PEM to sign with")
	f.StringVar(&flags.keyID, "key-id", "", "`ID` of the key, which the token names (kid)")
	f.StringVar(&flags.authID, "authid", "", "`NAME` of who the token is for (sub)")
	f.StringVar(&flags.role, "role", "", "`NAME` of the role (role)")
	f.StringVar(&flags.issuer, "issuer", "", "`NAME` of who issues it (iss)")
	f.StringArrayVar(&flags.audience, "audience", nil, "`NAME` of whom it is meant for (aud); repeatable")
	f.DurationVar(&flags.expires, "expires", time.Hour, "how long it is good")
	f.StringArrayVar(&flags.claims, "claim", nil, "a further claim as `NAME=VALUE`, JSON or text; repeatable")
	cmd.MarkFlagsMutuallyExclusive("secret", "key")
	cmd.MarkFlagsOneRequired("secret", "key")
	_ = cmd.MarkFlagRequired("authid") // it exists
	return cmd
}

func (p *process) issueToken(ctx context.Context, f *tokenFlags, now time.Time) (string, error) {
	if f.expires <= 0 {
		return "", usagef("--expires %v: want a time like 15m", f.expires)
	}
	claims := gojwt.MapClaims{"sub": f.authID, "iat": now.Unix(), "exp": now.Add(f.expires).Unix()}
	for name, value := range map[string]string{"role": f.role, "iss": f.issuer} {
		if value != "" {
			claims[name] = value
		}
	}
	if len(f.audience) > 0 {
		claims["aud"] = f.audience
	}
	for _, text := range f.claims {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return "", usagef("--claim %s: want NAME=VALUE", text)
		}
		var v any
		if json.Unmarshal([]byte(value), &v) != nil {
			v = value
		}
		claims[name] = v
	}
	method, key, err := p.signingKey(ctx, f)
	if err != nil {
		return "", err
	}
	token := gojwt.NewWithClaims(method, claims)
	if f.keyID != "" {
		token.Header["kid"] = f.keyID
	}
	return token.SignedString(key)
}

// signingKey returns what to sign with, and how.
func (p *process) signingKey(ctx context.Context, f *tokenFlags) (gojwt.SigningMethod, any, error) {
	if f.key == "" {
		secret, err := p.readSecret(ctx, "--secret", f.secret)
		if err != nil {
			return nil, nil, err
		}
		if len(secret) < 32 {
			return nil, nil, usagef("--secret: %d bytes are too few, the router wants 32", len(secret))
		}
		return gojwt.SigningMethodHS256, []byte(secret), nil
	}
	data, err := os.ReadFile(f.key)
	if err != nil {
		return nil, nil, usagef("--key: %w", err)
	}
	key, err := parseSigner(data)
	if err != nil {
		return nil, nil, usagef("--key %s: %w", f.key, err)
	}
	method, err := signingMethod(key)
	if err != nil {
		return nil, nil, usagef("--key %s: %w", f.key, err)
	}
	return method, key, nil
}

func parseSigner(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("there is no key in PEM in the file")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		err = fmt.Errorf("a PEM block %q holds no private key", block.Type)
	}
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("tokens cannot be signed with a key of type %T", key)
	}
	return signer, nil
}

func signingMethod(key crypto.Signer) (gojwt.SigningMethod, error) {
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return gojwt.SigningMethodEdDSA, nil
	case *rsa.PrivateKey:
		return gojwt.SigningMethodRS256, nil
	case *ecdsa.PrivateKey:
		switch key.Curve {
		case elliptic.P256():
			return gojwt.SigningMethodES256, nil
		case elliptic.P384():
			return gojwt.SigningMethodES384, nil
		case elliptic.P521():
			return gojwt.SigningMethodES512, nil
		}
	}
	return nil, fmt.Errorf("tokens cannot be signed with a key of type %T", key)
}

func (p *process) tokenKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "key FILE",
		Short: "Make a key to sign tokens with",
		Long: `Make an Ed25519 key in PEM. FILE gets the private key, FILE.pub the public one, which
authentication.jwt.keys has as public: file:FILE.pub; neither may exist yet.`,
		Example: `  wampeter token key issuer.pem
  wampeter token issue --key issuer.pem --authid joe --role user`,
		Args: cobra.ExactArgs(1),
		RunE: p.action(func(_ context.Context, args []string) error {
			public, private, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				return err
			}
			der, err := x509.MarshalPKCS8PrivateKey(private)
			if err != nil {
				return err
			}
			publicDER, err := x509.MarshalPKIXPublicKey(public)
			if err != nil {
				return err
			}
			if err := writeNew(args[0], pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
				return err
			}
			return writeNew(args[0]+".pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER}), 0o644)
		}),
	}
}

func (p *process) tokenInspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect TOKEN",
		Short: "Show what a token says, without checking its signature",
		Long: `Print the header and the claims of a token, and on standard error when it expires.
The signature is not checked. TOKEN is the token itself, file:PATH, or -.`,
		Example: `  wampeter token inspect file:token.txt
  wampeter token issue --key key.pem --authid joe | wampeter token inspect -`,
		Args: cobra.ExactArgs(1),
		RunE: p.action(func(ctx context.Context, args []string) error {
			token, err := p.readSecret(ctx, "TOKEN", args[0])
			if err != nil {
				return err
			}
			return p.inspectToken(strings.TrimSpace(token), time.Now())
		}),
	}
}

func (p *process) inspectToken(token string, now time.Time) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("no token: it has to have three parts with points between them")
	}
	var claims struct{ Exp, Nbf *json.Number }
	for i, name := range []string{"header", "claims"} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return fmt.Errorf("the %s is not in base64url: %w", name, err)
		}
		var text bytes.Buffer
		if err := json.Indent(&text, raw, "", "  "); err != nil {
			return fmt.Errorf("the %s is no JSON: %w", name, err)
		}
		if name == "claims" {
			_ = json.Unmarshal(raw, &claims) // what is missing is not said
		}
		if _, err := fmt.Fprintf(p.stdout, "%s\n", text.Bytes()); err != nil {
			return err
		}
	}
	at := func(n *json.Number) (time.Time, bool) {
		if n == nil {
			return time.Time{}, false
		}
		seconds, err := n.Float64()
		return time.Unix(int64(seconds), 0).UTC(), err == nil
	}
	if t, ok := at(claims.Nbf); ok && now.Before(t) {
		fmt.Fprintf(p.stderr, "not good before %s\n", t.Format(time.RFC3339))
	}
	switch t, ok := at(claims.Exp); {
	case !ok:
		fmt.Fprintln(p.stderr, "without exp: the router refuses it")
	case now.After(t):
		fmt.Fprintf(p.stderr, "expired at %s\n", t.Format(time.RFC3339))
	default:
		fmt.Fprintf(p.stderr, "good until %s\n", t.Format(time.RFC3339))
	}
	return nil
}
