package core

import "github.com/wampeter/wampeter/internal/msg"

// testament is an event that a session has published when it ends
// (specification, advanced profile, section "Session Testament").
type testament struct {
	topic   []byte
	options msg.Options
	payload msg.Payload
}

// The scopes of testaments, in the order in which they are published. Sessions
// do not outlive their transports, so that both are published when one ends.
const (
	detached = iota
	destroyed
)

// scope returns the scope that a call names.
func (q *query) scope() (int, bool) {
	switch name, ok := option[string](q, "scope"); {
	case !ok:
		return 0, false
	case name == "detached":
		return detached, true
	case name == "destroyed", name == "":
		return destroyed, true
	}
	return 0, false
}

// addTestament takes a topic, args and kwargs; as keywords publish_options and
// scope. Errors: wamp.error.invalid_uri, wamp.error.not_authorized,
// wamp.error.limit_exceeded, and wamp.error.feature_not_supported for payload
// passthru mode that the publisher has not announced.
func addTestament(q *query) ([]any, []byte) {
	r, st := q.realm, &q.caller.state
	topic, ok := q.text(0)
	scope, okScope := q.scope()
	t := &testament{topic: []byte(topic)}
	if !ok || !okScope || !q.publishOptions(&t.options) {
		return nil, errInvalidArgument
	}
	if t.options.Has(msg.KeyPPTScheme) && st.publisher&msg.PayloadPassthru == 0 {
		return nil, errFeatureNotSupported
	}
	var args []any
	if v := q.arg(1); v != nil {
		if args, ok = v.([]any); !ok {
			return nil, errInvalidArgument
		}
	}
	var kwargs map[string]any
	if v := q.arg(2); v != nil {
		if kwargs, ok = v.(map[string]any); !ok {
			return nil, errInvalidArgument
		}
	}
	if !r.mayPublish(q.caller, t.topic) {
		return nil, errInvalidURI
	}
	if may := r.cfg.Authorize; may != nil && !may(q.caller, msg.Publish, msg.Exact, t.topic) {
		return nil, errNotAuthorized
	}
	if len(st.testaments[detached])+len(st.testaments[destroyed]) >= r.cfg.MaxTestaments {
		return nil, errLimitExceeded
	}
	// What is empty is not sent.
	if len(kwargs) == 0 {
		kwargs = nil
	}
	if len(args) == 0 {
		args = nil
	}
	t.payload = r.cfg.Encode(args, kwargs)
	st.testaments[scope] = append(st.testaments[scope], t)
	return nil, nil
}

func flushTestaments(q *query) ([]any, []byte) {
	scope, ok := q.scope()
	if !ok {
		return nil, errInvalidArgument
	}
	q.caller.state.testaments[scope] = nil
	return nil, nil
}

// publishTestaments publishes what s has left.
func (r *Realm) publishTestaments(s *Session, out *Out) {
	for _, scope := range s.state.testaments {
		for _, t := range scope {
			if may := r.cfg.Authorize; may != nil && !may(s, msg.Publish, msg.Exact, t.topic) {
				r.stats.BadPublishes++ // it was allowed when it was left
				continue
			}
			p := publication{topic: t.topic, payload: &t.payload, from: s}
			r.publish(s, &t.options, &p, out)
		}
	}
}

// publishOptions reads the keyword argument publish_options: PUBLISH's options
// that make sense for a testament.
func (q *query) publishOptions(o *msg.Options) bool {
	dict, ok := option[map[string]any](q, "publish_options")
	if !ok {
		return false
	}
	for name, value := range dict {
		if value != nil && !publishOption(o, name, value) {
			return false
		}
	}
	return true
}

// publishOption sets one option; false when its value is of the wrong type.
// Unknown ones are ignored.
func publishOption(o *msg.Options, name string, value any) (ok bool) {
	set := func(k msg.Key) bool {
		v, ok := value.(bool)
		o.SetBool(k, v)
		return ok
	}
	texts := func(k msg.Key, list *[]string) bool {
		o.Set |= k
		*list, ok = toStrings(value)
		return ok
	}
	sessions := func(k msg.Key, list *[]uint64) bool {
		o.Set |= k
		values, ok := value.([]any)
		for _, v := range values {
			id, isID := toUint(v)
			ok = ok && isID
			*list = append(*list, id)
		}
		return ok
	}
	text := func(k msg.Key, to *string) bool {
		o.Set |= k
		*to, ok = value.(string)
		return ok
	}
	switch name {
	case "ppt_scheme":
		return text(msg.KeyPPTScheme, &o.Extra().PPTScheme)
	case "ppt_serializer":
		return text(msg.KeyPPTSerializer, &o.Extra().PPTSerializer)
	case "ppt_cipher":
		return text(msg.KeyPPTCipher, &o.Extra().PPTCipher)
	case "ppt_keyid":
		return text(msg.KeyPPTKeyID, &o.Extra().PPTKeyID)
	case "exclude_me":
		return set(msg.ExcludeMe)
	case "disclose_me":
		return set(msg.DiscloseMe)
	case "retain":
		return set(msg.Retain)
	case "_retain_clear":
		return set(msg.RetainClear)
	case "exclude":
		return sessions(msg.KeyExclude, &o.Extra().Exclude)
	case "eligible":
		return sessions(msg.KeyEligible, &o.Extra().Eligible)
	case "exclude_authid":
		return texts(msg.KeyExcludeAuthID, &o.Extra().ExcludeAuthID)
	case "exclude_authrole":
		return texts(msg.KeyExcludeAuthRole, &o.Extra().ExcludeAuthRole)
	case "eligible_authid":
		return texts(msg.KeyEligibleAuthID, &o.Extra().EligibleAuthID)
	case "eligible_authrole":
		return texts(msg.KeyEligibleAuthRole, &o.Extra().EligibleAuthRole)
	case "rkey":
		o.Set |= msg.KeyRKey
		switch v := value.(type) {
		case string:
			o.Extra().RKey = msg.ShardKey{Str: v}
		case int64:
			o.Extra().RKey = msg.ShardKey{IsInt: true, Int: v}
		default:
			return false
		}
	}
	return true
}
