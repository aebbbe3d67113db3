package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestParseArguments(t *testing.T) {
	for _, test := range []struct {
		name   string
		words  []string
		stdin  string
		args   string // JSON; "" for none
		kwargs string
	}{
		{name: "none"},
		{name: "numbers", words: []string{"2", "-3", "1.5", "1e3"}, args: `[2,-3,1.5,1000.0]`},
		{name: "shielded number", words: []string{" -3"}, args: `[-3]`},
		{name: "big integers", words: []string{"9007199254740993", "18446744073709551615"}, args: `[9007199254740993,18446744073709551615]`},
		{name: "literals", words: []string{"true", "null"}, args: `[true,null]`},
		{name: "text", words: []string{"joe", "True", "01", "2024-01-01", "good morning", ""}, args: `["joe","True","01","2024-01-01","good morning",""]`},
		{name: "quoted text", words: []string{`"5"`, `"a=b"`, `"-"`}, args: `["5","a=b","-"]`},
		{name: "containers", words: []string{`[1, {"a": []}]`, `{"a": 1}`}, args: `[[1,{"a":[]}],{"a":1}]`},
		{name: "binary", words: []string{`"\u0000aGVsbG8="`}, args: `["\u0000aGVsbG8="]`},
		{name: "kwargs", words: []string{"name=joe", "age=5", `tags:=["a"]`, "_x1=", "eq=a=b"}, kwargs: `{"_x1":"","age":5,"eq":"a=b","name":"joe","tags":["a"]}`},
		{name: "text value", words: []string{`id="007"`, "n=007"}, kwargs: `{"id":"007","n":"007"}`},
		{name: "several lines", words: []string{"text=a\nb"}, kwargs: `{"text":"a\nb"}`},
		{name: "no keyword", words: []string{"1a=2", "a b=c", "http://x?a=b", "a-b=c", "=x", "ä=1"}, args: `["1a=2","a b=c","http://x?a=b","a-b=c","=x","ä=1"]`},
		{name: "stdin JSON", words: []string{"-"}, stdin: "{\"a\":\n 1}\n", args: `[{"a":1}]`},
		{name: "stdin text", words: []string{"x", "-", "y"}, stdin: "two\nlines\n", args: `["x","two\nlines","y"]`},
		{name: "both", words: []string{"k=1", "x"}, args: `["x"]`, kwargs: `{"k":1}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			payload, err := parseArguments(test.words, func() (string, error) {
				p := plain()
				p.stdin = strings.NewReader(test.stdin)
				return p.readInput(t.Context())
			})
			if err != nil {
				t.Fatal(err)
			}
			c, err := contentOf(payload)
			if err != nil {
				t.Fatal(err)
			}
			var args, kwargs string
			if len(c.args) > 0 {
				args = string(c.argsJSON())
			}
			if len(c.kwargs) > 0 {
				kwargs = string(c.kwargsJSON())
			}
			if diff := cmp.Diff([]string{test.args, test.kwargs}, []string{args, kwargs}); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestParseArgumentsMistakes(t *testing.T) {
	for _, test := range []struct {
		words []string
		want  string
	}{
		{[]string{"a:=b"}, "a:=b: not JSON"},
		{[]string{"a=1", "a=2"}, "a is given twice"},
		{[]string{"-", "-"}, "only once"},
	} {
		_, err := parseArguments(test.words, func() (string, error) { return "", nil })
		var usage *usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want a usage error with %q", test.words, err, test.want)
		}
	}
}

func TestReadInput(t *testing.T) {
	p := plain()
	p.stdin = iotest.ErrReader(errors.New("broken"))
	if _, err := p.readInput(t.Context()); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("error %v, want the reader's", err)
	}
	p.stdin = strings.NewReader(strings.Repeat("x", maxInput+1))
	if _, err := p.readInput(t.Context()); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("error %v, want that the input is too long", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	block := make(chan struct{})
	p.stdin = readerFunc(func([]byte) (int, error) {
		<-block
		return 0, errors.New("unblocked")
	})
	if _, err := p.readInput(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	close(block)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestOptions(t *testing.T) {
	for _, test := range []struct {
		words optionFlags
		n     int
		want  string
	}{
		{optionFlags{"x_trace=7", "exclude:=[1]"}, 2, ""},
		{optionFlags{"novalue"}, 0, "NAME=VALUE"},
		{optionFlags{"x:=nojson"}, 0, "not JSON"},
	} {
		options, err := test.words.parse()
		if test.want == "" && (err != nil || len(options) != test.n) {
			t.Errorf("%q: %d options and error %v, want %d", test.words, len(options), err, test.n)
		}
		if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%q: error %v, want %q", test.words, err, test.want)
		}
	}
}

func TestShieldNumbers(t *testing.T) {
	got := shieldNumbers([]string{"call", "-5", "-x", "-", "-.5", "--", "-5"})
	want := []string{"call", " -5", "-x", "-", "-.5", "--", "-5"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
