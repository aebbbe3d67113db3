// Package jwt authenticates WAMP sessions by JSON Web Tokens (RFC 7519), which
// somebody else has issued: an identity provider, or the application's own
// backend. The router knows only the keys.
//
//	keys := &jwt.URL{URL: "https://id.example.com/.well-known/jwks.json"}
//	tokens, err := jwt.New(jwt.Config{Keys: keys, Issuer: "https://id.example.com", Audience: []string{"wamp"}})
//	…
//	realm.Authenticate(tokens, tokens.As("ticket"), tokens.Bearer())
//
// A session ends when its token expires, with GOODBYE wamp.close.auth, unless it
// is refreshed by a new one. When the realm is configured anew, it ends if the
// Authenticator of then would not accept its token.
package jwt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Method is the authmethod of tokens.
const Method = "jwt"

// maxToken is the size in bytes of the largest token.
const maxToken = 16 << 10

// Config says which tokens count, and what they say.
type Config struct {
	Keys Keys

	// Algorithms that tokens may be signed with. What a token says of itself
	// chooses among these alone, and among those that the key is for. Default:
	// HS256, RS256, PS256, ES256, ES384, ES512, EdDSA.
	Algorithms []string

	Issuer   string   // that "iss" has to be; empty: any
	Audience []string // one of which "aud" has to name; empty: any

	// Leeway is how far the clocks of issuer and router may be apart.
	Leeway time.Duration

	// Claims by name; a point leads into an object, as in "realm_access.roles".
	AuthIDClaim string // default "sub"
	RoleClaim   string // default "role"; of a list the first value that fits counts
	RealmClaim  string // a realm, or a list of them, that the token is good for; empty: for all

	// Roles translates the values of RoleClaim. With nil they are roles as they
	// are.
	Roles map[string]string

	// Role is for tokens without a role. Empty: they are refused.
	Role string

	// Extra are claims for the client, in WELCOME.Details.authextra.
	Extra []string
}

// Claims are what a token says. They are the Value of the Identity.
type Claims map[string]any

// Authenticator accepts sessions by tokens. It implements router.Authenticator
// for the method jwt.
type Authenticator struct {
	cfg       Config
	parser    *gojwt.Parser
	validator *gojwt.Validator
}

// New returns an Authenticator.
func New(cfg Config) (*Authenticator, error) {
	if cfg.Keys == nil {
		return nil, errors.New("jwt: there are no keys")
	}
	cfg.AuthIDClaim, cfg.RoleClaim = cmp.Or(cfg.AuthIDClaim, "sub"), cmp.Or(cfg.RoleClaim, "role")
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = []string{"HS256", "RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"}
	}
	for _, name := range cfg.Algorithms {
		if gojwt.GetSigningMethod(name) == nil || name == "none" {
			return nil, fmt.Errorf("jwt: algorithm %q is not one of HS, RS, PS and ES with 256, 384 or 512, and EdDSA", name)
		}
	}
	if cfg.Leeway < 0 {
		return nil, errors.New("jwt: the leeway is negative")
	}
	options := []gojwt.ParserOption{
		gojwt.WithValidMethods(cfg.Algorithms), gojwt.WithExpirationRequired(), gojwt.WithLeeway(cfg.Leeway),
		gojwt.WithStrictDecoding(), gojwt.WithIssuedAt(),
	}
	if cfg.Issuer != "" {
		options = append(options, gojwt.WithIssuer(cfg.Issuer))
	}
	if len(cfg.Audience) > 0 {
		options = append(options, gojwt.WithAudience(cfg.Audience...))
	}
	return &Authenticator{cfg: cfg, parser: gojwt.NewParser(options...), validator: gojwt.NewValidator(options...)}, nil
}

// Method implements router.Authenticator.
func (a *Authenticator) Method() string { return Method }

// Authenticate implements router.Authenticator: it challenges the client, whose
// answer is the token.
func (a *Authenticator) Authenticate(ctx context.Context, h *router.Handshake) (*router.Identity, error) {
	return a.challenge(ctx, h, Method)
}

// As returns an Authenticator that takes tokens by another method, such as
// "ticket" for clients that do not know jwt.
func (a *Authenticator) As(method string) router.Authenticator { return &as{a, method} }

type as struct {
	*Authenticator
	method string
}

func (a *as) Method() string { return a.method }

func (a *as) Authenticate(ctx context.Context, h *router.Handshake) (*router.Identity, error) {
	return a.challenge(ctx, h, a.method)
}

func (a *Authenticator) challenge(ctx context.Context, h *router.Handshake, method string) (*router.Identity, error) {
	token, _, err := h.Challenge(ctx, method, nil)
	if err != nil {
		return nil, err
	}
	id, err := a.Verify(ctx, h.Realm, token)
	if err != nil {
		return nil, err
	}
	if h.AuthID != "" && h.AuthID != id.AuthID {
		return nil, router.Deny(fmt.Errorf("jwt: the token is for another authid, %q", id.AuthID))
	}
	id.Method = method
	return id, nil
}

// Bearer returns an Authenticator that takes the token of the header
// "Authorization: Bearer …" of WebSocket and long-poll connections, whatever
// methods the client offers. Without such a header it is not asked.
func (a *Authenticator) Bearer() router.Authenticator { return &bearer{a} }

type bearer struct{ *Authenticator }

func (*bearer) Method() string { return "" }

func (a *bearer) Authenticate(ctx context.Context, h *router.Handshake) (*router.Identity, error) {
	if h.Transport.Request == nil {
		return nil, nil
	}
	scheme, token, ok := strings.Cut(h.Transport.Request.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return nil, nil
	}
	id, err := a.Verify(ctx, h.Realm, strings.TrimSpace(token))
	if id != nil {
		id.Method = Method
	}
	return id, err
}

// Verify checks a token, and returns who a session in a realm is by it, until
// the token expires. The errors are for the client: they say no more than it may
// know.
func (a *Authenticator) Verify(ctx context.Context, realm, token string) (*router.Identity, error) {
	claims, by, err := a.parse(ctx, token)
	switch {
	case errors.Is(err, gojwt.ErrTokenExpired):
		return nil, wamp.Errorf(wamp.ErrAuthenticationDenied, "the token has expired")
	case errors.Is(err, errNoKeys):
		return nil, err
	case err != nil:
		return nil, router.Deny(fmt.Errorf("jwt: %w", err))
	}
	id, err := a.identity(realm, claims)
	if err != nil {
		return nil, router.Deny(fmt.Errorf("jwt: %w", err))
	}
	by.Realm, by.Claims = realm, claims
	id.Evidence, err = by.text()
	return id, err
}

// errNoKeys is in errors that the token is not to blame for.
var errNoKeys = errors.New("jwt: keys cannot be looked up")

// parse returns what a token says, and how that was verified.
func (a *Authenticator) parse(ctx context.Context, token string) (Claims, *evidence, error) {
	if len(token) > maxToken {
		return nil, nil, fmt.Errorf("a token of %d bytes is none", len(token))
	}
	claims := gojwt.MapClaims{}
	by := new(evidence)
	_, err := a.parser.ParseWithClaims(token, claims, func(t *gojwt.Token) (any, error) {
		if t.Header["crit"] != nil {
			return nil, errors.New("the token demands extensions that are not known (crit)")
		}
		by.KeyID, _ = t.Header["kid"].(string)
		by.Algorithm = t.Method.Alg()
		keys, err := a.keys(ctx, by)
		if err != nil {
			return nil, err
		}
		signed := t.Raw[:strings.LastIndexByte(t.Raw, '.')]
		for _, k := range keys {
			if t.Method.Verify(signed, t.Signature, k.key) == nil {
				by.Key = k.digest
				return k.key, nil
			}
		}
		return keys[0].key, nil // the library finds that it does not fit
	})
	return Claims(claims), by, err
}

// keys returns the keys that a token may have been signed with, at least one.
func (a *Authenticator) keys(ctx context.Context, by *evidence) ([]Key, error) {
	keys, err := a.cfg.Keys.Find(ctx, by.KeyID)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errNoKeys, err)
	}
	keys = slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return !slices.Contains(k.algorithms, by.Algorithm) })
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is no key %q for %s", by.KeyID, by.Algorithm)
	}
	return keys, nil
}

// identity returns who the claims are about.
func (a *Authenticator) identity(realm string, claims Claims) (*router.Identity, error) {
	id := &router.Identity{Provider: "jwt", Value: claims}
	if authID := claims.texts(a.cfg.AuthIDClaim); len(authID) == 1 {
		id.AuthID = authID[0]
	}
	if id.AuthID == "" {
		return nil, fmt.Errorf("the claim %q names nobody", a.cfg.AuthIDClaim)
	}
	if a.cfg.RealmClaim != "" && !slices.Contains(claims.texts(a.cfg.RealmClaim), realm) {
		return nil, fmt.Errorf("the claim %q does not name the realm %q", a.cfg.RealmClaim, realm)
	}
	if id.Role = a.role(claims); id.Role == "" {
		return nil, fmt.Errorf("the claim %q has no role that is known here", a.cfg.RoleClaim)
	}
	expires, err := gojwt.MapClaims(claims).GetExpirationTime()
	if err != nil || expires == nil {
		return nil, errors.New("the token does not expire")
	}
	id.Expires = expires.Add(a.cfg.Leeway)
	for _, name := range a.cfg.Extra {
		if v, ok := claims.find(name); ok {
			if id.Extra == nil {
				id.Extra = make(map[string]any)
			}
			id.Extra[name] = v
		}
	}
	return id, nil
}

func (a *Authenticator) role(claims Claims) string {
	for _, value := range claims.texts(a.cfg.RoleClaim) {
		if a.cfg.Roles == nil && value != "" {
			return value
		}
		if role := a.cfg.Roles[value]; role != "" {
			return role
		}
	}
	return a.cfg.Role
}

// find returns a claim: one of that name, or else the one that the points in the
// name lead to.
func (c Claims) find(name string) (any, bool) {
	if v, ok := c[name]; ok {
		return v, true
	}
	first, rest, ok := strings.Cut(name, ".")
	if !ok {
		return nil, false
	}
	inner, ok := c[first].(map[string]any)
	if !ok {
		return nil, false
	}
	return Claims(inner).find(rest)
}

// texts returns a claim that is a text or a list of them.
func (c Claims) texts(name string) []string {
	v, _ := c.find(name)
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}
