package wamp

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wampeter/wampeter/internal/msg"
)

func TestDescribePublish(t *testing.T) {
	s := &Session{format: msg.CBOR}
	p, options, err := s.DescribePublish("com.test.topic",
		Args{1}, KW{"a": "x"},
		Acknowledge(), ExcludeMe(false), DiscloseMe(), Retain(), Partition(7),
		Exclude(1, 2), Eligible(), EligibleAuthID("joe"), ExcludeAuthRole("guest", "user"),
		Option("x_trace", []string{"t"}),
	)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(KW{
		"acknowledge": true, "exclude_me": false, "disclose_me": true, "retain": true, "rkey": int64(7),
		"exclude": []any{int64(1), int64(2)}, "eligible": []any{},
		"eligible_authid": []any{"joe"}, "exclude_authrole": []any{"guest", "user"},
		"x_trace": []any{"t"},
	}, options); diff != "" {
		t.Errorf("options (-want +got)\n%s", diff)
	}
	args, _ := p.Args()
	kwargs, _ := p.Kwargs()
	if diff := cmp.Diff(Args{int64(1)}, args); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(KW{"a": "x"}, kwargs); diff != "" {
		t.Error(diff)
	}

	if _, options, err := s.DescribePublish("com.test.topic"); len(options) != 0 || err != nil {
		t.Errorf("nothing: %v, %v", options, err)
	}
	if _, _, err := s.DescribePublish("com.test.topic", Option("x", func() {})); err == nil {
		t.Error("a function is no value")
	}
}
