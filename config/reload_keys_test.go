package config

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/router"
)

// everyKey is a configuration in which everything is said that there is to say.
// DIR stands for a folder with the files.
const everyKey = `
listeners:
  - address: unix:DIR/one
    path: /ws
    origins: [https://example.com]
    max_connections: 7
    proxy_protocol: [unix, 10.0.0.0/8]
    trusted_forwarders: unix
    tls: {certificate: DIR/cert.pem, key: DIR/key.pem, clients: {ca: DIR/cert.pem}}
  - address: unix:DIR/two
    tls: {acme: {hosts: [a.example.com], cache: DIR, email: x@example.com, directory: "http://127.0.0.1:1/"}}
allow_open: true
cookies: {enabled: true, domain: example.com}
admin: {realm: one}
realms:
  - name: one
    authentication:
      anonymous: {role: guest, source: first}
      ticket: {source: first}
      wampcra: {source: second}
      scram: {source: first}
      cryptosign:
        key: DIR/enc.hex
        source: first
        trustroots: {address: ADDRESS, realm: ADDRESS, contract: ADDRESS, capabilities: [consumer], certificates: DIR/none.json, role: f}
      cookie:
      tls: {rules: [{common_name: a, dns_name: b, email: c, uri: d, authid: e, role: f}, {fingerprint: FINGERPRINT, role: f}], source: first}
      jwt: {keys: [{id: a, secret: 0123456789abcdef0123456789abcdef}, {public: "file:DIR/key.pub"}], audience: [x], algorithms: [EdDSA], extra: [x], roles: {a: b}, refresh: com.refresh}
    sources:
      - {name: first, procedure: com.first, realm: one}
      - {name: second, url: "https://users.example.com", headers: [{name: A, value: b}]}
    roles:
      - name: user
        limits: {sessions: 100, registrations: 10, subscriptions: 20, max_payload: 64KiB, rate: {per_second: 50, burst: 100}}
        rules:
          - {uri: com.asked., match: prefix, allow: call, ask: policy}
          - {uri: com.example., match: prefix, allow: call, deny: publish, ask: opa, disclose: always, max_payload: 1MiB, rate: {per_second: 0.5, burst: 3}}
    authorizers:
      - {name: policy, procedure: com.example.authorize, cache: 1m}
      - {name: opa, url: "http://127.0.0.1:8181/", headers: [{name: A, value: b}]}
    undecided: opa
    policies: {uri: com., match: prefix, roles: [user], trust_level: 3}
    history: {uri: com.example.state., match: prefix, limit: 10, bytes: 1MiB}
  - {name: two, authentication: {jwt: {key_set_file: DIR/jwks.json}, anonymous: {authid: x}}, roles: [{name: x}]}
  - name: three
    authentication: {jwt: {key_set_url: "http://127.0.0.1:1/"}, ticket: , wampcra: , scram: , cryptosign: {key: DIR/key.hex}}
    users:
      - {authid: joe, role: user, ticket: a, secret: xyz, salt: abc, scram: "SCRAM", keys: 545efb0a2192db8d43f118e9bf9aee081466e1ef36c708b96ee6f62dddad9122, extra: {team: red}}
templates: {uri: tenant., match: prefix, roles: [{name: anonymous}]}
`

// otherValues are for keys of which not just any text is right.
var otherValues = map[string][]string{
	"admin.realm":                                   {"two"},
	"listeners[].address":                           {"unix:DIR/three"},
	"listeners[].origins[]":                         {"https://other.example.com"},
	"listeners[].proxy_protocol[]":                  {"192.168.0.0/16"},
	"listeners[].trusted_forwarders[]":              {"192.168.0.0/16"},
	"listeners[].tls.certificate":                   {"DIR/other/cert.pem"},
	"listeners[].tls.key":                           {"DIR/same.pem"},
	"listeners[].tls.clients.ca":                    {"DIR/other/cert.pem"},
	"realms[].authentication.cryptosign.key":        {"DIR/other.hex"},
	"realms[].authentication.cryptosign.passphrase": {"other"},

	"realms[].authentication.cryptosign.trustroots[].address":        {otherAddress},
	"realms[].authentication.cryptosign.trustroots[].realm":          {otherAddress},
	"realms[].authentication.cryptosign.trustroots[].contract":       {otherAddress},
	"realms[].authentication.cryptosign.trustroots[].capabilities[]": {"provider"},
	"realms[].authentication.cryptosign.trustroots[].certificates":   {"DIR/authority.json"},

	"realms[].authentication.jwt.key_set_file":        {"DIR/other.json"},
	"realms[].authentication.jwt.keys[].public":       {"file:DIR/other.pub"},
	"realms[].authentication.jwt.algorithms[]":        {"ES256", "HS256"},
	"realms[].authentication.tls.rules[].fingerprint": {strings.Repeat("ab", 32)},
	"realms[].roles[].rules[].allow[]":                {"subscribe"},
	"realms[].roles[].rules[].deny[]":                 {"subscribe"},
	"realms[].roles[].rules[].ask":                    {"policy"},
	"realms[].undecided":                              {"policy"},
	"realms[].users[].keys[]":                         {strings.Repeat("ab", 32)},
	"realms[].users[].scram[]":                        {strings.Replace(aSCRAM, "i=4096", "i=5000", 1)},
	"realms[].sources[].realm":                        {"two"},
	"realms[].authentication.jwt.refresh":             {"com.other"},
	"realms[].authentication.tls.source":              {"second"},
	"realms[].authentication.anonymous.source":        {"second"},
	"realms[].authentication.ticket.source":           {"second"},
	"realms[].authentication.wampcra.source":          {"first"},
	"realms[].authentication.scram.source":            {"second"},
	"realms[].authentication.cryptosign.source":       {"second"},
}

const (
	anAddress    = "0x0101010101010101010101010101010101010101"
	otherAddress = "0x0202020202020202020202020202020202020202"

	// authorityCertificates are not signed: that is not for the configuration to
	// find out.
	authorityCertificates = `[[{"primaryType": "EIP712AuthorityCertificate", "message": {"chainId": 1, "validFrom": 1, "meta": "", "capabilities": 1,
		"verifyingContract": "` + anAddress + `", "issuer": "` + anAddress + `", "subject": "` + anAddress + `", "realm": "` + anAddress + `"}},
		"` + "0000000000000000000000000000000000000000000000000000000000000000" + "0000000000000000000000000000000000000000000000000000000000000000" + "1b" + `"]]`
)

const aSCRAM = "$scram$argon2id-13$i=4096,m=512$rMqka+Ctz08fHk1btKKppQ$8/zUw8S4vGzLa42NDLTsfNPoo+nn607AwL1qPunWTvg$P8f81MPEuLxsy2uNjQy07HzT6KPp5+tOwMC9aj7p1k4"

// withoutEffect are keys that change nothing in a router that runs, and why.
var withoutEffect = map[string]string{
	"allow_open":                                    "whether the file is accepted",
	"realms[].sources[].name":                       "only the file knows it",
	"realms[].authorizers[].name":                   "only the file knows it",
	"realms[].authentication.cryptosign.passphrase": "the key that it opens has",
	"timeouts.shutdown":                             "read from Daemon.Config when the router ends",
	"listeners[].tls.key":                           "a key that fits the same certificate is the same; it is changed with the certificate",
}

// leaf is a value that is written as text or as a mapping, and its path with and
// without indexes.
type leaf struct {
	path, key string
	value     reflect.Value
	field     field
}

var indexes = regexp.MustCompile(`\[\d+\]`)

// leaves returns all values of a section.
func leaves(v reflect.Value, f field, path string) (list []leaf) {
	switch shape, elem := shapeOf(v.Type()); {
	case v.Kind() == reflect.Pointer && v.IsNil():
	case shape == sectionShape:
		for _, f := range fields(elem) {
			list = append(list, leaves(reflect.Indirect(v).FieldByIndex(f.index), f, join(path, f.key))...)
		}
	case shape == listShape:
		for i := range v.Len() {
			list = append(list, leaves(v.Index(i), f, fmt.Sprintf("%s[%d]", path, i))...)
		}
	default:
		list = append(list, leaf{path, indexes.ReplaceAllString(path, "[]"), reflect.Indirect(v), f})
	}
	return list
}

// keysIn returns the keys of all values that a section of type t can have.
func keysIn(t reflect.Type, path string) (list []string) {
	switch shape, elem := shapeOf(t); shape {
	case sectionShape:
		for _, f := range fields(elem) {
			list = append(list, keysIn(f.typ, join(path, f.key))...)
		}
	case listShape:
		return keysIn(elem, path+"[]")
	default:
		return []string{path}
	}
	return list
}

// change changes the value to each other one that it may have, until ok accepts
// one.
func (l *leaf) change(t *testing.T, dir string, ok func() bool) bool {
	t.Helper()
	others, named := otherValues[l.key]
	was := reflect.New(l.value.Type()).Elem()
	was.Set(l.value)
	for _, text := range append(others, l.field.enum...) {
		text = strings.ReplaceAll(text, "DIR", dir)
		silent := &reader{positions: map[string]Pos{}}
		silent.scalar(&node{text: text}, l.value, &field{}, "")
		if len(silent.mistakes) > 0 {
			t.Fatalf("%s: %v", l.path, silent.mistakes)
		}
		if !equal(was, l.value) && ok() {
			return true
		}
	}
	if named || len(l.field.enum) > 0 {
		return false
	}
	switch v := l.value; {
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.Type() == reflect.TypeFor[Duration]():
		v.SetInt(v.Int() + int64(time.Second))
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	case v.CanFloat():
		v.SetFloat(v.Float() + 1)
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "x")
	case v.Kind() == reflect.Map:
		v.Set(reflect.ValueOf(map[string]any{"other": "x"}))
	case v.Type() == reflect.TypeFor[Secret]():
		v.Set(reflect.ValueOf(NewSecret(v.Interface().(Secret).Value() + "x")))
	default:
		t.Fatalf("%s: there is no other %s", l.path, v.Type())
	}
	return ok()
}

// TestReloadEveryKey changes each key there is in a router that runs. A reload
// names it, and has the router get something else; a second one changes nothing;
// and a reload of what was before makes it what it was.
func TestReloadEveryKey(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("other", 0o700); err != nil {
		t.Fatal(err)
	}
	writeCertificate(t, dir, "first")
	writeCertificate(t, filepath.Join(dir, "other"), "second")
	publicPEM := func(seed byte) string {
		public := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)).Public()
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	for name, text := range map[string]string{
		"none.json": "[]", "authority.json": authorityCertificates,
		"key.pub": publicPEM(1), "other.pub": publicPEM(2),
		"key.hex": strings.Repeat("01", 32), "other.hex": strings.Repeat("02", 32), "enc.hex": strings.Repeat("03", 32),
		"jwks.json":  `{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		"other.json": `{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k2", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	same, err := os.ReadFile("key.pem")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("same.pem", same, 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("DIR", dir, "ADDRESS", anAddress, "SCRAM", aSCRAM, "FINGERPRINT", strings.Repeat("cd", 32)).Replace(everyKey)
	var told Log
	base := load(t, text)
	d, err := Start(t.Context(), base, Options{Logger: slog.New(slog.DiscardHandler), Log: func(l Log) { told = l }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	reload := func(path string, c *Config) (changed []string) {
		t.Helper()
		report, err := d.Reload(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return report.Changed
	}
	before := inForce(d, told)
	effective := make(map[string]bool)
	inherited := func(key string) bool {
		top, rest, _ := strings.Cut(key, ".")
		return top == "templates[]" && rest != "uri" && rest != "match" || top == "default_realm" || strings.HasSuffix(top, "_defaults")
	}
	for i, l := range leaves(reflect.ValueOf(base).Elem(), field{}, "") {
		if inherited(l.key) || effective[l.key] {
			continue
		}
		c := load(t, text)
		l = leaves(reflect.ValueOf(c).Elem(), field{}, "")[i]
		switch l.key { // what goes with something else
		case "listeners[].tls.certificate":
			c.Listeners[0].TLS.Key = Path(filepath.Join(dir, "other", "key.pem"))
		case "cookies.enabled":
			c.Realms[0].Authentication.Cookie = nil
		}
		if !l.change(t, dir, func() bool { return c.Check(t.Context()) == nil }) {
			continue
		}
		top, _, _ := strings.Cut(l.key, ".")
		top = strings.TrimSuffix(top, "[]")
		changed := reload(l.path, c)
		if !slices.ContainsFunc(changed, func(path string) bool { return strings.HasPrefix(path, top) }) {
			t.Errorf("%s is changed, and the reload says %v", l.path, changed)
		}
		if inForce(d, told) != before {
			effective[l.key] = true
		}
		if changed := reload(l.path, c); len(changed) > 0 {
			t.Errorf("%s: a second reload says %v", l.path, changed)
		}
		reload(l.path, base)
		if diff := cmp.Diff(before, inForce(d, told)); diff != "" {
			t.Fatalf("%s: what was changed is not taken back (-before +now):\n%s", l.path, diff)
		}
	}
	for _, key := range keysIn(reflect.TypeFor[Config](), "") {
		if _, without := withoutEffect[key]; effective[key] == without && !inherited(key) {
			t.Errorf("%s: that a reload changes something is %t; unless the reload forgets it, everyKey has to say it, or otherValues what else it can be", key, without)
		}
	}
}

// inForce writes down what the router was given by the last reload.
func inForce(d *Daemon, told Log) string {
	d.realms.mu.Lock()
	defer d.realms.mu.Unlock()
	p := &printer{seen: make(map[uintptr]bool)}
	c := d.config
	rc := c.router(slog.New(slog.DiscardHandler))
	p.print("router", rc.Bounds(), rc.Cookies, told, d.admin.realm)
	for _, s := range d.serves {
		p.print("listener", s.socket.address, s.listener.endpoint(s.tls))
		if s.tls == nil {
			continue
		}
		p.print("tls", s.tls.config)
		if m := s.tls.acme; m != nil {
			for _, host := range []string{"a.example.com", "a.example.comx"} {
				p.print("acme", m.HostPolicy(context.Background(), host) == nil)
			}
			p.print("acme", m.Cache, m.Email, m.Client)
		}
	}
	realm := func(s *RealmSettings, realm *router.Realm) {
		config, err := d.realms.realmConfig(s, realm)
		p.print("realm", realm.Name(), config, err)
	}
	for i := range c.Realms {
		realm(&c.Realms[i].RealmSettings, d.realms.byName[c.Realms[i].Name])
	}
	for i := range c.Templates {
		for _, name := range []string{"tenant.a", "tenant.a.b"} {
			found, _ := d.realms.templates.Best([]byte(name))
			p.print("template", found == &c.Templates[i].RealmSettings)
		}
		realm(&c.Templates[i].RealmSettings, d.realms.byName[c.Realms[0].Name])
	}
	for at, tokens := range d.realms.refresh {
		if tokens.Load() != nil {
			p.print("refresh", at.procedure)
		}
	}
	return p.b.String()
}

// printer writes values with all that they point to, but for what is in
// functions.
type printer struct {
	b    strings.Builder
	seen map[uintptr]bool
}

func (p *printer) print(what string, values ...any) {
	for _, v := range values {
		p.b.WriteString(what + ": ")
		p.value(reflect.ValueOf(&v).Elem())
		p.b.WriteByte('\n')
	}
}

func (p *printer) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		switch {
		case v.IsNil():
			p.b.WriteString("nil")
		case v.Type() == reflect.TypeFor[*router.Realm]():
			p.b.WriteString((*router.Realm)(v.UnsafePointer()).Name())
		case !p.seen[v.Pointer()]:
			p.seen[v.Pointer()] = true
			p.value(v.Elem())
			delete(p.seen, v.Pointer())
		}
	case reflect.Interface:
		if !v.IsNil() {
			p.b.WriteString(v.Elem().Type().String() + " ")
			p.value(v.Elem())
		}
	case reflect.Struct:
		if pkg := v.Type().PkgPath(); pkg == "sync" || pkg == "sync/atomic" || pkg == "time" || pkg == "log/slog" {
			return
		}
		p.b.WriteByte('{')
		for i := range v.NumField() {
			p.b.WriteString(v.Type().Field(i).Name + ":")
			p.value(v.Field(i))
			p.b.WriteByte(' ')
		}
		p.b.WriteByte('}')
	case reflect.Slice, reflect.Array:
		p.b.WriteByte('[')
		for i := range v.Len() {
			p.value(v.Index(i))
			p.b.WriteByte(' ')
		}
		p.b.WriteByte(']')
	case reflect.Map:
		var entries []string
		for k, e := range v.Seq2() {
			entry := &printer{seen: p.seen}
			entry.value(k)
			entry.b.WriteByte('=')
			entry.value(e)
			entries = append(entries, entry.b.String())
		}
		slices.Sort(entries)
		fmt.Fprint(&p.b, entries)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		fmt.Fprint(&p.b, v.Kind(), !v.IsNil())
	default:
		fmt.Fprint(&p.b, v)
	}
}
