package router

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/wampeter/wampeter/internal/auth"
	"github.com/wampeter/wampeter/internal/transport"
)

// Cookies lets browsers come back without a password: a WebSocket connection is
// given a random cookie, which stands for the principal that a session of it was
// authenticated as, by whatever other method. Set Config.Cookies, and add
// Cookie to the realms that accept them.
//
// Browsers send cookies along whatever page connects. Which pages may is what
// Config.Origins says, by default those of the same host.
type Cookies struct {
	Name   string        // default "wampeter"
	MaxAge time.Duration // default 7 days
	Domain string        // default: the host that set it, and no other
	Path   string        // default "/"

	// SameSite is Strict unless set: pages of other sites have to do without.
	SameSite http.SameSite

	// Insecure lets connections without TLS have cookies that TLS ones set.
	// Otherwise a cookie that is set on TLS is sent back on TLS alone.
	Insecure bool

	// Store keeps what cookies stand for; default: the process's memory.
	Store CookieStore
}

// CookieStore keeps what cookies stand for. Its keys are hashes, of no use to
// whoever steals them. It is called by many goroutines.
type CookieStore interface {
	// Get returns an entry; nil when there is none, or it has expired.
	Get(ctx context.Context, key string) (*CookieEntry, error)
	Put(ctx context.Context, key string, e *CookieEntry) error
	Delete(ctx context.Context, key string) error
}

// CookieEntry is what a cookie stands for: an identity in a realm.
type CookieEntry struct {
	Realm    string    `json:"realm"`
	AuthID   string    `json:"authid"`
	Role     string    `json:"role"`
	Method   string    `json:"method"` // of the login that the cookie stands for
	Provider string    `json:"provider"`
	Evidence string    `json:"evidence,omitempty"` // of the login: Identity.Evidence
	Expires  time.Time `json:"expires"`            // of the cookie

	// Until is when the identity itself ends; zero: not before the cookie.
	Until time.Time `json:"until,omitzero"`

	Extra map[string]any `json:"extra,omitempty"`
	Value any            `json:"-"` // what the application knows of the principal
}

func (c Cookies) withDefaults() *Cookies {
	c.Name = cmp.Or(c.Name, "wampeter")
	c.Path = cmp.Or(c.Path, "/")
	c.MaxAge = cmp.Or(c.MaxAge, 7*24*time.Hour)
	c.SameSite = cmp.Or(c.SameSite, http.SameSiteStrictMode)
	if c.Store == nil {
		c.Store = NewCookieMemory(100_000)
	}
	return &c
}

// SetCookies replaces Config.Cookies for connections from then on; nil: there
// are no cookies any more. Without a Store of its own, c has the one of before,
// so that nobody has to log in again.
func (r *Router) SetCookies(c *Cookies) {
	if c != nil {
		next := *c
		if before := r.cookies(); before != nil && next.Store == nil {
			next.Store = before.Store
		}
		c = next.withDefaults()
	}
	r.cookie.Store(c)
}

// cookies returns the cookies of now; nil: there are none.
func (r *Router) cookies() *Cookies { return r.cookie.Load() }

// cookieKey is what a cookie is stored under.
func cookieKey(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// giveCookie gives a connection a cookie, unless it brings one that stands for
// somebody. A value that the client brings is never given a meaning: somebody
// else may have planted it there. The request then holds the new value, and, as
// no request does otherwise, Set-Cookie.
func (r *Router) giveCookie(req *http.Request, response http.Header) error {
	req.Header.Del("Set-Cookie")
	c := r.cookies()
	if c == nil {
		return nil
	}
	if old, err := req.Cookie(c.Name); err == nil {
		if e, err := c.Store.Get(req.Context(), cookieKey(old.Value)); err != nil {
			r.log.LogAttrs(req.Context(), slog.LevelError, "cookies cannot be looked up", slog.Any("error", err))
			return &transport.Refusal{Status: http.StatusInternalServerError, Text: "cookies cannot be looked up"}
		} else if e != nil {
			return nil
		}
	}
	cookie := &http.Cookie{
		Name: c.Name, Value: base64.RawURLEncoding.EncodeToString(auth.Random(24)),
		Path: c.Path, Domain: c.Domain, MaxAge: int(c.MaxAge / time.Second),
		HttpOnly: true, Secure: req.TLS != nil && !c.Insecure, SameSite: c.SameSite,
	}
	if err := cookie.Valid(); err != nil {
		return err
	}
	response.Add("Set-Cookie", cookie.String())
	req.Header.Set("Set-Cookie", cookie.Value)
	return nil
}

// given returns the cookie that a connection was given.
func given(t *Transport) string {
	if t.Request == nil {
		return ""
	}
	return t.Request.Header.Get("Set-Cookie")
}

// brought returns the cookie that a client has sent.
func (c *Cookies) brought(t *Transport) string {
	if given(t) != "" {
		return ""
	}
	return t.Cookie(c.Name)
}

// bind has the connection's cookie stand for id.
func (c *Cookies) bind(ctx context.Context, h *Handshake, id *Identity) error {
	if id.by == auth.MethodCookie || id.Method == auth.MethodAnonymous {
		return nil
	}
	value := given(h.Transport)
	if value == "" {
		// Who logs in as somebody else loses the cookie of the one before.
		if old := c.brought(h.Transport); old != "" {
			return c.Store.Delete(ctx, cookieKey(old))
		}
		return nil
	}
	return c.Store.Put(ctx, cookieKey(value), &CookieEntry{
		Realm: h.Realm, AuthID: id.AuthID, Role: id.Role, Method: id.by, Provider: id.Provider, Evidence: id.Evidence, Extra: id.Extra, Value: id.Value,
		Expires: time.Now().Add(c.MaxAge), Until: id.Expires,
	})
}

// Cookie accepts clients by the cookies that Config.Cookies describes, on
// WebSocket and long-poll connections (authmethod cookie). Without Config.Cookies
// it accepts nobody. A cookie is good as long as the realm would accept the login
// that it stands for, as far as Revalidators can tell.
func Cookie() Authenticator {
	return MethodAuthenticator(auth.MethodCookie, func(ctx context.Context, h *Handshake) (*Identity, error) {
		c := h.link.router.cookies()
		if c == nil {
			return nil, nil
		}
		value := c.brought(h.Transport)
		if value == "" {
			return nil, nil
		}
		e, err := c.Store.Get(ctx, cookieKey(value))
		if err != nil {
			return nil, fmt.Errorf("look up a cookie: %w", err)
		}
		now := time.Now()
		if e == nil || e.Realm != h.Realm || now.After(e.Expires) || !e.Until.IsZero() && now.After(e.Until) {
			return nil, nil
		}
		if h.AuthID != "" && h.AuthID != e.AuthID {
			return nil, nil // somebody else at the same browser
		}
		return &Identity{
			AuthID: e.AuthID, Role: e.Role, Provider: e.Provider, Extra: e.Extra, Value: e.Value, Expires: e.Until,
			Evidence: e.Evidence, cookie: true, origin: e.Method,
		}, nil
	})
}

// ForgetCookie makes the cookie of a session's connection stand for nobody: the
// user has logged out. The session goes on.
func (s *Session) ForgetCookie(ctx context.Context) error {
	c := s.realm.router.cookies()
	if c == nil || s.transport.Request == nil {
		return nil
	}
	value := given(s.transport)
	if value == "" {
		if value = c.brought(s.transport); value == "" {
			return nil
		}
	}
	return c.Store.Delete(ctx, cookieKey(value))
}
