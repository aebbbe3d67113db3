package archtest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// capabilities are the lists of what users of other libraries expect, and how
// many lines each has. Tests name the lines that they prove in comments:
// "S001-4", or "S001-8..12" for several.
var capabilities = map[string]int{
	"S000": 29, // asphalt-wamp
	"S001": 51, // the guide "Programming with WAMP"
	"S002": 28, // autobahn.twisted.wamp
	"S003": 22, // aiowamp
	"S004": 23, // serverwamp
}

var capability = regexp.MustCompile(`\b(S\d{3})-(\d+)(?:\.\.(\d+))?`)

// named adds the lines that a text names.
func named(text string, lines map[string]bool) {
	for _, m := range capability.FindAllStringSubmatch(text, -1) {
		first, _ := strconv.Atoi(m[2])
		last := first
		if m[3] != "" {
			last, _ = strconv.Atoi(m[3])
		}
		for n := first; n <= last; n++ {
			lines[fmt.Sprintf("%s-%d", m[1], n)] = true
		}
	}
}

// TestCapabilities checks that each line is named by a test, or is in
// docs/not-applicable.md with its reason, and not both.
func TestCapabilities(t *testing.T) {
	root := filepath.Join("..", "..")
	proved := make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "capabilities_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		named(string(text), proved)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(root, "docs", "not-applicable.md"))
	if err != nil {
		t.Fatal(err)
	}
	excused := make(map[string]bool)
	named(string(doc), excused)
	for list, n := range capabilities {
		for i := 1; i <= n; i++ {
			line := fmt.Sprintf("%s-%d", list, i)
			switch {
			case proved[line] && excused[line]:
				t.Errorf("%s is proved, and in docs/not-applicable.md", line)
			case !proved[line] && !excused[line]:
				t.Errorf("no test names %s", line)
			}
		}
	}
	for line := range proved {
		list, number, _ := strings.Cut(line, "-")
		if i, _ := strconv.Atoi(number); capabilities[list] != 0 && (i < 1 || i > capabilities[list]) {
			t.Errorf("a test names %s, which there is not", line)
		}
	}
}
