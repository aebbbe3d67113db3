package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSample checks that what 'wampeter init' writes is a configuration, and
// that what it has in comments is one as well.
func TestSample(t *testing.T) {
	var b strings.Builder
	if err := WriteSample(&b, "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OWFiY2RlZg"); err != nil {
		t.Fatal(err)
	}
	c, err := Load(t.Context(), Source{File: "wampeter.yaml", Data: []byte(b.String())})
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if len(c.Realms) != 1 || len(c.Realms[0].Roles) != 2 || c.Realms[0].Open() {
		t.Errorf("the sample is read as %+v", c)
	}
	for line := range strings.Lines(b.String()) {
		if len([]rune(line)) > 100 {
			t.Errorf("line is too long: %s", line)
		}
	}
}

// TestDocumentation holds docs/configuration.md and the schema to the tags. After
// a change of these, run it with -update.
func TestDocumentation(t *testing.T) {
	const begin = "<!-- From here on written by go generate ./config -->\n"
	path := filepath.Join("..", "docs", "configuration.md")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	intro, _, ok := strings.Cut(string(old), begin)
	if !ok {
		t.Fatalf("%s has no line %s", path, begin)
	}
	var b, schema strings.Builder
	b.WriteString(intro + begin)
	if err := WriteReference(&b); err != nil {
		t.Fatal(err)
	}
	if err := WriteSchema(&schema); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		path: b.String(),
		filepath.Join("..", "docs", "configuration.schema.json"): schema.String(),
	} {
		if *update {
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is not what the tags say, go generate ./config writes it anew (-tags +file):\n%s", name, diff)
		}
	}
}

// TestTags checks that each setting is explained, and that names are unique.
func TestTags(t *testing.T) {
	flags, envs := map[string]string{}, map[string]string{}
	for _, s := range settings() {
		if s.doc == "" || !strings.HasSuffix(s.doc, ".") {
			t.Errorf("%s: documentation %q is no sentence", s.path, s.doc)
		}
		if other := envs[s.env()]; other != "" {
			t.Errorf("%s and %s are the same variable", s.path, other)
		}
		envs[s.env()] = s.path
		if s.flag == "" {
			continue
		}
		if flags[s.flag] != "" || s.usage == "" {
			t.Errorf("%s: flag %s of %s, usage %q", s.path, s.flag, flags[s.flag], s.usage)
		}
		flags[s.flag] = s.path
	}
	for _, name := range []string{"WAMPETER_URL", "WAMPETER_REALM", "WAMPETER_CONFIG", "WAMPETER_PROFILE"} {
		if envs[name] != "" {
			t.Errorf("%s is for client commands, and for %s", name, envs[name])
		}
	}
}
