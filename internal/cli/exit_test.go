package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/wampeter/wampeter/wamp"
)

func TestExitCode(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("broken"), 1},
		{wamp.ErrNoSuchProcedure, 1},
		{fmt.Errorf("call: %w", wamp.NewError(wamp.ErrNoSuchProcedure)), 1},
		{&connectError{errors.New("refused")}, 3},
		{&connectError{context.DeadlineExceeded}, 3},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, 3},
		{&wamp.ClosedError{Reason: wamp.CloseKilled}, 3},
		{context.Canceled, 4},
		{wamp.NewError(wamp.ErrTimeout), 4},
		{fmt.Errorf("waiting: %w", errUnfinished), 4},
	} {
		if got := exitCode(test.err); got != test.want {
			t.Errorf("%v: exit code %d, want %d", test.err, got, test.want)
		}
	}
}
