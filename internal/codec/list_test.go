package codec

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/internal/msg"
)

func TestElementsAndAppendList(t *testing.T) {
	const list = `[1,"a,]",[2],{"k":[]},null]`
	want := []string{"1", `"a,]"`, "[2]", `{"k":[]}`, "null"}
	for _, f := range formats {
		src := Transcode(nil, f, msg.JSON, []byte(list))
		elements := Elements(nil, f, src)
		var got []string
		for _, e := range elements {
			valid(t, f, e)
			got = append(got, string(Transcode(nil, msg.JSON, f, e)))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%v (-want +got):\n%s", f, d)
		}
		if again := AppendList(nil, f, elements); string(again) != string(src) {
			t.Errorf("%v: put together again: %q, want %q", f, again, src)
		}
		if empty := AppendList(nil, f, nil); len(Elements(nil, f, empty)) != 0 {
			t.Errorf("%v: the empty list %q has elements", f, empty)
		}
		for n := range len(src) {
			Elements(nil, f, src[:n])
		}
	}
	if got := Elements(nil, msg.JSON, []byte(" [ 1 , [ ] ] ")); len(got) != 2 || string(got[0]) != "1" || string(got[1]) != "[ ]" {
		t.Errorf("white space: got %q", got)
	}
	if got := Elements(nil, msg.CBOR, []byte("\x9f\x01\x02\xff")); len(got) != 2 || string(got[1]) != "\x02" {
		t.Errorf("indefinite length: got %q", got)
	}
	for _, none := range []string{"", "{}", "7", `"\u0000QQ=="`} {
		if got := Elements(nil, msg.JSON, []byte(none)); got != nil {
			t.Errorf("%s has elements %q", none, got)
		}
	}
}

func TestEntriesAndAppendDict(t *testing.T) {
	const dict = `{"a":1,"":[],"\n\u0000QQ==":{"b":2}}`
	wantKeys := []string{"a", "", "\n\x00QQ=="}
	wantValues := []string{"1", "[]", `{"b":2}`}
	for _, f := range formats {
		src := Transcode(nil, f, msg.JSON, []byte(dict))
		var keys, texts []string
		var values [][]byte
		Entries(f, src, func(key, value []byte) bool {
			keys, values = append(keys, string(key)), append(values, value)
			texts = append(texts, string(Transcode(nil, msg.JSON, f, value)))
			return true
		})
		if d := cmp.Diff([][]string{wantKeys, wantValues}, [][]string{keys, texts}); d != "" {
			t.Errorf("%v (-want +got):\n%s", f, d)
		}
		if again := AppendDict(nil, f, keys, values); string(Transcode(nil, msg.JSON, f, again)) != string(Transcode(nil, msg.JSON, f, src)) {
			t.Errorf("%v: put together again: %q, want %q", f, again, src)
		}
		n := 0
		Entries(f, src, func(_, _ []byte) bool { n++; return n < 2 })
		if n != 2 {
			t.Errorf("%v: %d entries after the one that was to be the last", f, n-2)
		}
		for n := range len(src) {
			Entries(f, src[:n], func(_, _ []byte) bool { return true })
		}
	}
	Entries(msg.CBOR, []byte("\xa1\x07\xf5"), func(key, value []byte) bool {
		if string(key) != "7" || string(value) != "\xf5" {
			t.Errorf("integer as key: got %q, %q", key, value)
		}
		return true
	})
	Entries(msg.JSON, []byte("[]"), func(_, _ []byte) bool {
		t.Error("a list has entries")
		return false
	})
}
