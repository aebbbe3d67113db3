package trustroot

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Capabilities are what a certificate allows its subject, a bit for each.
type Capabilities uint64

// The capabilities that the specification knows.
const (
	RootCA Capabilities = 1 << iota
	IntermediateCA
	PublicRelay
	PrivateRelay
	Gateway
	Exchange
	Provider
	Consumer

	allCapabilities = 1<<iota - 1
)

// capabilityNames are in the order of the bits.
var capabilityNames = []string{"root_ca", "intermediate_ca", "public_relay", "private_relay", "gateway", "exchange", "provider", "consumer"}

// ParseCapabilities returns what names stand for: root_ca, intermediate_ca,
// public_relay, private_relay, gateway, exchange, provider, consumer.
func ParseCapabilities(names ...string) (Capabilities, error) {
	var all Capabilities
	for _, name := range names {
		i := slices.Index(capabilityNames, name)
		if i < 0 {
			return 0, fmt.Errorf("%q is no capability: there are %s", shorten(name), strings.Join(capabilityNames, ", "))
		}
		all |= 1 << i
	}
	return all, nil
}

// String returns the names of the capabilities.
func (c Capabilities) String() string {
	var names []string
	for i, name := range capabilityNames {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if rest := c &^ allCapabilities; rest != 0 {
		names = append(names, fmt.Sprintf("%#x", uint64(rest)))
	}
	return strings.Join(names, ", ")
}

// check checks that a chain is one of the trust root, by the specification's
// rules for certificate chains (CCR), but for the signatures. Of these
// certificates it is known from which block they are valid; block is the current
// one, if there is one.
func (r *root) check(c *Chain, block *uint64) error {
	if len(c.Authorities) == 0 {
		return errors.New("the chain ends with the delegate, and no certificates of authorities are known that go on from there")
	}
	last := &c.Authorities[len(c.Authorities)-1]
	switch {
	case last.Issuer != last.Subject:
		return errors.New("CCR-4: the last certificate is not by its subject itself")
	case last.Issuer != r.address:
		return fmt.Errorf("CCR-4: the last certificate is that of %s, which is another trust root", last.Issuer)
	case c.Authorities[0].Subject != c.Delegate.Delegate:
		return errors.New("CCR-8: certificate 2 is not for the delegate")
	}
	if err := r.checkAnchor(&c.Delegate.Anchor, block); err != nil {
		return fmt.Errorf("certificate 1: %w", err)
	}
	validFrom := c.Delegate.ValidFrom
	for i := range c.Authorities {
		a := &c.Authorities[i]
		err := r.checkAnchor(&a.Anchor, block)
		if err == nil {
			err = r.checkAuthority(c, i)
		}
		// The vectors of the specification are valid from the same block.
		if err == nil && a.ValidFrom > validFrom {
			err = errors.New("CCR-6, CCR-9: it is valid from a later block than the one before it")
		}
		if err != nil {
			return fmt.Errorf("certificate %d: %w", i+2, err)
		}
		validFrom = a.ValidFrom
	}
	if missing := r.Capabilities &^ c.Authorities[0].Capabilities; missing != 0 {
		return fmt.Errorf("the delegate lacks the capabilities %s", missing)
	}
	return nil
}

// checkAnchor checks CCR-1.
func (r *root) checkAnchor(a *Anchor, block *uint64) error {
	switch {
	case a.ChainID != r.ChainID:
		return fmt.Errorf("CCR-1: chainId is %d, and has to be %d", a.ChainID, r.ChainID)
	case a.Contract != r.contract:
		return fmt.Errorf("CCR-1: verifyingContract is %s, and has to be %s", a.Contract, r.contract)
	case block != nil && a.ValidFrom > *block:
		return fmt.Errorf("CCR-1: it is valid from block %d, and this is block %d", a.ValidFrom, *block)
	}
	return nil
}

// checkAuthority checks what an authority's certificate says beside the one of
// the next. Who is no certificate authority must not issue certificates: the
// rules do not say so, but without it every delegate could pass on what it has.
func (r *root) checkAuthority(c *Chain, i int) error {
	a := &c.Authorities[i]
	switch {
	case a.Realm != r.realm:
		return fmt.Errorf("CCR-2: the realm is %s, and has to be %s", a.Realm, r.realm)
	case a.Capabilities&^allCapabilities != 0:
		return errors.New("it has capabilities that do not exist")
	}
	if i == len(c.Authorities)-1 {
		if a.Capabilities&RootCA == 0 {
			return errors.New("the trust root lacks the capability to be one")
		}
		return nil
	}
	next := &c.Authorities[i+1]
	switch {
	case a.Issuer != next.Subject:
		return errors.New("CCR-5: its issuer is not the subject of the next one")
	case a.Capabilities&^next.Capabilities != 0:
		return errors.New("CCR-7: its issuer does not have all of its capabilities")
	case i+1 < len(c.Authorities)-1 && next.Capabilities&IntermediateCA == 0:
		return errors.New("its issuer lacks the capability to issue certificates")
	}
	return nil
}

// checkAge checks when the delegate's key was made.
func (r *root) checkAge(d *Delegate, now time.Time) error {
	if r.MaxAge == 0 {
		return nil
	}
	switch booted := d.bootedAt(); {
	case booted.After(now.Add(maxSkew)):
		return errors.New("the delegate has booted in the future")
	case !now.Before(booted.Add(r.MaxAge)):
		return fmt.Errorf("the certificate of the delegate has expired: it has booted at %s", booted.Format(time.RFC3339))
	}
	return nil
}

// maxSkew is how far the delegate's clock may be ahead.
const maxSkew = 5 * time.Minute

func (d *Delegate) bootedAt() time.Time { return time.Unix(0, int64(d.BootedAt)).UTC() }

// verify checks the signatures (CCR-10 to CCR-12), the trust root's first: who
// sends anything at all has the router verify one.
func (c *Chain) verify() error {
	for i := len(c.Authorities) - 1; i >= 0; i-- {
		a := &c.Authorities[i]
		if by, err := a.signer(a.digest()); err != nil {
			return fmt.Errorf("certificate %d: the signature is none: %w", i+2, err)
		} else if by != a.Issuer {
			return fmt.Errorf("CCR-10, CCR-11: certificate %d is signed by %s, not by its issuer", i+2, by)
		}
	}
	d := &c.Delegate
	if by, err := d.signer(d.digest()); err != nil {
		return fmt.Errorf("certificate 1: the signature is none: %w", err)
	} else if by != d.Delegate {
		return fmt.Errorf("CCR-12: certificate 1 is signed by %s, not by the delegate", by)
	}
	return nil
}
