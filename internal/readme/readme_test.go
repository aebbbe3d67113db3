package readme

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTerminals(t *testing.T) {
	const text = "# X\n\n```sh\necho a\n```\n\n```text\na\nb\n```\n\nand\n\n```sh\ntrue\n```\n\nnot\n\n```text\nc\n```\n"
	want := []Terminal{{"echo a\n", []string{"a", "b"}}, {Commands: "true\n"}}
	if diff := cmp.Diff(want, Terminals(text)); diff != "" {
		t.Error(diff)
	}
}

func TestMissing(t *testing.T) {
	for _, tt := range []struct{ out, missing string }{
		{"a 7 b\nother\n\rc\n", ""},
		{"c\na 7 b\n", "c"},
		{"", "a … b"},
	} {
		if got := Missing(tt.out, []string{"a … b", "c"}); got != tt.missing {
			t.Errorf("%q: %q", tt.out, got)
		}
	}
}
