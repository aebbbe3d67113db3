package config

// Authentication says which methods a realm knows. That of the connection, tls,
// is tried first; then those that the client offers, in the client's order.
type Authentication struct {
	Anonymous  *Anonymous  `yaml:"anonymous" doc:"Clients who do not say who they are."`
	Ticket     *Method     `yaml:"ticket" doc:"A shared secret, sent as it is: only for TLS, or within a machine."`
	WAMPCRA    *Method     `yaml:"wampcra" doc:"Challenge and response with a shared secret."`
	SCRAM      *Method     `yaml:"scram" doc:"Challenge and response with a password that the router does not know: wamp-scram as specified, and scram as Autobahn and Crossbar.io speak it."`
	Cryptosign *Cryptosign `yaml:"cryptosign" doc:"Ed25519 keys."`
	TLS        *ClientTLS  `yaml:"tls" doc:"Certificates of clients, which listeners have to ask for by tls.clients."`
	JWT        *JWT        `yaml:"jwt" doc:"Tokens that somebody else has issued (RFC 7519)."`
	Cookie     *Cookie     `yaml:"cookie" doc:"Browsers that have logged in before, by the cookie that they were given then: see cookies."`
}

// JWT is authentication by token.
type JWT struct {
	Keys        []TokenKey     `yaml:"keys" doc:"Keys that tokens are signed with."`
	KeySetFile  Path           `yaml:"key_set_file" doc:"Or a file with a JSON Web Key Set, which is read again when it changes."`
	KeySetURL   string         `yaml:"key_set_url" doc:"Or where a key set is published."`
	Algorithms  []string       `yaml:"algorithms" doc:"Algorithms that tokens may be signed with; none: HS256, RS256, PS256, ES256, ES384, ES512, EdDSA."`
	Issuer      string         `yaml:"issuer" doc:"What the claim iss has to be; empty: anything."`
	Audience    []string       `yaml:"audience" doc:"One of which the claim aud has to name; none: anything."`
	Leeway      Duration       `yaml:"leeway" default:"0s" min:"0s" doc:"How far the clocks of issuer and router may be apart."`
	AuthIDClaim string         `yaml:"authid_claim" default:"sub" doc:"The claim with the authid. A point leads into an object: realm_access.roles."`
	RoleClaim   string         `yaml:"role_claim" default:"role" doc:"The claim with the role; of a list the first value that fits counts."`
	RealmClaim  string         `yaml:"realm_claim" doc:"The claim with the realm or realms that the token is good for; empty: all."`
	Roles       map[string]any `yaml:"roles" doc:"Roles by the values of the role claim; without it these are the roles."`
	Role        string         `yaml:"role" doc:"The role of tokens that have none; empty: they are refused."`
	Extra       []string       `yaml:"extra" doc:"Claims that the client is told in WELCOME.Details.authextra."`
	Ticket      bool           `yaml:"ticket" doc:"Takes tokens as tickets, too, for clients that do not know jwt. Then there is no other ticket."`
	Bearer      bool           `yaml:"bearer" doc:"Takes the token of the header Authorization: Bearer, whatever the client offers."`
	Refresh     string         `yaml:"refresh" doc:"A procedure to which a session may pass a new token, so that it does not end with the old one. Rules have to allow it."`
}

// TokenKey verifies tokens.
type TokenKey struct {
	ID     string `yaml:"id" doc:"The kid of the tokens that it is for; empty: of any."`
	Secret Secret `yaml:"secret" doc:"For HS256, HS384 and HS512: at least 32 bytes."`
	Public Text   `yaml:"public" doc:"Or a public key or certificate in PEM, mostly file:PATH."`

	At Pos `yaml:"-"` // where it was said
}

// Cookie is authentication by cookie.
type Cookie struct{}

// Cookies gives WebSocket connections cookies.
type Cookies struct {
	Enabled  bool     `yaml:"enabled" doc:"Gives WebSocket connections a cookie, by which browsers come back without logging in to realms with authentication.cookie. The cookies are in memory: after a restart everybody has to log in again."`
	Name     string   `yaml:"name" default:"wampeter" doc:"The cookie's name."`
	MaxAge   Duration `yaml:"max_age" default:"168h" min:"1s" doc:"How long a cookie is good."`
	Domain   string   `yaml:"domain" doc:"The domain that it is for; empty: the host that set it, and no other."`
	Path     string   `yaml:"path" default:"/" doc:"The path that it is for."`
	SameSite string   `yaml:"same_site" default:"strict" enum:"strict lax none" doc:"Whether pages of other sites may use it."`
	Insecure bool     `yaml:"insecure" doc:"Lets connections without TLS send cookies that were set with."`
}

// Guessing slows down who guesses passwords.
type Guessing struct {
	Failures       int      `yaml:"failures" default:"20" doc:"How many failed logins within window an address may have. Then it is refused without being asked, but for the users that have logged in from it before. Negative: no limit."`
	AuthIDFailures int      `yaml:"authid_failures" default:"100" doc:"How many failed logins within window a user may have, from all addresses. Then addresses that have failed before are refused for it. Negative: no limit."`
	Window         Duration `yaml:"window" default:"1m" min:"1s" doc:"The time after which failures no longer count."`
	Delay          Duration `yaml:"delay" default:"250ms" min:"0s" doc:"How long a refusal takes when an address has failed three times; it grows with every further failure, up to eight times as much. 0: none."`
}

// Anonymous lets everybody in.
type Anonymous struct {
	Role   string `yaml:"role" default:"anonymous" doc:"The role of such sessions."`
	AuthID string `yaml:"authid" doc:"Their authid; empty: a random one each."`
	Source string `yaml:"source" doc:"The source that is asked about them instead."`
}

// Method is a method that has nothing of its own to say.
type Method struct {
	Source string `yaml:"source" doc:"Who knows the users: the name of a source; empty: those under users."`
}

// Cryptosign is authentication by keys.
type Cryptosign struct {
	Source         string `yaml:"source" doc:"Who knows the users: the name of a source; empty: those under users."`
	Key            Path   `yaml:"key" doc:"The router's own key file, with which it proves who it is to clients that ask."`
	Passphrase     Secret `yaml:"passphrase" doc:"Of that key, when it is encrypted."`
	ChannelBinding bool   `yaml:"channel_binding" doc:"Refuses clients that do not bind the authentication to their TLS connection."`

	TrustRoots []TrustRoot `yaml:"trustroots" doc:"Whose certificates vouch for keys that the router does not know. The first one decides that a client's chain of certificates fits."`
}

// TrustRoot is who certifies keys.
type TrustRoot struct {
	Address      string   `yaml:"address" required:"yes" doc:"The account of Ethereum that has signed the last certificate of a chain: 0x and 40 hexadecimal digits."`
	Realm        string   `yaml:"realm" required:"yes" doc:"The realm that all certificates have to be for, by its address."`
	Contract     string   `yaml:"contract" required:"yes" doc:"The address that they have to name as verifyingContract."`
	ChainID      uint64   `yaml:"chain_id" default:"1" min:"1" doc:"The blockchain that they have to name; 1 is Ethereum."`
	Capabilities []string `yaml:"capabilities" doc:"What the client's certificate has to allow: root_ca, intermediate_ca, public_relay, private_relay, gateway, exchange, provider, consumer."`
	MaxAge       Duration `yaml:"max_age" default:"0s" min:"0s" doc:"How long after a client has booted its certificate is good, and its session lasts; 0: for ever."`
	Certificates Path     `yaml:"certificates" doc:"A file with certificates of authorities that clients may leave out: a list in JSON of pairs, certificate and signature."`
	Role         string   `yaml:"role" required:"yes" doc:"The role of such sessions. Their authid is the address of the delegate in the first certificate."`

	At Pos `yaml:"-"` // where it was said
}

// ClientTLS is authentication by certificate.
type ClientTLS struct {
	Rules  []CertificateRule `yaml:"rules" doc:"Whose certificate it is. The first rule that fits decides."`
	Source string            `yaml:"source" doc:"The source that is asked about certificates that no rule fits; empty: they are refused."`
}

// CertificateRule accepts certificates.
type CertificateRule struct {
	CommonName  string `yaml:"common_name" doc:"Of the subject. Here and in the next three, * stands for any characters but /; all that are given have to fit."`
	DNSName     string `yaml:"dns_name" doc:"One of the subject's names of hosts."`
	Email       string `yaml:"email" doc:"One of its mail addresses."`
	URI         string `yaml:"uri" doc:"One of its URIs."`
	Fingerprint string `yaml:"fingerprint" doc:"SHA-256 of the certificate, in hexadecimal digits."`
	AuthID      string `yaml:"authid" doc:"The authid of such sessions; empty: the common name."`
	Role        string `yaml:"role" required:"yes" doc:"Their role."`

	At Pos `yaml:"-"` // where it was said
}

// User is somebody who can prove who it is.
type User struct {
	AuthID     string         `yaml:"authid" required:"yes" doc:"The user's name."`
	Role       string         `yaml:"role" required:"yes" doc:"The role of the user's sessions."`
	Ticket     Secret         `yaml:"ticket" doc:"For ticket: what 'wampeter hash ticket' prints, or for development the ticket itself."`
	Secret     Secret         `yaml:"secret" doc:"For wampcra: the secret; with salt, what 'wampeter hash wampcra' prints for it."`
	Salt       string         `yaml:"salt" doc:"The salt of the secret."`
	Iterations int            `yaml:"iterations" default:"1000" min:"1" doc:"How often a salted secret was hashed."`
	KeyLength  int            `yaml:"keylen" default:"32" min:"1" doc:"Bytes of a salted secret."`
	SCRAM      []Secret       `yaml:"scram" doc:"For scram: what 'wampeter hash scram' prints."`
	Keys       []Text         `yaml:"keys" doc:"For cryptosign: public keys, in hexadecimal digits, as lines of OpenSSH, or file:PATH."`
	Extra      map[string]any `yaml:"extra" doc:"What the client is told in WELCOME.Details.authextra."`

	At Pos `yaml:"-"` // where it was said
}

// UserSource is somebody else who knows the users.
type UserSource struct {
	Name      string   `yaml:"name" required:"yes" doc:"What methods call it."`
	Procedure string   `yaml:"procedure" doc:"A procedure that is called with the realm, the authid and details of the client, and answers with a role, or a mapping as in docs/authentication.md."`
	Realm     string   `yaml:"realm" doc:"The realm in which the procedure is registered; empty: the one that is joined."`
	URL       string   `yaml:"url" doc:"Or a web server, asked by POST with a JSON object of the same."`
	Headers   []Header `yaml:"headers" doc:"Headers of such a request."`
	Timeout   Duration `yaml:"timeout" default:"5s" min:"1ms" doc:"For the answer. Nobody is let in without one."`

	At Pos `yaml:"-"` // where it was said
}
