package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// variant returns the arguments of `wampeter run` that a row asks for.
func (o *options) variant(name string) ([]string, error) {
	switch name {
	case "":
		return nil, nil
	case "rules":
		path := filepath.Join(o.dir, "rules.yaml")
		return []string{"--config", path}, os.WriteFile(path, []byte(hundredRules()), 0o600)
	case "deflate":
		return []string{"--compression"}, nil
	case "tls":
		cert, key := filepath.Join(o.dir, "cert.pem"), filepath.Join(o.dir, "key.pem")
		return []string{"--tls-cert", cert, "--tls-key", key}, writeCertificate(cert, key)
	}
	return nil, fmt.Errorf("no variant %q", name)
}

// hundredRules is a configuration in which 99 rules are for others and one lets
// the generator do its work.
func hundredRules() string {
	var b strings.Builder
	b.WriteString("realms:\n  - name: realm1\n    authentication: {anonymous: {role: guest}}\n    roles:\n      - name: guest\n        rules:\n")
	for i := range 99 {
		fmt.Fprintf(&b, "          - {uri: com.example.application%d., allow: [call, register, publish, subscribe]}\n", i)
	}
	b.WriteString("          - {uri: wampeter.bench., allow: all}\n")
	return b.String()
}

// writeCertificate makes a certificate for this machine.
func writeCertificate(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}
