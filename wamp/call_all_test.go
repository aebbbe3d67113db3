package wamp

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCallAll(t *testing.T) {
	sc := newScript(t)
	s := sc.join(sc.dialer())
	collect := func() ([]string, error) {
		var got []string
		for r, err := range CallAll[int](t.Context(), s, "com.count", Args{"x"}) {
			got = append(got, fmt.Sprint(r.Callee, r.Value, err))
		}
		return got, nil
	}
	wait := async(t, collect)
	sc.expect(`[48, 1, {"runmode": "all"}, "com.count", ["x"]]`)
	sc.send(`[50, 1, {}, [{"callee": 7, "args": [5]}, {"callee": 8, "error": "com.broken", "args": ["disk"]}, {"callee": 9}, 3]]`)
	got, _ := wait()
	if diff := cmp.Diff([]string{
		"7 5 <nil>",
		"8 0 call com.count: com.broken: disk",
		"9 0 call com.count: wamp.error.invalid_payload: result: argument 0 is missing, expected an integer",
		"0 0 call com.count: wamp.error.invalid_payload: reply of a callee: cannot use a number as wamp.replyEntry",
	}, got); diff != "" {
		t.Error(diff)
	}

	wait = async(t, collect)
	sc.expect(`[48, 2, {"runmode": "all"}, "com.count", ["x"]]`)
	sc.send(`[8, 48, 2, {}, "wamp.error.no_such_procedure"]`)
	got, _ = wait()
	if diff := cmp.Diff([]string{"0 0 call com.count: wamp.error.no_such_procedure"}, got); diff != "" {
		t.Error(diff)
	}
}
