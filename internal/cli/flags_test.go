package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKey(t *testing.T) {
	for text, want := range map[string]any{
		"7": int64(7), " -7": int64(-7), `"7"`: "7", "joe": "joe", "": "", "1.5": "1.5", "true": "true",
		"9223372036854775808": "9223372036854775808",
	} {
		var k key
		if err := k.Set(text); err != nil || !k.given {
			t.Errorf("%q: %+v, %v", text, k, err)
		}
		got := keyOption(&k, func(n int64) any { return n }, func(s string) any { return s })
		if got != want {
			t.Errorf("%q is the key %v (%[2]T), want %v (%[3]T)", text, got, want)
		}
	}
}

func TestIDList(t *testing.T) {
	var l idList
	for _, text := range []string{"1,2", "", " 3 , 9007199254740992"} {
		if err := l.Set(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if diff := cmp.Diff([]uint64{1, 2, 3, 1 << 53}, l.ids); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := l.String(); got != "1,2,3,9007199254740992" {
		t.Error(got)
	}
	for _, text := range []string{"0", "-1", "joe", "1,,2", "9007199254740993", "1.5"} {
		if err := l.Set(text); err == nil {
			t.Errorf("%q is no list of IDs", text)
		}
	}
	var none idList
	if err := none.Set(""); err != nil || !none.given || none.ids != nil {
		t.Errorf("nothing: %+v, %v", none, err)
	}
}

func TestChoice(t *testing.T) {
	c := choice[int]{words: []string{"one", "two", "three"}, values: []int{1, 2, 3}}
	if _, ok := c.value(); ok || c.String() != "" {
		t.Error("nothing was chosen")
	}
	if err := c.Set("four"); err == nil || err.Error() != "want one, two or three" {
		t.Error(err)
	}
	if err := c.Set("two"); err != nil {
		t.Error(err)
	}
	if v, ok := c.value(); v != 2 || !ok || c.String() != "two" {
		t.Errorf("chosen: %d, %v, %q", v, ok, c.String())
	}
}
