package router

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/wampeter/wampeter/wamp"
)

// AuthorizerProcedure is an Authorizer that calls a WAMP procedure, as
// Crossbar.io's dynamic authorizers. The procedure is called with four
// arguments:
//
//	session  {"session", "realm", "authid", "authrole", "authmethod", "authprovider", "authextra", "transport"}
//	uri      of the procedure or topic, or the pattern
//	action   "call", "register", "publish" or "subscribe"
//	options  of the message, and "match": "exact", "prefix" or "wildcard"
//
// It answers with true or false, or with a dictionary:
//
//	allow     true or false
//	disclose  true: the caller or publisher is made known, false: it is not
//	cache     how many seconds the decision holds for this session, action and
//	          URI; true: for as long as Cache says, at least 5 minutes; false: not at all
//	reason    told to a client that is refused
//
// Without cache the decision holds for Cache. When the procedure cannot be
// called, or fails, or answers something else, the message is refused with
// wamp.error.authorization_failed; an error wamp.error.not_authorized of it is a
// no. Sessions that serve the procedure are not asked about: they may do what
// the rule allows.
type AuthorizerProcedure struct {
	Realm   *Realm        // where the procedure is registered
	URI     string        // of the procedure
	Timeout time.Duration // of a call; default 5 s
	Cache   time.Duration // how long a decision holds that does not say it; 0: for one message
}

// Authorize implements Authorizer.
func (p *AuthorizerProcedure) Authorize(ctx context.Context, q *Request) (Decision, error) {
	s, err := p.Realm.Local()
	if err != nil {
		return Decision{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, orDefault(p.Timeout, defaultAnswerTime))
	defer cancel()
	answer, err := wamp.Call[any](ctx, s, p.URI, wamp.Args{q.Session.describe(), q.URI, q.Action.String(), q.options()})
	if errors.Is(err, wamp.ErrNotAuthorized) {
		return Decision{TTL: p.Cache}, nil
	}
	var d Decision
	if err == nil {
		d, err = decisionOf(answer, p.Cache)
	}
	if err != nil {
		// What the procedure says is not for the client.
		return Decision{}, fmt.Errorf("authorizer %s: %v", p.URI, err)
	}
	return d, nil
}

// exempts reports whether s serves the procedure.
func (p *AuthorizerProcedure) exempts(s *Session) bool {
	r := p.Realm
	if s.realm != r {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return s.link.joined && s.link.public.Load() == s && r.core.Serves(&s.link.session, []byte(p.URI))
}

// AuthorizerWebhook is an Authorizer that asks an HTTP endpoint. It gets a POST
// with {"session": …, "uri": …, "action": …, "options": …} in JSON, which are
// those of AuthorizerProcedure, and answers with status 200 and what such a
// procedure may answer, in JSON. Status 401 and 403 are a no. With any other
// answer the message is refused with wamp.error.authorization_failed.
type AuthorizerWebhook struct {
	URL     string
	Header  http.Header   // sent along, such as Authorization
	Timeout time.Duration // of a request; default 5 s
	Cache   time.Duration // how long a decision holds that does not say it; 0: for one message

	// Client sends the requests; default: a client that follows no redirects.
	// Its Transport has the TLS configuration.
	Client *http.Client
}

// Authorize implements Authorizer.
func (w *AuthorizerWebhook) Authorize(ctx context.Context, q *Request) (Decision, error) {
	ctx, cancel := context.WithTimeout(ctx, orDefault(w.Timeout, defaultAnswerTime))
	defer cancel()
	answer, status, err := post(ctx, w.Client, w.URL, w.Header, map[string]any{
		"session": q.Session.describe(), "uri": q.URI, "action": q.Action.String(), "options": q.options(),
	})
	switch {
	case err != nil:
		return Decision{}, fmt.Errorf("authorizer %s: %w", w.URL, err)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return Decision{TTL: w.Cache}, nil
	case status != http.StatusOK:
		return Decision{}, fmt.Errorf("authorizer %s: it answers with status %d", w.URL, status)
	}
	d, err := decisionOf(answer, w.Cache)
	if err != nil {
		return Decision{}, fmt.Errorf("authorizer %s: %w", w.URL, err)
	}
	return d, nil
}

// options returns the options of a request as authorizers elsewhere get them.
func (q *Request) options() map[string]any {
	o := q.Options()
	o["match"] = q.Match.String()
	return o
}

// describe returns the session as a dictionary.
func (s *Session) describe() map[string]any {
	id := s.Identity()
	extra := id.Extra
	if extra == nil {
		extra = map[string]any{}
	}
	return map[string]any{
		"session": s.id, "realm": s.realm.name, "authid": id.AuthID, "authrole": id.Role, "authmethod": id.Method,
		"authprovider": id.Provider, "authextra": extra, "transport": s.transport.describe(),
	}
}

// defaultHold is how long a decision holds of an authorizer that says no more
// than that it does.
const defaultHold = 5 * time.Minute

// decisionOf reads what an authorizer elsewhere answers.
func decisionOf(answer any, hold time.Duration) (Decision, error) {
	d := Decision{TTL: hold}
	dict, ok := answer.(map[string]any)
	if !ok {
		if d.Allow, ok = answer.(bool); !ok {
			return d, fmt.Errorf("the answer is a %T: it has to be true or false, or a dictionary with allow", answer)
		}
		return d, nil
	}
	var errs []error
	if d.Allow, ok = dict["allow"].(bool); !ok {
		errs = append(errs, errors.New("allow of the answer is neither true nor false"))
	}
	switch v := dict["disclose"].(type) {
	case nil:
	case bool:
		d.Disclose = Never
		if v {
			d.Disclose = Always
		}
	default:
		errs = append(errs, errors.New("disclose of the answer is neither true nor false"))
	}
	if d.TTL, ok = holdOf(dict["cache"], hold); !ok {
		errs = append(errs, errors.New("cache of the answer is neither true, false nor a number of seconds"))
	}
	if v := dict["reason"]; v != nil {
		if d.Reason, ok = v.(string); !ok {
			errs = append(errs, errors.New("reason of the answer is no text"))
		}
	}
	return d, errors.Join(errs...)
}

// holdOf reads how long a decision holds.
func holdOf(v any, hold time.Duration) (time.Duration, bool) {
	seconds := 0.0
	switch v := v.(type) {
	case nil:
		return hold, true
	case bool:
		if v {
			return max(hold, defaultHold), true
		}
		return 0, true
	case float64:
		seconds = v
	case int64:
		seconds = float64(v)
	case uint64:
		seconds = float64(v)
	default:
		return 0, false
	}
	const longest = 1 << 31 // seconds
	return time.Duration(min(seconds, longest) * float64(time.Second)), seconds >= 0 && !math.IsNaN(seconds)
}

// PurgeProcedure is the procedure by which clients, if a rule allows them to,
// have decisions of Authorizers forgotten: of the sessions whose IDs are its
// arguments, or of all sessions of the realm. A realm has it as soon as it has
// an Authorizer.
const PurgeProcedure wamp.URI = "wamp.authorization.purge"

// offer registers PurgeProcedure on the realm's own session, if somebody has to
// be asked, and unless that is done.
func (r *Realm) offer(a *access) {
	if !a.asks() || !r.purging.CompareAndSwap(false, true) {
		return
	}
	s, err := r.Local()
	if err == nil {
		_, err = s.Register(context.Background(), string(PurgeProcedure), wamp.HandlerFunc(r.purge))
	}
	if err != nil {
		r.purging.Store(false)
	}
}

func (r *Realm) purge(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
	var ids []uint64
	for i := range inv.Len() {
		var id uint64
		if err := inv.Arg(i, &id); err != nil {
			return wamp.Result{}, wamp.Errorf(wamp.ErrInvalidArgument, "the arguments are session IDs: %v", err)
		}
		ids = append(ids, id)
	}
	r.Purge(ids...)
	return wamp.Result{}, nil
}
