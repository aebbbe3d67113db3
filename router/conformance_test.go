package router_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wampeter/wampeter/internal/core"
	"github.com/wampeter/wampeter/internal/msg"
)

// claim is a row of docs/conformance.md.
type claim struct {
	feature, section string
	announced        []string // role.feature
	status           string
	tests            []string // package.Test
}

// claims reads the tables of docs/conformance.md.
func claims(t *testing.T) []claim {
	t.Helper()
	data, err := os.ReadFile("../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []claim
	for line := range strings.Lines(string(data)) {
		row, ok := strings.CutPrefix(strings.TrimSpace(line), "| ")
		if !ok || strings.HasPrefix(row, "feature | ") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(row, "|"), "|")
		if len(cells) != 5 {
			t.Fatalf("a row with %d cells instead of 5: %s", len(cells), line)
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		all = append(all, claim{cells[0], cells[1], names(cells[2]), cells[3], names(cells[4])})
	}
	if len(all) == 0 {
		t.Fatal("there is no table")
	}
	return all
}

// names splits a cell with a list of names in backquotes.
func names(cell string) []string {
	if cell == "" {
		return nil
	}
	list := strings.Split(cell, ", ")
	for i := range list {
		list[i] = strings.Trim(list[i], "`")
	}
	return list
}

// What docs/conformance.md claims is tested: what has the status yes or partly
// by tests that exist, and what has not yes says why.
func TestConformanceTests(t *testing.T) {
	exists := map[string]map[string]bool{} // by package
	for _, c := range claims(t) {
		status, reason, _ := strings.Cut(c.status, ": ")
		switch {
		case c.section == "":
			t.Errorf("%s: no section", c.feature)
		case status != "yes" && status != "partly" && status != "no":
			t.Errorf("%s: status %q", c.feature, c.status)
		case status != "yes" && reason == "":
			t.Errorf("%s: %s without a reason", c.feature, status)
		case status != "no" && len(c.tests) == 0:
			t.Errorf("%s: no test", c.feature)
		}
		for _, name := range c.tests {
			dot := strings.LastIndexByte(name, '.')
			if dot < 0 {
				t.Errorf("%s: the test %s has no package", c.feature, name)
				continue
			}
			pkg, test := name[:dot], name[dot+1:]
			if exists[pkg] == nil {
				exists[pkg] = testsOf(t, pkg)
			}
			if !exists[pkg][test] {
				t.Errorf("%s: there is no test %s", c.feature, name)
			}
		}
	}
}

// testsOf returns the names of the tests of a package of this module.
func testsOf(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pkg), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				tests[f.Name.Name] = true
			}
		}
	}
	return tests
}

// What the router announces has the status yes, and what is said to be
// announced is.
func TestConformanceAnnounced(t *testing.T) {
	announced := map[string]bool{}
	roles := core.Features()
	for i, role := range msg.RoleNames {
		for bit, key := range msg.FeatureNames {
			if roles.Features[i]&(1<<bit) != 0 {
				announced[role+"."+key] = false // until it is found
			}
		}
	}
	if len(announced) == 0 {
		t.Fatal("nothing is announced")
	}
	for _, c := range claims(t) {
		for _, name := range c.announced {
			if _, ok := announced[name]; !ok {
				t.Errorf("%s: %s is not announced", c.feature, name)
				continue
			}
			if c.status != "yes" {
				t.Errorf("%s: %s is announced, and the status is %q", c.feature, name, c.status)
			}
			announced[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(announced)) {
		if !announced[name] {
			t.Errorf("%s is announced, and not in the table", name)
		}
	}
}
