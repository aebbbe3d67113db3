package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v4"
	"golang.org/x/tools/txtar"
)

// resolved returns the schema that 'wampeter config schema' prints.
func resolved(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	var b strings.Builder
	if err := WriteSchema(&b); err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal([]byte(b.String()), &s); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// instance returns a file as JSON has it.
func instance(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSchema checks that the schema accepts every file that the reader accepts,
// and what 'wampeter init' and 'wampeter import' write, and refuses mistakes of
// form.
func TestSchema(t *testing.T) {
	s := resolved(t)
	names, _ := filepath.Glob("testdata/*.txtar")
	imported, _ := filepath.Glob("testdata/crossbar/*.txtar")
	for _, name := range append(names, imported...) {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		good := false
		for _, f := range archive.Files {
			good = good || f.Name == "want"
		}
		for _, f := range archive.Files {
			if !(good && strings.HasPrefix(f.Name, "config.") || f.Name == "want.yaml") {
				continue
			}
			v := instance(t, f.Data)
			if v == nil {
				v = map[string]any{}
			}
			if err := s.Validate(v); err != nil {
				t.Errorf("%s: the schema refuses %s: %v", name, f.Name, err)
			}
		}
	}
	var b strings.Builder
	if err := WriteSample(&b, "$argon2id$x"); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(instance(t, []byte(b.String()))); err != nil {
		t.Errorf("the schema refuses the sample: %v", err)
	}
	for _, text := range []string{
		"listners: []", "listeners: [{kind: websocket}]", "listeners: [{address: x, kind: webscket}]", "limits: {max_message: [1]}",
		"limits: {max_message: lots}", "timeouts: {handshake: soon}", "log: {level: loud}", "realms: [{name: x, roles: [{name: y, rules: [{uri: z, allow: shout}]}]}]",
		"allow_open: perhaps", "realms: [{}]", "realms: [{name: x, users: [{authid: joe}]}]",
	} {
		if err := s.Validate(instance(t, []byte(text))); err == nil {
			t.Errorf("the schema accepts %s", text)
		}
	}
}

var snippet = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestSnippets reads the configurations in the documentation.
func TestSnippets(t *testing.T) {
	names, _ := filepath.Glob("../docs/*.md")
	n := 0
	t.Chdir("..")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"jane.pub": "545efb0a2192db8d43f118e9bf9aee081466e1ef36c708b96ee6f62dddad9122",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join("docs", filepath.Base(name)))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range snippet.FindAllSubmatch(data, -1) {
			if !strings.Contains(string(m[1]), "listeners:") && !strings.Contains(string(m[1]), "realms:") {
				continue // of something else
			}
			n++
			source := Source{File: filepath.Join(dir, "wampeter.yaml"), Data: m[1], Environ: []string{"JOE_TICKET=x"}}
			if _, err := Load(t.Context(), source); err != nil {
				t.Errorf("%s: %v\n%s", name, err, m[1])
			}
		}
	}
	if n == 0 {
		t.Error("there are no configurations in the documentation")
	}
}
