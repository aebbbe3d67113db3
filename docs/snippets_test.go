// Package docs_test compiles every Go snippet of the documentation, and runs
// those that say what they print.
package docs_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages are the documents whose snippets are compiled. All snippets of a page
// are one package, in which later ones use what earlier ones declare.
var pages = []string{"../README.md", "guide.md", "embedding.md", "authentication.md", "authorization.md", "encryption.md", "coming-from-*.md"}

// packages are what snippets may use without importing it.
var packages = map[string]string{
	"app": "github.com/wampeter/wampeter/wamp/app", "meta": "github.com/wampeter/wampeter/wamp/meta",
	"router": "github.com/wampeter/wampeter/router", "wamp": "github.com/wampeter/wampeter/wamp",
	"wamptest": "github.com/wampeter/wampeter/wamptest", "jwt": "github.com/wampeter/wampeter/router/jwt", "trustroot": "github.com/wampeter/wampeter/router/trustroot",
	"context": "context", "errors": "errors", "fmt": "fmt", "log": "log", "slog": "log/slog", "http": "net/http",
	"url": "net/url", "tls": "crypto/tls", "x509": "crypto/x509", "os": "os", "slices": "slices", "strings": "strings",
	"sync": "sync", "atomic": "sync/atomic", "syscall": "syscall", "testing": "testing", "time": "time", "signal": "os/signal",
	"net": "net", "iter": "iter", "io": "io", "strconv": "strconv",
}

// harness is what statements of a snippet have at hand.
const harness = `
var _ = context.Background

// demo is a router with a session, and what snippets want to find there.
func demo(snippet func(context.Context, *wamp.Session, *router.Router) error) {
	rt := router.New(router.Config{Logger: slog.New(slog.DiscardHandler)})
	defer rt.Close()
	ctx := context.Background()
	s, err := rt.Session(ctx, "realm1")
	if err == nil {
		err = snippet(ctx, s, rt)
	}
	if err != nil {
		fmt.Println(err)
	}
}
`

func TestSnippets(t *testing.T) {
	root, err := filepath.Abs("..")
	check(t, err)
	dir := t.TempDir()
	writeModule(t, root, dir)
	total := 0
	for _, pattern := range pages {
		files, err := filepath.Glob(pattern)
		check(t, err)
		if len(files) == 0 {
			t.Errorf("there is no page %s", pattern)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			check(t, err)
			total += writePage(t, dir, filepath.Base(file), string(text))
		}
	}
	t.Log(total, "snippets")
	cmd := exec.Command("go", "test", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// writeModule makes dir a module that uses the one in root.
func writeModule(t *testing.T, root, dir string) {
	t.Helper()
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	check(t, err)
	text := strings.Replace(string(mod), "module github.com/wampeter/wampeter", "module snippets", 1)
	text += "\nrequire github.com/wampeter/wampeter v0.0.0\nreplace github.com/wampeter/wampeter => " + root + "\n"
	check(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600))
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o600))
}

var fence = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// writePage writes the snippets of a page as packages beneath dir, and returns
// how many there are.
func writePage(t *testing.T, dir, name, text string) int {
	t.Helper()
	p := &page{name: name, dir: filepath.Join(dir, strings.TrimSuffix(strings.ReplaceAll(strings.ToLower(name), "-", "_"), ".md"))}
	check(t, os.MkdirAll(p.dir, 0o700))
	found := fence.FindAllStringSubmatchIndex(text, -1)
	for _, at := range found {
		line := strings.Count(text[:at[2]], "\n") + 1
		if err := p.add(line, text[at[2]:at[3]]); err != nil {
			t.Errorf("%s:%d: %v", name, line, err)
		}
	}
	if p.body.Len() > 0 {
		check(t, p.write("page_test.go", harness+p.body.String()))
	}
	return len(found)
}

// page is a page under way.
type page struct {
	name, dir string
	body      strings.Builder
}

// add adds a snippet: a whole program, or declarations, or statements.
func (p *page) add(line int, snippet string) error {
	if strings.HasPrefix(snippet, "package ") {
		if err := formatted(snippet); err != nil {
			return err
		}
		dir := filepath.Join(p.dir, fmt.Sprint("program", line))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		// A test makes "go test" build it.
		if err := os.WriteFile(filepath.Join(dir, "main_test.go"), []byte("package main\n"), 0o600); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "main.go"), []byte(snippet), 0o600)
	}
	declarations, statements := split(snippet)
	if err := formatted("package p\n\n" + strings.TrimLeft(declarations, "\n")); err != nil {
		return err
	}
	fmt.Fprintf(&p.body, "\n//line %s:%d\n%s", p.name, line, declarations)
	if strings.TrimSpace(statements) == "" {
		return nil
	}
	code, err := function(fmt.Sprint("snippet", line), statements)
	if err != nil {
		return err
	}
	p.body.WriteString(code)
	if i := strings.Index(strings.ToLower(statements), "output:"); i >= 0 {
		output := statements[strings.LastIndex(statements[:i], "//"):]
		fmt.Fprintf(&p.body, "\nfunc Example_snippet%d() {\n\tdemo(snippet%d)\n\t%s}\n", line, line, strings.TrimRight(output, "\n")+"\n")
	}
	return nil
}

// declared is a line that begins a declaration of a package.
var declared = regexp.MustCompile(`^(func (\([^)]*\) )?\w+(\[.*?\])?\(|type |import )`)

// split tells declarations from statements.
func split(snippet string) (declarations, statements string) {
	var decl, stmt strings.Builder
	inside, after := false, false // a declaration, or right behind one
	for line := range strings.Lines(snippet) {
		begins := !inside && declared.MatchString(line)
		after = begins || inside || after && strings.TrimSpace(line) == ""
		if after {
			decl.WriteString(line)
		} else {
			stmt.WriteString(line)
		}
		if begins {
			end := strings.TrimRight(line, "\n")
			inside = strings.HasSuffix(end, "{") || strings.HasSuffix(end, "(")
		} else if inside && (strings.HasPrefix(line, "}") || strings.HasPrefix(line, ")")) {
			inside = false
		}
	}
	return decl.String(), stmt.String()
}

func formatted(code string) error {
	out, err := format.Source([]byte(code))
	if err == nil && strings.TrimSpace(string(out)) != strings.TrimSpace(code) {
		return fmt.Errorf("it is not formatted as gofmt does; that would be\n%s", out)
	}
	return err
}

// function makes statements a function, in which no variable has to be used.
func function(name, statements string) (string, error) {
	if err := formatted(statements); err != nil {
		return "", err
	}
	const before = "package p\nfunc f() error {\n{\n"
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", before+statements+"\n}\nreturn nil }", parser.ParseComments)
	if err != nil {
		return "", err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch b := n.(type) {
		case *ast.BlockStmt:
			b.List = using(b.List)
		case *ast.CaseClause:
			b.Body = using(b.Body)
		case *ast.CommClause:
			b.Body = using(b.Body)
		}
		return true
	})
	var out bytes.Buffer
	file.Comments = nil
	if err := format.Node(&out, fset, file); err != nil {
		return "", err
	}
	_, body, _ := strings.Cut(out.String(), "func f() error")
	return "\nfunc " + name + "(ctx context.Context, s *wamp.Session, rt *router.Router) error {\n\tvar err error\n\t_ = err\n" +
		strings.TrimPrefix(body, " {") + "\n", nil
}

// using puts a use behind each definition of variables.
func using(list []ast.Stmt) []ast.Stmt {
	var out []ast.Stmt
	for _, s := range list {
		out = append(out, s)
		define, ok := s.(*ast.AssignStmt)
		if !ok || define.Tok != token.DEFINE {
			continue
		}
		for _, v := range define.Lhs {
			if id := v.(*ast.Ident); id.Name != "_" {
				out = append(out, &ast.AssignStmt{
					Lhs: []ast.Expr{ast.NewIdent("_")}, Tok: token.ASSIGN, Rhs: []ast.Expr{ast.NewIdent(id.Name)},
				})
			}
		}
	}
	return out
}

// write writes a file with the imports that it needs.
func (p *page) write(name, body string) error {
	file, err := parser.ParseFile(token.NewFileSet(), p.name, "package page\n"+body, 0)
	if err != nil {
		return err
	}
	used := make(map[string]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && id.Obj == nil && packages[id.Name] != "" {
				used[id.Name] = true
			}
		}
		return true
	})
	var b strings.Builder
	b.WriteString("package page\n\nimport (\n")
	for _, name := range slices.Sorted(maps.Keys(used)) {
		fmt.Fprintf(&b, "\t%q\n", packages[name])
	}
	b.WriteString(")\n")
	b.WriteString(body)
	return os.WriteFile(filepath.Join(p.dir, name), []byte(b.String()), 0o600)
}

// TestNewcomer checks that the first program of the README, which the test
// above compiles, has no more than 15 lines.
func TestNewcomer(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	check(t, err)
	for _, m := range fence.FindAllSubmatch(text, -1) {
		if program := string(m[1]); strings.HasPrefix(program, "package main") {
			if n := strings.Count(program, "\n"); n > 15 || !strings.Contains(program, "Register(") {
				t.Errorf("%d lines:\n%s", n, program)
			}
			return
		}
	}
	t.Error("there is no program")
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var (
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`") // in which generic calls look like links
)

// TestLinks checks that what the documents refer to is there.
func TestLinks(t *testing.T) {
	var files []string
	for _, pattern := range []string{"*.md", "../*.md", "../examples/*.md", "../examples/*/*.md", "../bench/*.md"} {
		found, err := filepath.Glob(pattern)
		check(t, err)
		files = append(files, found...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(t, err)
		for _, m := range link.FindAllSubmatch(code.ReplaceAll(text, []byte("`")), -1) {
			path, anchor, _ := strings.Cut(string(m[1]), "#")
			if strings.Contains(path, ":") {
				continue
			}
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s: there is no such file", file, m[1])
			} else if anchor != "" && !hasHeading(t, target, anchor) {
				t.Errorf("%s: %s: there is no such heading", file, m[1])
			}
		}
	}
}

var punctuation = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

func hasHeading(t *testing.T, file, anchor string) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	check(t, err)
	for line := range strings.Lines(string(text)) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			title = punctuation.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			if strings.ReplaceAll(title, " ", "-") == anchor {
				return true
			}
		}
	}
	return false
}
