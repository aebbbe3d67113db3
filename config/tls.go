package config

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// restatEvery is how often, at most, handshakes look whether a file has changed.
const restatEvery = time.Second

// tlsFiles is the TLS of a listener. Handshakes look whether its files have
// changed, so that a renewed certificate needs nobody to tell of it.
type tlsFiles struct {
	settings ListenerTLS
	acme     *autocert.Manager // nil: files
	log      *slog.Logger
	every    time.Duration

	mu      sync.Mutex
	config  *tls.Config
	stamps  []stamp
	checked time.Time
}

// stamp is by what a file is known to be the same.
type stamp struct {
	path     string
	size     int64
	modified time.Time
}

// newTLS reads the files; the error says which one is wrong.
func newTLS(settings ListenerTLS, log *slog.Logger) (*tlsFiles, error) {
	t := &tlsFiles{settings: settings, log: log, every: restatEvery}
	if a := settings.ACME; len(a.Hosts) > 0 {
		t.acme = &autocert.Manager{
			Prompt:     autocert.AcceptTOS,
			HostPolicy: autocert.HostWhitelist(a.Hosts...),
			Cache:      autocert.DirCache(a.Cache),
			Email:      a.Email,
		}
		if a.Directory != "" {
			t.acme.Client = &acme.Client{DirectoryURL: a.Directory}
		}
	}
	stamps := t.stat()
	config, err := t.load()
	if err != nil {
		return nil, err
	}
	t.config, t.stamps, t.checked = config, stamps, time.Now()
	return t, nil
}

// listener returns the configuration for a listener, which asks t each time.
func (t *tlsFiles) listener() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.current(), nil },
	}
}

// current returns the configuration that the files make now. Files that are
// broken change nothing.
func (t *tlsFiles) current() *tls.Config {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.checked) < t.every {
		return t.config
	}
	t.checked = time.Now()
	stamps := t.stat()
	if equalStamps(stamps, t.stamps) {
		return t.config
	}
	t.stamps = stamps // also of broken files: once is enough to say so
	config, err := t.load()
	if err != nil {
		t.log.LogAttrs(context.Background(), slog.LevelError, "the TLS files have changed and are wrong; the last ones stay in use", slog.Any("error", err))
		return t.config
	}
	t.config = config
	t.log.LogAttrs(context.Background(), slog.LevelInfo, "TLS files read again", slog.String("certificate", string(t.settings.Certificate)))
	return config
}

// follow takes over what another one has just read.
func (t *tlsFiles) follow(other *tlsFiles) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.acme == nil {
		t.config, t.stamps, t.checked = other.config, other.stamps, other.checked
	}
}

// same reports whether another one has just read the same files.
func (t *tlsFiles) same(other *tlsFiles) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return equalStamps(t.stamps, other.stamps)
}

func (t *tlsFiles) stat() []stamp {
	var list []stamp
	for _, p := range []Path{t.settings.Certificate, t.settings.Key, t.settings.Clients.CA} {
		if p == "" {
			continue
		}
		s := stamp{path: string(p)}
		if info, err := os.Stat(s.path); err == nil {
			s.size, s.modified = info.Size(), info.ModTime()
		}
		list = append(list, s)
	}
	return list
}

func equalStamps(a, b []stamp) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].path != b[i].path || a[i].size != b[i].size || !a[i].modified.Equal(b[i].modified) {
			return false
		}
	}
	return true
}

// load makes a configuration of the files.
func (t *tlsFiles) load() (*tls.Config, error) {
	s := &t.settings
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if s.MinVersion == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	if t.acme != nil {
		c.GetCertificate = t.acme.GetCertificate
		c.NextProtos = append(c.NextProtos, acme.ALPNProto)
	} else {
		cert, err := tls.LoadX509KeyPair(string(s.Certificate), string(s.Key))
		if err != nil {
			return nil, fmt.Errorf("certificate %s, key %s: %w", s.Certificate, s.Key, err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	if s.Clients.CA != "" {
		pem, err := readFile(string(s.Clients.CA))
		if err != nil {
			return nil, err
		}
		c.ClientCAs = x509.NewCertPool()
		if !c.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: there is no PEM certificate in the file", s.Clients.CA)
		}
		c.ClientAuth = tls.VerifyClientCertIfGiven
		if s.Clients.Required {
			c.ClientAuth = tls.RequireAndVerifyClientCert
		}
	}
	return c, nil
}
