package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// SCRAMChallenge is what CHALLENGE says.
type SCRAMChallenge struct {
	SCRAMCost
	Nonce string // the client's, followed by the router's; base64 as a whole in the dialect
	Salt  string // base64
}

// scramExchange is what the two ends have said to one another.
type scramExchange struct {
	method      string
	authID      string
	clientNonce string
	challenge   SCRAMChallenge
	binding     Binding
}

// message returns the AuthMessage (RFC 5802, section 3). Autobahn's dialect
// leaves c= empty.
func (x *scramExchange) message() string {
	bound := ""
	if x.method == MethodSCRAM {
		flag := "n,,"
		if x.binding.Type != "" {
			flag = "p=" + x.binding.Type + ",,"
		}
		bound = base64.StdEncoding.EncodeToString(append([]byte(flag), x.binding.Data...))
	}
	return "n=" + escapeName(x.authID, x.method) + ",r=" + x.clientNonce +
		",r=" + x.challenge.Nonce + ",s=" + x.challenge.Salt + ",i=" + strconv.Itoa(x.challenge.Iterations) +
		",c=" + bound + ",r=" + x.challenge.Nonce
}

// escapeName writes a user's name into the AuthMessage. Autobahn escapes
// nothing.
func escapeName(name, method string) string {
	if method == MethodScram {
		return name
	}
	return strings.NewReplacer("=", "=3D", ",", "=2C").Replace(name)
}

// SCRAMClient is the client's end of one handshake.
type SCRAMClient struct {
	x    scramExchange
	keys scramKeys
}

// NewSCRAMClient begins a handshake with the nonce that HELLO has. method is
// MethodSCRAM or MethodScram.
func NewSCRAMClient(method, authID, nonce string, binding Binding) (*SCRAMClient, error) {
	name, err := SASLprep(authID)
	if err != nil {
		return nil, fmt.Errorf("authid: %w", err)
	}
	if name == "" {
		return nil, errors.New(method + " needs an authid")
	}
	return &SCRAMClient{x: scramExchange{method: method, authID: name, clientNonce: nonce, binding: binding}}, nil
}

// Proof answers a challenge. It takes as long as the challenge says.
func (c *SCRAMClient) Proof(password string, challenge SCRAMChallenge) (string, error) {
	salt, err := base64.StdEncoding.DecodeString(challenge.Salt)
	if err != nil {
		return "", fmt.Errorf("the salt of the challenge is not base64: %w", err)
	}
	if !c.x.extends(challenge.Nonce) {
		return "", errors.New("the nonce of the challenge does not begin with ours: it answers somebody else")
	}
	if challenge.Method() != c.x.method && challenge.KDF != KDFPBKDF2 {
		return "", fmt.Errorf("key derivation function %q is not one of %s", challenge.KDF, c.x.method)
	}
	salted, err := challenge.SaltedPassword(password, salt)
	if err != nil {
		return "", err
	}
	c.x.challenge = challenge
	c.keys = scramKeysOf(salted)
	signature := hmacOf(c.keys.stored, c.x.message())
	return base64.StdEncoding.EncodeToString(xor(c.keys.client, signature)), nil
}

// extends reports whether nonce begins with the client's and has something of
// the router's.
func (x *scramExchange) extends(nonce string) bool {
	if x.method == MethodSCRAM {
		return len(nonce) > len(x.clientNonce) && strings.HasPrefix(nonce, x.clientNonce)
	}
	ours, err1 := base64.StdEncoding.DecodeString(x.clientNonce)
	both, err2 := base64.StdEncoding.DecodeString(nonce)
	return err1 == nil && err2 == nil && len(both) > len(ours) && string(both[:len(ours)]) == string(ours)
}

// Verify checks the signature that the router proves itself with in WELCOME.
// The prefix "v=", which the specification's example has, is passed over.
func (c *SCRAMClient) Verify(verifier string) error {
	if c.keys.server == nil {
		return errors.New("the router welcomes without having sent a challenge")
	}
	got, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(verifier, "v="))
	if err != nil || !Equal(got, hmacOf(c.keys.server, c.x.message())) {
		return errors.New("the router's signature is wrong: it does not know the password either")
	}
	return nil
}

// SCRAMServer is the router's end of one handshake.
type SCRAMServer struct {
	x          scramExchange
	credential SCRAMCredential
}

// NewSCRAMServer begins a handshake: clientNonce is what HELLO has, and binding
// what the client asks for, as this end of the connection has it.
func NewSCRAMServer(authID, clientNonce string, credential SCRAMCredential, binding Binding) (*SCRAMServer, error) {
	method := credential.Method()
	raw, err := base64.StdEncoding.DecodeString(clientNonce)
	if err != nil || len(raw) == 0 || len(raw) > 256 {
		return nil, errors.New("HELLO.Details.authextra.nonce has to be random bytes in base64")
	}
	name, err := SASLprep(authID)
	if err != nil {
		return nil, denied("authid: " + err.Error())
	}
	nonce := clientNonce + NewNonce()
	if method == MethodScram {
		nonce = base64.StdEncoding.EncodeToString(append(raw, Random(16)...))
		clientNonce = base64.StdEncoding.EncodeToString(raw)
		binding = Binding{}
	}
	return &SCRAMServer{
		credential: credential,
		x: scramExchange{
			method: method, authID: name, clientNonce: clientNonce, binding: binding,
			challenge: SCRAMChallenge{
				SCRAMCost: credential.SCRAMCost, Nonce: nonce,
				Salt: base64.StdEncoding.EncodeToString(credential.Salt),
			},
		},
	}, nil
}

// Challenge is what CHALLENGE is to say.
func (s *SCRAMServer) Challenge() SCRAMChallenge { return s.x.challenge }

// SCRAMAnswer is what AUTHENTICATE says.
type SCRAMAnswer struct {
	Proof       string // the signature
	Nonce       string
	Binding     string // channel_binding
	BindingData string // cbind_data, base64
}

// Verify checks the client's answer and returns what proves the router, for
// WELCOME. Errors wrap ErrDenied.
func (s *SCRAMServer) Verify(a SCRAMAnswer) (verifier string, err error) {
	if s.x.method == MethodSCRAM {
		switch {
		case !Equal([]byte(a.Nonce), []byte(s.x.challenge.Nonce)):
			return "", denied("wamp-scram: the nonce is not that of the challenge")
		case a.Binding != s.x.binding.Type:
			return "", denied("wamp-scram: channel_binding is not what HELLO said")
		}
		if data, err := base64.StdEncoding.DecodeString(a.BindingData); err != nil || !Equal(data, s.x.binding.Data) {
			return "", denied("wamp-scram: cbind_data is that of another connection")
		}
	}
	proof, err := base64.StdEncoding.DecodeString(a.Proof)
	if err != nil || len(proof) != sha256.Size {
		return "", denied(s.x.method + ": the proof is not 32 bytes in base64")
	}
	message := s.x.message()
	recovered := sha256.Sum256(xor(proof, hmacOf(s.credential.StoredKey, message)))
	if !Equal(recovered[:], s.credential.StoredKey) {
		return "", denied(s.x.method + ": the proof was made with another password")
	}
	return base64.StdEncoding.EncodeToString(hmacOf(s.credential.ServerKey, message)), nil
}
