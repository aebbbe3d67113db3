package cli

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/internal/auth"
	"github.com/wampeter/wampeter/wamp"
)

// keyFormat writes a key.
type keyFormat struct {
	private func(key ed25519.PrivateKey, comment string, passphrase []byte) ([]byte, error)
	public  func(key ed25519.PrivateKey, comment string) (string, error)
}

var keyFormats = choice[keyFormat]{
	words: []string{"openssh", "keyfile", "hex", "raw"},
	values: []keyFormat{
		{func(key ed25519.PrivateKey, comment string, passphrase []byte) ([]byte, error) {
			return auth.FormatOpenSSH(key, cmp.Or(comment, defaultComment()), passphrase)
		}, func(key ed25519.PrivateKey, comment string) (string, error) {
			return auth.FormatAuthorizedKey(key.Public().(ed25519.PublicKey), cmp.Or(comment, defaultComment()))
		}},
		{func(key ed25519.PrivateKey, comment string, _ []byte) ([]byte, error) {
			return auth.FormatKeyFile(key, false, "Private key for cryptosign - KEEP THIS SAFE!", keyTags(comment)), nil
		}, func(key ed25519.PrivateKey, comment string) (string, error) {
			return string(auth.FormatKeyFile(key, true, "Public key for cryptosign", keyTags(comment))), nil
		}},
		{func(key ed25519.PrivateKey, _ string, _ []byte) ([]byte, error) {
			return fmt.Appendf(nil, "%x\n", key.Seed()), nil
		}, hexPublic},
		{func(key ed25519.PrivateKey, _ string, _ []byte) ([]byte, error) { return key.Seed(), nil }, hexPublic},
	},
}

func hexPublic(key ed25519.PrivateKey, _ string) (string, error) {
	return fmt.Sprintf("%x", []byte(key.Public().(ed25519.PublicKey))), nil
}

// defaultComment says whose key it is, as ssh-keygen does. Autobahn does not read
// public keys without one.
func defaultComment() string {
	name, host := "cryptosign", "localhost"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return strings.Join(strings.Fields(name), "_") + "@" + host
}

// keyTags are the lines of a key file that say where it is from.
func keyTags(comment string) [][2]string {
	tags := [][2]string{{"created-at", time.Now().UTC().Format(time.RFC3339)}}
	if comment != "" {
		tags = append([][2]string{{"creator", comment}}, tags...)
	}
	return tags
}

func (p *process) keygenCommand() *cobra.Command {
	var (
		format  = keyFormats
		comment string
		from    string
		encrypt bool
	)
	cmd := &cobra.Command{
		Use:   "keygen FILE",
		Short: "Make a key for cryptosign",
		Long: `Make an Ed25519 key for the authentication method cryptosign. FILE gets the private
key and FILE.pub the public one; neither may exist yet. The public key is printed in
hexadecimal digits, as the keys of users in a configuration file, and Crossbar.io's
authorized_keys, have it.

  openssh  as ssh-keygen writes it; Autobahn reads it by from_ssh_file. --encrypt
           asks for a passphrase, or takes $WAMPETER_PASSPHRASE
  keyfile  lines of text with private-key-ed25519, as Crossbar.io's key.priv
  hex      64 hexadecimal digits
  raw      32 bytes; Autobahn reads them by from_file

--from reads an existing key, in any of these forms or PKCS #8, instead of making one:
so keys are converted.`,
		Example: `  wampeter keygen joe.key
  wampeter keygen node.key --format keyfile --comment joe@example.com
  wampeter keygen joe.hex --format hex --from ~/.ssh/id_ed25519
  wampeter call com.example.status --authid joe --key joe.key`,
		Args: cobra.ExactArgs(1),
		RunE: p.action(func(ctx context.Context, args []string) error {
			f, ok := format.value()
			if !ok {
				f = format.values[0]
			}
			var passphrase []byte
			if encrypt {
				if format.String() != "" && format.String() != "openssh" {
					return usagef("--encrypt: only the format openssh knows passphrases")
				}
				text, err := p.newPassphrase(ctx)
				if err != nil {
					return err
				}
				passphrase = []byte(text)
			}
			key, err := p.newKey(ctx, from)
			if err != nil {
				return err
			}
			private, err := f.private(key, comment, passphrase)
			if err != nil {
				return err
			}
			public, err := f.public(key, comment)
			if err != nil {
				return err
			}
			if public[len(public)-1] != '\n' {
				public += "\n"
			}
			if err := writeNew(args[0], private, 0o600); err != nil {
				return err
			}
			if err := writeNew(args[0]+".pub", []byte(public), 0o644); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "%x\n", []byte(key.Public().(ed25519.PublicKey)))
			return err
		}),
	}
	format.add(cmd, "format", "openssh, keyfile, hex or raw (default openssh)")
	cmd.Flags().StringVar(&comment, "comment", "", "`TEXT` that says whose key it is")
	cmd.Flags().StringVar(&from, "from", "", "`FILE` with a key to use instead of a new one")
	cmd.Flags().BoolVar(&encrypt, "encrypt", false, "encrypt the private key with a passphrase")
	return cmd
}

// newKey reads the key in a file, or makes one.
func (p *process) newKey(ctx context.Context, from string) (ed25519.PrivateKey, error) {
	if from == "" {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return nil, err
	}
	key, err := wamp.ParseKey(data, nil)
	if errors.Is(err, auth.ErrPassphrase) {
		passphrase := p.getenv(envPassphrase)
		if passphrase == "" {
			if passphrase, err = p.askSecret(ctx, "passphrase of "+from); err != nil {
				return nil, err
			}
		}
		key, err = wamp.ParseKey(data, []byte(passphrase))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return key, nil
}

// newPassphrase has somebody choose a passphrase.
func (p *process) newPassphrase(ctx context.Context) (string, error) {
	if text := p.getenv(envPassphrase); text != "" {
		return text, nil
	}
	return p.chooseSecret(ctx, "passphrase")
}

// chooseSecret has somebody type a new secret twice, or reads it from standard
// input when that is no terminal.
func (p *process) chooseSecret(ctx context.Context, what string) (string, error) {
	text, err := p.askSecret(ctx, what)
	if err != nil {
		return "", err
	}
	if text == "" {
		return "", fmt.Errorf("the %s is empty", what)
	}
	if isTerminal(p.stdin) {
		again, err := p.askSecret(ctx, what+" once more")
		if err != nil {
			return "", err
		}
		if again != text {
			return "", errors.New("the two are different")
		}
	}
	return text, nil
}

// writeNew writes a file that must not exist yet.
func writeNew(name string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists already: choose another name, or remove it", name)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
