package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what is expected anew")

// TestFiles reads the configurations in testdata/*.txtar. Each archive has the
// file config.yaml or config.json, others that this one names, the variables of
// the environment in env, what command lines set in set (a path and a value a
// line), and what comes of it: the effective configuration in want, or in
// mistakes what is said about it. With -update the last two are written anew.
func TestFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no files", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			t.Chdir(dir)
			source := Source{}
			want := ""
			for _, f := range archive.Files {
				switch f.Name {
				case "env":
					source.Environ = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
				case "set":
					for line := range strings.Lines(string(f.Data)) {
						flag, value, _ := strings.Cut(strings.TrimSpace(line), " ")
						path, yaml := strings.CutPrefix(flag, "--set=")
						s := Setting{Path: path, Values: []string{value}, Name: "--set " + path, YAML: yaml}
						if !yaml {
							s.Path, s.Name = pathOfFlag(t, flag), flag
						}
						source.Set = append(source.Set, s)
					}
				case "want", "mistakes":
					want = f.Name + "\n" + string(f.Data)
				default:
					if strings.HasPrefix(f.Name, "config.") {
						source.File = f.Name
					}
					if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			got := outcome(t, source)
			if *update {
				var files []txtar.File
				for _, f := range archive.Files {
					if f.Name != "want" && f.Name != "mistakes" {
						files = append(files, f)
					}
				}
				kind, text, _ := strings.Cut(got, "\n")
				archive.Files = append(files, txtar.File{Name: kind, Data: []byte(text)})
				t.Chdir(filepath.Dir(startDir))
				if err := os.WriteFile(filepath.Join(startDir, name), txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

var startDir, _ = os.Getwd()

// outcome reads a configuration and says what comes of it.
func outcome(t *testing.T, source Source) string {
	t.Helper()
	c, err := Load(t.Context(), source)
	if err != nil {
		var m *Mistake
		if AsMistakes(err) == nil || !errors.As(err, &m) {
			t.Errorf("the error has no Mistakes: %v", err)
		}
		return "mistakes\n" + err.Error() + "\n"
	}
	var b strings.Builder
	if err := c.Write(&b, false); err != nil {
		t.Fatal(err)
	}
	// What is written reads as the same, but for secrets.
	environ := slices.DeleteFunc(slices.Clone(source.Environ), func(v string) bool { return strings.HasPrefix(v, "WAMPETER_") })
	again, err := Load(t.Context(), Source{File: source.File, Data: []byte(b.String()), Environ: environ})
	if err != nil {
		t.Errorf("what was written is refused: %v\n%s", err, b.String())
		return "want\n" + b.String()
	}
	var second strings.Builder
	if err := again.Write(&second, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), second.String()); diff != "" {
		t.Errorf("what was written reads differently (-first +second):\n%s", diff)
	}
	// So does all of it.
	var all strings.Builder
	if err := c.Write(&all, true); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(t.Context(), Source{File: source.File, Data: []byte(all.String()), Environ: environ}); err != nil {
		t.Errorf("what was written in full is refused: %v\n%s", err, all.String())
	}
	return "want\n" + b.String()
}

func pathOfFlag(t *testing.T, name string) string {
	t.Helper()
	for _, s := range settings() {
		if "--"+s.flag == name {
			return s.path
		}
	}
	t.Fatalf("there is no flag %s", name)
	return ""
}

// TestProbe names every file of a listener's TLS that cannot be read, where it is
// said.
func TestProbe(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "x")
	for text, want := range map[string]string{
		"{certificate: no.pem, key: none.pem, clients: {ca: nobody.pem}}": `x.yaml:1:56: listeners[0].tls.certificate: stat no.pem: no such file or directory
x.yaml:1:69: listeners[0].tls.key: stat none.pem: no such file or directory
x.yaml:1:93: listeners[0].tls.clients.ca: stat nobody.pem: no such file or directory`,
		"{certificate: DIR/cert.pem, key: DIR/cert.pem}": `x.yaml:1:56: listeners[0].tls.certificate: certificate DIR/cert.pem, key DIR/cert.pem: tls: found a certificate rather than a key in the PEM for the private key`,
		"{certificate: DIR/cert.pem, key: DIR/key.pem}":  "",
	} {
		data := strings.ReplaceAll("listeners: {address: '127.0.0.1:0', tls: "+text+"}\n", "DIR", dir)
		_, err := Load(t.Context(), Source{File: "x.yaml", Data: []byte(data), Probe: true})
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), dir, "DIR")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
