//go:build interop && unix

package interop

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// readKeys prints the public key of each file, read as Autobahn|Python reads
// files of the kind in front of it.
const readKeys = `
import sys
from autobahn.wamp.cryptosign import CryptosignKey
for kind, path in zip(sys.argv[1::2], sys.argv[2::2]):
    read = CryptosignKey.from_ssh_file if kind == "openssh" else CryptosignKey.from_file
    key = read(path)
    print(key.public_key(), key.can_sign)
`

// TestKeysForAutobahn makes keys by 'wampeter keygen' and has Autobahn|Python
// read them.
func TestKeysForAutobahn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openssh, raw := filepath.Join(dir, "openssh"), filepath.Join(dir, "raw")
	keygen := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(env.wampeter, append([]string{"keygen"}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	public := keygen(openssh)
	if again := keygen(raw, "--format", "raw", "--from", openssh); again != public {
		t.Errorf("the converted key is %s, want %s", again, public)
	}
	out, err := exec.Command(env.python, "-c", readKeys, "openssh", openssh, "raw", raw, "openssh", openssh+".pub").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := public + " True\n" + public + " True\n" + public + " False\n"
	if !strings.HasSuffix(string(out), want) {
		t.Errorf("Autobahn reads\n%swant\n%s", out, want)
	}
}
