// Package archtest holds the import table of ARCHITECTURE.md: which package may
// import which other one, and which modules from outside.
package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/wampeter/wampeter"

// rule says what a package may import, in code that is not a test.
type rule struct {
	ours    []string // packages of this module, below it; a trailing /... includes those beneath
	outside []string // modules
	forbid  []string // packages of the standard library
}

// pure packages have no I/O, no locks, no clock of their own.
var pure = []string{"net", "os", "sync", "log", "log/slog", "crypto/rand", "math/rand", "math/rand/v2", "context"}

var rules = map[string]rule{
	"internal/msg":   {forbid: pure},
	"internal/uri":   {forbid: pure},
	"internal/match": {ours: []string{"internal/msg", "internal/uri"}, forbid: pure},
	"internal/core":  {ours: []string{"internal/msg", "internal/uri", "internal/match"}, forbid: pure},
	"internal/rules": {ours: []string{"internal/msg", "internal/uri", "internal/match"}, forbid: pure},
	"internal/codec": {
		ours:    []string{"internal/msg"},
		outside: []string{"github.com/fxamacker/cbor/v2"},
	},
	"internal/e2ee": {
		outside: []string{"golang.org/x/crypto"},
		forbid:  []string{"net", "os", "sync", "log", "log/slog", "context"}, // pure, but for crypto/rand
	},
	"internal/auth": {
		outside: []string{"golang.org/x/crypto", "github.com/xdg-go/stringprep"},
		forbid:  []string{"net", "os", "sync", "log", "log/slog", "context"}, // pure, but for crypto/rand
	},
	"internal/transport":           {ours: []string{"internal/msg"}, outside: []string{"golang.org/x/sys"}},
	"internal/transport/pipe":      {ours: []string{"internal/msg", "internal/transport"}},
	"internal/transport/rawsocket": {ours: []string{"internal/msg", "internal/transport"}},
	"internal/transport/websocket": {
		ours:    []string{"internal/msg", "internal/transport"},
		outside: []string{"github.com/klauspost/compress"},
	},
	"internal/transport/longpoll": {ours: []string{"internal/msg", "internal/transport/..."}},
	"internal/transport/mux":      {ours: []string{"internal/msg", "internal/transport/..."}},
	"internal/session":            {ours: []string{"internal/msg", "internal/codec", "internal/transport/..."}},
	"wamp":                        {ours: []string{"internal/msg", "internal/uri", "internal/match", "internal/codec", "internal/e2ee", "internal/auth", "internal/session", "internal/transport/..."}},
	"router": {
		ours: []string{
			"wamp", "internal/auth", "internal/core", "internal/match", "internal/rules", "internal/session", "internal/transport/...",
			"internal/codec", "internal/msg", "internal/uri",
		},
		outside: []string{"golang.org/x/time"},
	},
	"router/jwt": {ours: []string{"router", "wamp"}, outside: []string{"github.com/golang-jwt/jwt/v5"}},
	"router/trustroot": {
		ours:    []string{"router", "wamp"},
		outside: []string{"github.com/decred/dcrd/dcrec/secp256k1/v4", "golang.org/x/crypto"},
	},
	"wamp/meta":        {ours: []string{"wamp"}},
	"wamp/app":         {ours: []string{"wamp"}},
	"wamptest":         {ours: []string{"router", "wamp", "internal/transport/..."}},
	"internal/loadgen": {outside: []string{"github.com/HdrHistogram/hdrhistogram-go", "golang.org/x/sys"}, ours: []string{"internal/msg"}},
	"config": {
		ours:    []string{"router", "router/jwt", "router/trustroot", "wamp", "internal/auth", "internal/match", "internal/msg", "internal/uri"},
		outside: []string{"go.yaml.in/yaml/v4", "golang.org/x/crypto"},
	},
	"internal/cli": {
		ours: []string{"config", "router", "wamp", "wamp/meta", "internal/auth", "internal/codec", "internal/msg", "internal/uri", "internal/loadgen"},
		outside: []string{
			"github.com/golang-jwt/jwt/v5", "github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/lmittmann/tint", "golang.org/x/term",
		},
	},
	"cmd/wampeter":      {ours: []string{"internal/cli"}},
	"internal/readme":   {},
	"examples":          {},
	"examples/chat":     {ours: []string{"wamp", "wamp/app", "wamp/meta"}},
	"examples/progress": {ours: []string{"wamp", "wamp/app"}},
	"examples/counter":  {ours: []string{"wamp", "wamp/app"}},
	"examples/service":  {ours: []string{"wamp", "wamp/app"}},
	"examples/browser":  {ours: []string{"wamp", "router"}},
	"internal/archtest": {},
}

// nested are folders that are modules of their own, or hold no package that
// others build on.
var nested = []string{"bench", "interop", "docs"}

func TestImports(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules" || slices.Contains(nested, rel) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		dir := rel[:max(strings.LastIndexByte(rel, '/'), 0)]
		seen[dir] = true
		r, ok := rules[dir]
		if !ok {
			t.Errorf("package %q has no place in the import table", dir)
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			if why := r.refuses(imp); why != "" {
				t.Errorf("%s imports %s: %s", rel, imp, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range rules {
		if !seen[dir] && dir != "internal/archtest" {
			t.Errorf("the import table lists %q, which does not exist", dir)
		}
	}
}

func (r rule) refuses(imp string) string {
	if ours, ok := strings.CutPrefix(imp, module+"/"); ok {
		if !allowed(r.ours, ours) {
			return "it stands beside or above in the import table"
		}
		return ""
	}
	first, _, _ := strings.Cut(imp, "/")
	if !strings.Contains(first, ".") { // standard library
		if slices.Contains(r.forbid, imp) {
			return "the package is pure"
		}
		return ""
	}
	for _, m := range r.outside {
		if imp == m || strings.HasPrefix(imp, m+"/") {
			return ""
		}
	}
	return "the module is not allowed here"
}

func allowed(list []string, imp string) bool {
	for _, l := range list {
		if base, tree := strings.CutSuffix(l, "/..."); l == imp || tree && (imp == base || strings.HasPrefix(imp, base+"/")) {
			return true
		}
	}
	return false
}

// TestDirectDependencies checks that each module that go.mod requires directly
// has its reason in ARCHITECTURE.md.
func TestDirectDependencies(t *testing.T) {
	gomod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(gomod)) {
		f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(f) < 2 || !strings.Contains(f[0], ".") || !strings.HasPrefix(f[1], "v") || strings.Contains(line, "// indirect") {
			continue
		}
		if !strings.Contains(string(doc), "`"+f[0]+"`") {
			t.Errorf("ARCHITECTURE.md gives no reason for %s", f[0])
		}
	}
}
