package config

// Listener is one address, and what is spoken there.
type Listener struct {
	Address          Address `yaml:"address" required:"yes" doc:"host:port, with an empty host for all networks and the port 0 for any free one; or unix:PATH."`
	ListenerSettings `yaml:",inline"`

	At Pos `yaml:"-"` // where it was said
}

// ListenerSettings are what listeners can differ in.
type ListenerSettings struct {
	Kind           string      `yaml:"kind" default:"universal" enum:"universal websocket rawsocket" doc:"universal speaks HTTP, WebSocket and RawSocket on one port, as the first byte of a connection tells; websocket only HTTP, WebSocket and long-poll; rawsocket only RawSocket."`
	Path           string      `yaml:"path" default:"/ws" doc:"Where WebSocket connections are expected."`
	LongPollPath   string      `yaml:"longpoll_path" default:"/lp" doc:"The base path for clients that know HTTP requests only; - for nowhere."`
	TLS            ListenerTLS `yaml:"tls" doc:"TLS, when there is a certificate. The same port takes connections with and without, unless only is set."`
	Origins        []string    `yaml:"origins" flag:"origin" arg:"ORIGIN" usage:"origin of web pages that may connect, * as glob; repeatable (default: pages of the same host)" doc:"Origins of web pages that may connect, with * as a glob: https://*.example.com. Pages of the same host and clients that are no browsers always may."`
	Compression    bool        `yaml:"compression" flag:"compression" usage:"compress WebSocket messages for clients that offer it" doc:"Compresses WebSocket messages for clients that offer permessage-deflate."`
	MaxConnections int         `yaml:"max_connections" default:"0" min:"0" flag:"max-connections" usage:"connections for each address (0: no limit)" doc:"How many connections there may be; 0: no limit."`
	ProxyProtocol  []Network   `yaml:"proxy_protocol" doc:"Load balancers, whose connections have to begin with a header of the PROXY protocol, version 1 or 2: networks such as 10.0.0.0/8, addresses, or unix for whoever can connect to a Unix socket."`
	Forwarders     []Network   `yaml:"trusted_forwarders" doc:"Reverse proxies whose X-Forwarded-For says who the client is, written likewise."`
}

// ListenerTLS is TLS on a listener.
type ListenerTLS struct {
	Certificate Path       `yaml:"certificate" flag:"tls-cert" arg:"FILE" usage:"PEM file with the certificate chain; every port then takes TLS too" doc:"PEM file with the certificate chain. It is read again when it changes."`
	Key         Path       `yaml:"key" flag:"tls-key" arg:"FILE" usage:"PEM file with the certificate's key" doc:"PEM file with the certificate's key."`
	ACME        ACME       `yaml:"acme" doc:"Certificates by the ACME protocol, as from Let's Encrypt, instead of files. The authority has to reach this listener on port 443."`
	Only        bool       `yaml:"only" doc:"Refuses connections without TLS."`
	MinVersion  string     `yaml:"min_version" default:"1.2" enum:"1.2 1.3" doc:"The oldest version of TLS."`
	Clients     ClientCert `yaml:"clients" doc:"Certificates of clients."`
}

// Enabled reports whether there is a certificate.
func (t *ListenerTLS) Enabled() bool { return t.Certificate != "" || len(t.ACME.Hosts) > 0 }

// ACME obtains certificates.
type ACME struct {
	Hosts     []string `yaml:"hosts" doc:"Names of hosts to obtain certificates for. Whoever sets them accepts the terms of service of the authority."`
	Email     string   `yaml:"email" doc:"Where the authority sends warnings to."`
	Cache     Path     `yaml:"cache" doc:"Folder in which keys and certificates are kept. Required, since authorities limit how often one may ask."`
	Directory string   `yaml:"directory" doc:"URL of the authority; default: Let's Encrypt."`
}

// ClientCert says what is asked of clients in the TLS handshake.
type ClientCert struct {
	CA       Path `yaml:"ca" doc:"PEM file with the authorities whose certificates of clients are accepted. With it clients are asked for a certificate."`
	Required bool `yaml:"required" doc:"Refuses clients without a certificate."`
}
