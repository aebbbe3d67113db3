package core

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/wampeter/wampeter/internal/codec"
	"github.com/wampeter/wampeter/internal/msg"
)

var update = flag.Bool("update", false, "write what the realm does into the transcripts")

// TestTranscripts plays the stories in testdata. Each archive proves one
// section of the specification, which its comment names; each file in it is a
// story in a realm of its own. Its lines are
//
//	config strict_ids max_calls=2       settings, before anything else
//	s1 joins                            with all features of all roles
//	s1 joins plain authid=joe           with none
//	s1 joins callee.call_canceling …    with those
//	s1 > CALL 1 {} com.x [1]            a message to the realm
//	s1 denied com.no CALL 1 {} com.x    a message that is refused from outside
//	s1 refuses wamp.error.unavailable   the last message to s1 is undeliverable
//	s1 leaves
//	tick 5s                             time passes
//	stats Calls                         prints statistics as "= Calls 1"
//
// and after each of them everything that the realm sends because of it:
//
//	s2 < INVOCATION 1 r1 {} [1]
//	s1 ! protocol violation: …
//
// IDs of registrations, subscriptions and publications have names in the order
// of their appearance: r1, e1, p1. The ID of session s1 is 1.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i := range archive.Files {
				f := &archive.Files[i]
				t.Run(f.Name, func(t *testing.T) {
					got := play(t, string(f.Data))
					if diff := cmp.Diff(strings.Split(string(f.Data), "\n"), strings.Split(got, "\n")); diff != "" && !*update {
						t.Errorf("transcript differs (-want +got):\n%s", diff)
					}
					f.Data = []byte(got)
				})
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// player is a realm whose messages are read and written as text.
type player struct {
	t        *testing.T
	cfg      Config
	realm    *Realm
	now      time.Time
	sessions map[string]*Session
	last     map[*Session]msg.Message
	names    map[string]uint64
	ids      map[uint64]string
	out      Out
	text     strings.Builder
}

func play(t *testing.T, script string) string {
	p := &player{
		t:        t,
		now:      time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		sessions: make(map[string]*Session),
		last:     make(map[*Session]msg.Message),
		names:    make(map[string]uint64),
		ids:      make(map[uint64]string),
	}
	var random uint64
	p.cfg = Config{
		Now:  func() time.Time { return p.now },
		Rand: func() uint64 { random++; return random * 0x9e3779b97f4a7c15 },
		Key:  [16]byte{1, 2, 3},
		Encode: func(args []any, kwargs map[string]any) msg.Payload {
			payload := msg.Payload{Format: msg.JSON}
			if args != nil {
				payload.Args = marshal(t, args)
			}
			if kwargs != nil {
				payload.Kwargs = marshal(t, kwargs)
			}
			return payload
		},
		Raw: func(f msg.Format, value []byte) any { return codec.Raw{Format: f, Bytes: value} },
		Decode: func(payload *msg.Payload) (args []any, kwargs map[string]any, err error) {
			if payload.Args != nil {
				err = codec.Unmarshal(payload.Format, payload.Args, &args)
			}
			if payload.Kwargs != nil && err == nil {
				err = codec.Unmarshal(payload.Format, payload.Kwargs, &kwargs)
			}
			return args, kwargs, err
		},
	}
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		words := strings.Fields(line)
		switch {
		case len(words) > 1 && (words[1] == "<" || words[1] == "!") || len(words) > 0 && words[0] == "=":
			continue // written anew
		case len(words) == 0 || words[0] == "#":
			fmt.Fprintln(&p.text, line)
			continue
		}
		fmt.Fprintln(&p.text, line)
		p.step(line, words)
	}
	return p.text.String()
}

func marshal(t *testing.T, v any) []byte {
	value, err := codec.Marshal(nil, msg.JSON, v)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func (p *player) step(line string, words []string) {
	if words[0] == "config" {
		for _, setting := range words[1:] {
			p.configure(setting)
		}
		return
	}
	if p.realm == nil {
		p.realm = New(p.cfg)
	}
	var err error
	s := p.sessions[words[0]]
	switch {
	case words[0] == "tick":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			p.t.Fatal(err)
		}
		p.now = p.now.Add(d)
		p.realm.Tick(&p.out)
	case words[0] == "stats":
		stats := fmt.Sprintf("%+v", p.realm.Stats())
		for _, name := range words[1:] {
			value := regexp.MustCompile(`\b` + name + `:(\d+)`).FindStringSubmatch(stats)
			if value == nil {
				p.t.Fatalf("no statistic %s in %s", name, stats)
			}
			fmt.Fprintf(&p.text, "= %s %s\n", name, value[1])
		}
	case words[1] == "joins":
		s = p.join(words)
		p.realm.Join(s, &p.out)
	case s == nil:
		p.t.Fatalf("who is %s?", words[0])
	case words[1] == "leaves":
		p.realm.Leave(s, &p.out)
	case words[1] == "refuses":
		m := p.last[s]
		p.realm.Undeliverable(s, &m, words[2], &p.out)
	case words[1] == "denied":
		_, text, _ := strings.Cut(line, words[2])
		payload := msg.Payload{Format: msg.JSON, Args: []byte(`["why"]`)}
		err = p.realm.Refuse(s, p.parse(text), []byte(words[2]), payload, &p.out)
	case words[1] == ">":
		_, text, _ := strings.Cut(line, "> ")
		m := p.parse(text)
		err = p.dispatch(s, m)
	default:
		p.t.Fatalf("cannot play %q", line)
	}
	p.print()
	if err != nil {
		fmt.Fprintf(&p.text, "%s ! %v\n", words[0], err)
		p.realm.Leave(s, &p.out)
		p.print()
	}
}

func (p *player) dispatch(s *Session, m *msg.Message) error {
	handlers := map[msg.Type]func(*Session, *msg.Message, *Out) error{
		msg.Subscribe: p.realm.Subscribe, msg.Unsubscribe: p.realm.Unsubscribe, msg.Publish: p.realm.Publish,
		msg.Register: p.realm.Register, msg.Unregister: p.realm.Unregister, msg.Call: p.realm.Call,
		msg.Cancel: p.realm.Cancel, msg.Yield: p.realm.Yield, msg.Error: p.realm.Error,
	}
	return handlers[m.Type](s, m, &p.out)
}

func (p *player) join(words []string) *Session {
	id, err := strconv.ParseUint(words[0][1:], 10, 64)
	if err != nil {
		p.t.Fatalf("sessions are called s1, s2, …: %v", err)
	}
	s := &Session{ID: id, AuthID: "user" + words[0][1:], AuthRole: "guest", AuthMethod: "anonymous", AuthProvider: "static"}
	s.Roles.Set = msg.Caller | msg.Callee | msg.Publisher | msg.Subscriber
	plain := false
	for _, word := range words[2:] {
		key, value, found := strings.Cut(word, "=")
		role, feature, dotted := strings.Cut(word, ".")
		switch {
		case word == "plain":
			plain = true
		case word == "trusted":
			s.Trusted = true
		case found && key == "authid":
			s.AuthID = value
		case found && key == "authrole":
			s.AuthRole = value
		case dotted && msg.FeatureByName(feature) != 0:
			plain = true
			s.Roles.Features[slices.Index(msg.RoleNames[:], role)] |= msg.FeatureByName(feature)
		default:
			p.t.Fatalf("cannot join with %q", word)
		}
	}
	if !plain {
		for i := range s.Roles.Features {
			s.Roles.Features[i] = ^msg.Feature(0)
		}
	}
	p.sessions[words[0]] = s
	return s
}

// types are the names of the messages.
var types = func() map[string]msg.Type {
	m := make(map[string]msg.Type)
	for t := range msg.EventReceived {
		m[t.String()] = t
	}
	return m
}()

// parse makes a message of a line such as `CALL 1 {} com.x [1]`.
func (p *player) parse(text string) *msg.Message {
	text = nameInText.ReplaceAllStringFunc(text, func(s string) string {
		id, ok := p.names[s[1:]]
		if !ok {
			p.t.Fatalf("%s: nothing has that name", s)
		}
		return strconv.FormatUint(id, 10)
	})
	var values []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		if strings.ContainsRune(`{["0123456789-`, rune(text[0])) {
			d := json.NewDecoder(strings.NewReader(text))
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				p.t.Fatalf("%q: %v", text, err)
			}
			values = append(values, string(raw))
			text = text[d.InputOffset():]
			continue
		}
		word, rest, _ := strings.Cut(text, " ")
		text = rest
		if t, ok := types[word]; ok {
			values = append(values, strconv.Itoa(int(t)))
		} else if id, ok := p.names[word]; ok {
			values = append(values, strconv.FormatUint(id, 10))
		} else {
			values = append(values, strconv.Quote(word))
		}
	}
	var m msg.Message
	data := "[" + strings.Join(values, ",") + "]"
	if err := codec.Parse(msg.JSON, []byte(data), &m); err != nil {
		p.t.Fatalf("%s: %v", data, err)
	}
	return &m
}

var (
	nameInText = regexp.MustCompile(`\$[rep][0-9]+`)
	longNumber = regexp.MustCompile(`[0-9]{10,}`)
	bareWord   = regexp.MustCompile(`^[a-z_][^ \[\]{}"\\]*$`)
)

// name returns the name of an id, given to it when it is new.
func (p *player) name(kind string, id uint64) string {
	if n, ok := p.ids[id]; ok {
		return n
	}
	n := 1
	for p.names[kind+strconv.Itoa(n)] != 0 {
		n++
	}
	name := kind + strconv.Itoa(n)
	p.ids[id], p.names[name] = name, id
	return name
}

func (p *player) print() {
	for i := range p.out.Effects {
		e := &p.out.Effects[i]
		to := e.Receivers
		if e.To != nil {
			to = []*Session{e.To}
		}
		for _, s := range to {
			p.last[s] = e.Msg
			fmt.Fprintf(&p.text, "s%d < %s\n", s.ID, p.format(&e.Msg))
		}
	}
	p.out.Reset()
}

func (p *player) format(m *msg.Message) string {
	if m.Type == msg.Goodbye && m.Options.X != nil { // as routers write it
		m.Dict = marshal(p.t, map[string]any{"message": m.Options.X.Reason})
	}
	data := codec.Append(nil, msg.JSON, m)
	var values []json.RawMessage
	if err := json.Unmarshal(data, &values); err != nil {
		p.t.Fatalf("%s: %v", data, err)
	}
	words := []string{m.Type.String()}
	for i, v := range values[1:] {
		var text string
		var id uint64
		switch {
		case i == 0 && m.Type == msg.Error:
			words = append(words, m.ErrType.String())
		case json.Unmarshal(v, &id) == nil && idKind(m.Type, i+1) != "":
			words = append(words, p.name(idKind(m.Type, i+1), id))
		case json.Unmarshal(v, &text) == nil && bareWord.MatchString(text):
			words = append(words, text)
		default:
			words = append(words, string(longNumber.ReplaceAllFunc(p.ordered(v), func(digits []byte) []byte {
				id, _ := strconv.ParseUint(string(digits), 10, 64)
				if n, ok := p.ids[id]; ok {
					return []byte("$" + n)
				}
				return digits
			})))
		}
	}
	return strings.Join(words, " ")
}

// ordered returns a value with the entries of its dictionaries in order.
func (p *player) ordered(v json.RawMessage) []byte {
	d := json.NewDecoder(bytes.NewReader(v))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		p.t.Fatalf("%s: %v", v, err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// idKind says what the element at index i of a message names.
func idKind(t msg.Type, i int) string {
	switch {
	case (t == msg.Registered || t == msg.Invocation) && i == 2:
		return "r"
	case t == msg.Subscribed && i == 2, t == msg.Event && i == 1:
		return "e"
	case t == msg.Published && i == 2, t == msg.Event && i == 2:
		return "p"
	}
	return ""
}

func (p *player) configure(setting string) {
	key, value, _ := strings.Cut(setting, "=")
	n, _ := strconv.Atoi(value)
	switch key {
	case "strict_uri":
		p.cfg.StrictURI = true
	case "strict_ids":
		p.cfg.StrictIDs = true
	case "max_uri":
		p.cfg.MaxURI = n
	case "max_subscriptions":
		p.cfg.MaxSubscriptions = n
	case "max_registrations":
		p.cfg.MaxRegistrations = n
	case "max_calls":
		p.cfg.MaxCalls = n
	case "max_masks":
		p.cfg.MaxWildcardMasks = n
	case "max_realm_masks":
		p.cfg.MaxRealmMasks = n
	case "strict":
		p.cfg.Strict = true
	case "timeout_in_seconds":
		p.cfg.TimeoutUnit = time.Second
	case "disclose":
		policy := map[string]Disclosure{"request": DiscloseOnRequest, "never": DiscloseNever, "always": DiscloseAlways}[value]
		p.cfg.Disclose = func(_ *Session, _ msg.Type, uri []byte) Disclosure {
			if bytes.HasPrefix(uri, []byte("com.open")) {
				return DiscloseOnRequest
			}
			return policy
		}
	case "trust":
		p.cfg.TrustLevel = func(s *Session, t msg.Type, uri []byte) (uint64, bool) {
			return uint64(len(s.AuthRole)), !bytes.HasPrefix(uri, []byte("com.untold"))
		}
	case "replace_own_role":
		p.cfg.MayReplace = func(s, callee *Session, _ []byte) bool { return s.AuthRole == callee.AuthRole }
	case "max_waiting":
		p.cfg.MaxWaiting = n
	case "max_waiting_bytes":
		p.cfg.MaxWaitingBytes = n
	case "max_kept_bytes":
		p.cfg.MaxKeptBytes = n
	case "max_aggregate":
		p.cfg.MaxAggregate = n
	case "max_retained":
		p.cfg.MaxRetained = n
	case "max_retained_bytes":
		p.cfg.MaxRetainedBytes = n
	case "retain_seconds":
		p.cfg.RetainFor = time.Duration(n) * time.Second
	case "max_testaments":
		p.cfg.MaxTestaments = n
	case "history":
		policy, topic, _ := strings.Cut(value, ":")
		match, _ := msg.ParseMatch(policy)
		p.cfg.History = append(p.cfg.History, HistoryTopic{URI: topic, Match: match, Limit: 3, Bytes: 2000})
	case "allow":
		p.cfg.Authorize = func(s *Session, t msg.Type, _ msg.Match, uri []byte) bool {
			return s.AuthRole == "admin" || string(uri) == value
		}
	case "no_meta":
		p.cfg.Encode, p.cfg.Decode, p.cfg.Raw = nil, nil, nil
	case "max_list":
		p.cfg.MaxReceiverList = n
	default:
		p.t.Fatalf("no setting %q", key)
	}
}
