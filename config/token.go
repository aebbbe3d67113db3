package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/wampeter/wampeter/internal/uri"
	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/router/jwt"
	"github.com/wampeter/wampeter/wamp"
)

// keySets are the key sets that are in use, by where they are: a reload must not
// fetch them anew.
type keySets map[string]jwt.Keys

// check finds what is wrong with tokens.
func (j *JWT) check(at string, bad complaint) {
	n := 0
	for _, given := range []bool{len(j.Keys) > 0, j.KeySetFile != "", j.KeySetURL != ""} {
		if given {
			n++
		}
	}
	if n != 1 {
		bad(at, "want keys, key_set_file or key_set_url, one of them")
		return
	}
	for i := range j.Keys {
		if _, err := j.Keys[i].key(); err != nil {
			bad(fmt.Sprintf("%s.keys[%d]", at, i), "%v", err)
		}
	}
	if j.KeySetFile != "" {
		data, err := readFile(string(j.KeySetFile))
		if err == nil {
			_, err = jwt.ParseJWKS(data)
		}
		if err != nil {
			bad(at+".key_set_file", "%v", err)
		}
	}
	if j.KeySetURL != "" {
		checkURL(at+".key_set_url", j.KeySetURL, bad)
	}
	if j.Refresh != "" && !uri.Valid([]byte(j.Refresh), false) {
		bad(at+".refresh", "%s: not a URI", j.Refresh)
	}
	for name, role := range j.Roles {
		if text, ok := role.(string); !ok || text == "" {
			bad(at+".roles."+quoteKey(name), "want the name of a role")
		}
	}
	c := j.config()
	c.Keys = jwt.StaticKeys()
	if _, err := jwt.New(c); err != nil {
		bad(at+".algorithms", "%v", err)
	}
}

func (k *TokenKey) key() (jwt.Key, error) {
	switch {
	case (k.Secret.Value() == "") == (k.Public.Value() == ""):
		return jwt.Key{}, errors.New("want either secret or public")
	case k.Secret.Value() != "":
		return jwt.Secret(k.ID, []byte(k.Secret.Value()))
	}
	return jwt.PublicKey(k.ID, []byte(k.Public.Value()))
}

// config returns what the router takes, without the keys.
func (j *JWT) config() jwt.Config {
	c := jwt.Config{
		Algorithms: j.Algorithms, Issuer: j.Issuer, Audience: j.Audience, Leeway: time.Duration(j.Leeway),
		AuthIDClaim: j.AuthIDClaim, RoleClaim: j.RoleClaim, RealmClaim: j.RealmClaim, Role: j.Role, Extra: j.Extra,
	}
	for name, role := range j.Roles {
		if c.Roles == nil {
			c.Roles = make(map[string]string)
		}
		c.Roles[name], _ = role.(string)
	}
	return c
}

// authenticator returns what accepts tokens.
func (j *JWT) authenticator(sets keySets, log *slog.Logger) (*jwt.Authenticator, error) {
	c := j.config()
	trouble := func(err error) { log.Warn("keys of tokens cannot be read again; the last ones are used", "error", err) }
	switch {
	case j.KeySetURL != "":
		if sets[j.KeySetURL] == nil {
			sets[j.KeySetURL] = &jwt.URL{URL: j.KeySetURL, OnError: trouble}
		}
		c.Keys = sets[j.KeySetURL]
	case j.KeySetFile != "":
		at := "file:" + string(j.KeySetFile)
		if sets[at] == nil {
			sets[at] = &jwt.File{Path: string(j.KeySetFile), OnError: trouble}
		}
		c.Keys = sets[at]
	default:
		var keys []jwt.Key
		for i := range j.Keys {
			k, err := j.Keys[i].key()
			if err != nil {
				return nil, err
			}
			keys = append(keys, k)
		}
		c.Keys = jwt.StaticKeys(keys...)
	}
	return jwt.New(c)
}

// refresher is a procedure that refreshes tokens.
type refresher struct {
	realm     *router.Realm
	procedure string
}

// serveRefresh serves the refreshing of tokens in a realm. Which tokens count
// may change; the procedure is served once.
func (r *realms) serveRefresh(realm *router.Realm, procedure string, tokens *jwt.Authenticator) error {
	at := refresher{realm, procedure}
	if now := r.refresh[at]; now != nil {
		now.Store(tokens)
		return nil
	}
	now := new(atomic.Pointer[jwt.Authenticator])
	now.Store(tokens)
	reg := wamp.NewRegistry("")
	err := reg.Register(procedure, wamp.Func1(func(ctx context.Context, token string) (int64, error) {
		tokens, s := now.Load(), router.From(ctx)
		if tokens == nil {
			return 0, wamp.Errorf(wamp.ErrNoSuchProcedure, "tokens are not refreshed here any more")
		}
		if err := tokens.Refresh(ctx, s, token); err != nil {
			return 0, err
		}
		return s.Identity().Expires.Unix(), nil
	}))
	if err != nil {
		return err
	}
	if err := realm.Mount("", reg); err != nil {
		return err
	}
	r.refresh[at] = now
	return nil
}

// stopRefresh has procedures that wanted does not name refresh nothing any
// more, and forgets those of realms that are gone.
func (r *realms) stopRefresh(wanted map[refresher]bool) {
	there := make(map[*router.Realm]bool)
	for _, realm := range r.withFresh(r.rt.Realms()) {
		there[realm] = true
	}
	for _, realm := range r.byName { // also those that clients do not see yet
		there[realm] = true
	}
	for at, now := range r.refresh {
		switch {
		case !there[at.realm]:
			delete(r.refresh, at)
		case !wanted[at]:
			now.Store(nil)
		}
	}
}
