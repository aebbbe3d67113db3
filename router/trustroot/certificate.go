package trustroot

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// Bounds of what a client may send.
const (
	maxChain = 8    // certificates
	maxMeta  = 4096 // bytes of free text in one
)

// Chain is the certificates of a client. Each authority has certified the one
// before it; the last one is the trust root.
type Chain struct {
	Delegate    Delegate
	Authorities []Authority
}

// Delegate says which key a delegate uses to log in (EIP712DelegateCertificate).
// The delegate has signed it.
type Delegate struct {
	Anchor
	Delegate Address
	Key      [32]byte // the public key for cryptosign
	BootedAt uint64   // when the key was made, in nanoseconds since 1970
}

// Authority says what somebody else may do in a realm
// (EIP712AuthorityCertificate). The issuer has signed it.
type Authority struct {
	Anchor
	Issuer       Address
	Subject      Address
	Realm        Address
	Capabilities Capabilities
}

// Anchor is what certificates of both kinds have.
type Anchor struct {
	ChainID   uint64  // of the blockchain (EIP-155)
	Contract  Address // verifyingContract on it
	ValidFrom uint64  // a block number on it
	Meta      string
	Signature [65]byte
}

// The names of the types, which are in what is signed.
const (
	delegateType  = "EIP712DelegateCertificate"
	authorityType = "EIP712AuthorityCertificate"
)

// Parse reads a chain as it is in HELLO.Details.authextra.certificates: a list
// of pairs, each of a certificate and its signature. The first is a delegate's,
// all others are authorities' (rule CCR-3). It verifies nothing.
func Parse(certificates any) (*Chain, error) {
	list, ok := certificates.([]any)
	if !ok || len(list) == 0 || len(list) > maxChain {
		return nil, fmt.Errorf("certificates: want a list of 1 to %d", maxChain)
	}
	c := new(Chain)
	for i := range list {
		if err := c.add(i, list[i]); err != nil {
			return nil, fmt.Errorf("certificate %d: %w", i+1, err)
		}
	}
	return c, nil
}

// ParseJSON reads a chain from a text that holds such a list.
func ParseJSON(text []byte) (*Chain, error) {
	v, err := decode(text)
	if err != nil {
		return nil, err
	}
	return Parse(v)
}

// ParseAuthorities reads certificates of authorities alone, in the same form, for
// Root.Authorities.
func ParseAuthorities(text []byte) ([]Authority, error) {
	v, err := decode(text)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("certificates: want a list")
	}
	authorities := make([]Authority, len(list))
	for i := range list {
		r := openCertificate(list[i])
		authorities[i] = r.authority()
		if r.err != nil {
			return nil, fmt.Errorf("certificate %d: %w", i+1, r.err)
		}
	}
	return authorities, nil
}

func decode(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // bootedAt does not fit into a float
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("certificates: there is something behind them")
	}
	return v, nil
}

func (c *Chain) add(i int, pair any) error {
	r := openCertificate(pair)
	if i == 0 {
		c.Delegate = r.delegate()
	} else {
		c.Authorities = append(c.Authorities, r.authority())
	}
	return r.err
}

// reader reads the message of a certificate, and keeps the first mistake.
type reader struct {
	kind      string
	message   map[string]any
	signature string
	err       error
}

func openCertificate(pair any) *reader {
	r := new(reader)
	list, _ := pair.([]any)
	if len(list) != 2 {
		r.err = errors.New("want a certificate and its signature")
		return r
	}
	dict, _ := list[0].(map[string]any)
	r.kind, _ = dict["primaryType"].(string)
	r.message, _ = dict["message"].(map[string]any)
	r.signature, _ = list[1].(string)
	return r
}

func (r *reader) is(kind string) {
	if r.err == nil && r.kind != kind {
		r.err = fmt.Errorf("CCR-3: primaryType is %q here and has to be %s", shorten(r.kind), kind)
	}
}

func (r *reader) delegate() Delegate {
	r.is(delegateType)
	d := Delegate{Anchor: r.anchor(), Delegate: r.address("delegate"), BootedAt: r.number("bootedAt", math.MaxInt64)}
	r.hex("csPubKey", d.Key[:], r.text("csPubKey"))
	return d
}

func (r *reader) authority() Authority {
	r.is(authorityType)
	return Authority{
		Anchor: r.anchor(), Issuer: r.address("issuer"), Subject: r.address("subject"), Realm: r.address("realm"),
		Capabilities: Capabilities(r.number("capabilities", math.MaxUint64)),
	}
}

func (r *reader) anchor() Anchor {
	a := Anchor{
		ChainID: r.number("chainId", math.MaxUint64), Contract: r.address("verifyingContract"),
		ValidFrom: r.number("validFrom", math.MaxUint64), Meta: r.text("meta"),
	}
	if len(a.Meta) > maxMeta || !utf8.ValidString(a.Meta) {
		r.fail("meta", fmt.Errorf("want at most %d bytes in UTF-8", maxMeta))
	}
	r.hex("signature", a.Signature[:], r.signature)
	return a
}

func (r *reader) fail(name string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %w", name, err)
	}
}

func (r *reader) text(name string) string {
	s, ok := r.message[name].(string)
	if !ok {
		r.fail(name, errors.New("want a text"))
	}
	return s
}

func (r *reader) hex(name string, to []byte, text string) {
	if err := parseHex(to, text); err != nil {
		r.fail(name, err)
	}
}

func (r *reader) address(name string) (a Address) {
	r.hex(name, a[:], r.text(name))
	return a
}

// number reads an integer. It may be a text, for clients whose numbers are not
// large enough.
func (r *reader) number(name string, limit uint64) uint64 {
	var n uint64
	err := errors.New("want a whole number that is not below 0")
	switch v := r.message[name].(type) {
	case int64:
		if v >= 0 {
			n, err = uint64(v), nil
		}
	case uint64:
		n, err = v, nil
	case json.Number:
		n, err = strconv.ParseUint(string(v), 10, 64)
	case string:
		n, err = strconv.ParseUint(v, 10, 64)
	}
	if err == nil && n > limit {
		err = errors.New("it is too large")
	}
	if err != nil {
		r.fail(name, err)
	}
	return n
}

// MarshalJSON returns the chain in the form that Parse reads, without what it
// does not look at.
func (c *Chain) MarshalJSON() ([]byte, error) {
	type dict = map[string]any
	message := func(a *Anchor, more dict) dict {
		more["chainId"], more["verifyingContract"] = a.ChainID, a.Contract.String()
		more["validFrom"], more["meta"] = a.ValidFrom, a.Meta
		return more
	}
	pair := func(kind string, a *Anchor, more dict) []any {
		return []any{dict{"primaryType": kind, "message": message(a, more)}, hex.EncodeToString(a.Signature[:])}
	}
	list := []any{pair(delegateType, &c.Delegate.Anchor, dict{
		"delegate": c.Delegate.Delegate.String(), "csPubKey": hex.EncodeToString(c.Delegate.Key[:]), "bootedAt": c.Delegate.BootedAt,
	})}
	for i := range c.Authorities {
		a := &c.Authorities[i]
		list = append(list, pair(authorityType, &a.Anchor, dict{
			"issuer": a.Issuer.String(), "subject": a.Subject.String(), "realm": a.Realm.String(), "capabilities": uint64(a.Capabilities),
		}))
	}
	return json.Marshal(list)
}
