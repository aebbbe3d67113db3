package examples

import (
	"path/filepath"
	"testing"

	"github.com/wampeter/wampeter/internal/readme"
)

// TestREADMEs does what the README of each example says. That of the browser
// needs one: it is in interop.
func TestREADMEs(t *testing.T) {
	files, err := filepath.Glob("*/README.md")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := filepath.Dir(file)
		if name == "browser" {
			continue
		}
		t.Run(name, func(t *testing.T) { readme.Run(t, file, "..", nil) })
	}
}
