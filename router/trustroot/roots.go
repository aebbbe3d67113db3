package trustroot

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

// Root is a trust root, and what chains of certificates have to be like that end
// in it. Addresses are "0x" and 40 hexadecimal digits.
type Root struct {
	Address string // of the trust root: the account that has signed the last certificate

	Realm    string // that all certificates have to be for, by its address
	ChainID  uint64 // that they have to name; default 1, Ethereum
	Contract string // verifyingContract that they have to name

	// Capabilities are what the delegate's certificate has to allow; 0: anything
	// will do.
	Capabilities Capabilities

	// Role of sessions. Their authid is the address of the delegate.
	Role string

	// MaxAge is how long a delegate's certificate is good, from bootedAt on, and
	// with it the session. Default: for ever, since the certificates themselves
	// do not end.
	MaxAge time.Duration

	// Block returns the number of the current block of the chain, which validFrom
	// of the certificates must not exceed. It is asked at each login, before the
	// client has proved anything. With an error nobody is let in.
	//
	// The router asks no blockchain by itself. By default it knows that Ethereum
	// (ChainID 1) makes at most one block in 12 seconds, and refuses what is
	// valid from a block that cannot be there yet. That is some days early by
	// now, and never late. Of other chains validFrom is not compared with now.
	Block func(ctx context.Context) (uint64, error)

	// Authorities are certificates that clients may leave out, when they send no
	// more than the delegate's.
	Authorities []Authority
}

// root is a Root, read.
type root struct {
	Root
	address, realm, contract Address
}

// Roots are trust roots, for router.TrustRoots.
type Roots struct{ list []*root }

// New returns Roots. The first one decides that a chain fits, so there may be
// several of the same address, for roles by capabilities. The error names all
// mistakes.
func New(list ...Root) (*Roots, error) {
	roots := new(Roots)
	var errs []error
	for i := range list {
		r := &root{Root: list[i]}
		r.ChainID = cmp.Or(r.ChainID, 1)
		bad := func(name string, err error) {
			if err != nil {
				errs = append(errs, fmt.Errorf("trust root %d: %s: %w", i+1, name, err))
			}
		}
		for _, a := range []struct {
			name, text string
			to         *Address
		}{{"address", r.Address, &r.address}, {"realm", r.Realm, &r.realm}, {"contract", r.Contract, &r.contract}} {
			var err error
			*a.to, err = ParseAddress(a.text)
			bad(a.name, err)
		}
		if r.Role == "" {
			bad("role", errors.New("there is none"))
		}
		if r.MaxAge < 0 {
			bad("max age", errors.New("it is negative"))
		}
		if r.Capabilities&^allCapabilities != 0 {
			bad("capabilities", errors.New("there are no such ones"))
		}
		if r.Block == nil && r.ChainID == 1 {
			r.Block = latestBlock
		}
		roots.list = append(roots.list, r)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return roots, nil
}

// The first block that was made in a slot of 12 seconds, and when that was.
const (
	firstSlotBlock = 15_537_394
	firstSlotTime  = 1_663_224_179 // seconds since 1970
)

// latestBlock returns a number that Ethereum's blocks have not passed.
func latestBlock(context.Context) (uint64, error) {
	return firstSlotBlock + uint64(max(0, time.Now().Unix()-firstSlotTime)/12), nil
}

// Provider implements router.Principals.
func (*Roots) Provider() string { return "trustroot" }

// Find implements router.Principals: by HELLO.Details.authextra.trustroot and
// certificates. The Value of the session's Identity is its *Chain.
func (r *Roots) Find(ctx context.Context, q *router.Query) (*router.Principal, error) {
	chain, err := Parse(q.Handshake.Extra["certificates"])
	if err != nil {
		return nil, router.Deny(err)
	}
	text, _ := q.Handshake.Extra["trustroot"].(string)
	address, err := ParseAddress(text)
	if err != nil {
		return nil, router.Deny(fmt.Errorf("trustroot: %w", err))
	}
	p, err := r.find(ctx, address, chain)
	if err != nil {
		return nil, err
	}
	if q.AuthID != "" && !strings.EqualFold(q.AuthID, p.AuthID) {
		return nil, router.Deny(fmt.Errorf("the certificate is for another authid, %s", p.AuthID))
	}
	return p, nil
}

// find returns who a chain is for, that ends in the trust root with an address.
func (r *Roots) find(ctx context.Context, address Address, chain *Chain) (*router.Principal, error) {
	why := errors.New("there is no such trust root")
	for _, root := range r.list {
		if root.address != address {
			continue
		}
		c := root.complete(chain)
		block, err := root.block(ctx)
		if err != nil {
			return nil, fmt.Errorf("current block of chain %d: %w", root.ChainID, err)
		}
		if err := errors.Join(root.check(c, block), root.checkAge(&c.Delegate, time.Now())); err != nil {
			why = err
			continue
		}
		if why = c.verify(); why != nil {
			break
		}
		return root.principal(c)
	}
	return nil, router.Deny(fmt.Errorf("trust root %s: %w", address, why))
}

func (r *root) block(ctx context.Context) (*uint64, error) {
	if r.Block == nil {
		return nil, nil
	}
	n, err := r.Block(ctx)
	return &n, err
}

// complete returns a chain with the authorities that the client has left out.
func (r *root) complete(c *Chain) *Chain {
	if len(c.Authorities) > 0 {
		return c
	}
	whole := &Chain{Delegate: c.Delegate}
	subject := c.Delegate.Delegate
	for len(whole.Authorities) < maxChain {
		next := r.authorityFor(subject)
		if next == nil {
			break
		}
		whole.Authorities = append(whole.Authorities, *next)
		if next.Issuer == next.Subject {
			break
		}
		subject = next.Issuer
	}
	return whole
}

func (r *root) authorityFor(subject Address) *Authority {
	for i := range r.Authorities {
		if r.Authorities[i].Subject == subject {
			return &r.Authorities[i]
		}
	}
	return nil
}

func (r *root) principal(c *Chain) (*router.Principal, error) {
	evidence, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	p := &router.Principal{
		AuthID: c.Delegate.Delegate.String(), Role: r.Role, Keys: []string{hex.EncodeToString(c.Delegate.Key[:])},
		Value: c, Evidence: string(evidence),
	}
	if r.MaxAge > 0 {
		p.Expires = c.Delegate.bootedAt().Add(r.MaxAge)
	}
	return p, nil
}

// Revalidate implements router.ChainVerifier: a session stays as long as its
// chain fits one of the trust roots. When the current block is not known, nobody
// can tell, and it stays.
func (r *Roots) Revalidate(id *router.Identity) *router.Identity {
	chain, err := ParseJSON([]byte(id.Evidence))
	if err != nil || len(chain.Authorities) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), blockTimeout)
	defer cancel()
	p, err := r.find(ctx, chain.Authorities[len(chain.Authorities)-1].Subject, chain)
	switch {
	case errors.Is(err, wamp.ErrAuthenticationDenied):
		return nil
	case err != nil:
		return id
	}
	again := *id
	again.AuthID, again.Role, again.Expires, again.Value = p.AuthID, p.Role, p.Expires, p.Value
	return &again
}

// blockTimeout is how long Revalidate waits for Block.
const blockTimeout = 5 * time.Second
