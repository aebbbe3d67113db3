package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// Profiles are what client commands can be told at once by a name.
type Profiles struct {
	Default  string    `yaml:"default" doc:"The profile of commands that name none."`
	Profiles []Profile `yaml:"profiles" doc:"The profiles."`
}

// Profile is a router, and who one is there.
type Profile struct {
	Name           string   `yaml:"name" required:"yes" doc:"What --profile names."`
	URL            []string `yaml:"url" doc:"The router; several are tried in order."`
	Realm          string   `yaml:"realm" doc:"The realm to join."`
	Serializers    []string `yaml:"serializers" doc:"cbor, msgpack or json, in order of preference."`
	AuthID         string   `yaml:"authid" doc:"Who one is."`
	Ticket         Secret   `yaml:"ticket" doc:"For the method ticket."`
	Secret         Secret   `yaml:"secret" doc:"For the method wampcra."`
	Password       Secret   `yaml:"password" doc:"For the methods wamp-scram and scram."`
	Key            Path     `yaml:"key" doc:"Private key file, for the method cryptosign."`
	Passphrase     Secret   `yaml:"passphrase" doc:"Of the key."`
	Certificates   Path     `yaml:"certificates" doc:"File with certificates for the key, for routers that do not know it: a list in JSON of pairs, certificate and signature."`
	TrustRoot      string   `yaml:"trustroot" doc:"The address of the account that has signed the last one."`
	Token          Secret   `yaml:"token" doc:"For the method jwt."`
	Cert           Path     `yaml:"cert" doc:"PEM file with a certificate, for the method tls."`
	CertKey        Path     `yaml:"cert_key" doc:"PEM file with the certificate's key."`
	ChannelBinding bool     `yaml:"channel_binding" doc:"Binds cryptosign and wamp-scram to the TLS connection."`
	CA             Path     `yaml:"ca" doc:"PEM file with the authorities to trust instead of the system's."`
	Insecure       bool     `yaml:"insecure" doc:"Accepts any certificate of the router."`
	Headers        []Header `yaml:"headers" doc:"Headers to send with the WebSocket handshake."`

	At Pos `yaml:"-"` // where it was said
}

// ProfilesFile is where profiles are kept: $WAMPETER_PROFILES, or
// wampeter/profiles.yaml in the user's folder for configurations; "" when there
// is no such folder.
func ProfilesFile(getenv func(string) string) string {
	if name := getenv("WAMPETER_PROFILES"); name != "" {
		return name
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "wampeter", "profiles.yaml")
}

// LoadProfile reads a profile; with the name "" the default one, nil when there
// is none. It is no error that there is no file, unless a profile is named.
func LoadProfile(file, name string, environ []string) (*Profile, error) {
	data, err := readFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && name == "":
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("profile %s: %w", name, err)
	}
	root, mistakes := parse(file, data)
	if len(mistakes) > 0 {
		return nil, mistakes.err()
	}
	// Only the secrets of the profile that is wanted are read.
	list := root.get("profiles")
	if name == "" {
		if def := root.get("default"); def != nil {
			name = def.text
		}
	}
	var names []string
	if list != nil && list.kind == listNode {
		kept := *list
		kept.list = nil
		for _, n := range list.list {
			names = append(names, nameOf(n))
			if nameOf(n) == name || nameOf(n) == "" {
				kept.list = append(kept.list, n)
			}
		}
		root.set("profiles", &kept)
	}
	var all Profiles
	r := newReader(environ)
	r.section(root, reflect.ValueOf(&all).Elem(), &field{}, "")
	if err := r.mistakes.err(); err != nil {
		return nil, err
	}
	for i := range all.Profiles {
		if all.Profiles[i].Name == name {
			return &all.Profiles[i], nil
		}
	}
	switch {
	case name == "":
		return nil, nil
	case len(names) == 0:
		return nil, fmt.Errorf("profile %s: there are no profiles in %s", name, file)
	}
	return nil, fmt.Errorf("profile %s: %s has %s", name, file, strings.Join(names, ", "))
}
