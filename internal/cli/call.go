package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
)

// callFlags are the options of a call.
type callFlags struct {
	progress  bool
	all       bool
	disclose  bool
	cancel    choice[wamp.CancelMode]
	partition key
	named     optionFlags
}

func (p *process) callCommand() *cobra.Command {
	var (
		client clientFlags
		output outputFlags
		flags  callFlags
	)
	cmd := &cobra.Command{
		Use:   "call PROCEDURE [ARGUMENT...]",
		Short: "Call a procedure and print its result",
		Long: `Call a procedure, wait for its result and print it.

Arguments that are JSON are sent as what they say, others as text; name=value is
a keyword argument. See 'wampeter help arguments' and 'wampeter help output'.

When the call fails, the error's URI and message are on standard error and the
exit code is not 0: see 'wampeter help exit-codes'.

--timeout ends the call at the router and the callee, too, if the router knows
timeouts. So do Ctrl-C and SIGTERM, as --cancel says: killnowait, the default,
interrupts the callee, kill lets it have the last word, skip leaves it alone.

If several sessions serve the procedure, one of them answers. --partition KEY makes
it always the same one for the same key, as long as none comes or goes. --all asks
every one of them: there is a line for each answer, with the callee's session in
front; --json makes an object of it with callee, args and kwargs, or error in case
it failed; --raw leaves the answer alone. After --timeout there are the answers of
those who were in time. Both need Wampeter at the other end.`,
		Example: `  wampeter call demo.add2 2 3
  wampeter call com.example.user.create joe '{"age": 42}' admin=true note="new here"
  wampeter call com.example.report --raw > report.txt
  wampeter call com.example.sum --json -- -1 -2
  wampeter call demo.count 5 --progress
  wampeter call com.example.slow --timeout 2s || echo "exit code $?"
  wampeter call com.example.import --cancel skip < /dev/null
  wampeter call com.example.order.place --partition 2391 '{"item": 5}'
  wampeter call com.example.cache.flush --all
  jq .items data.json | wampeter call com.example.import -
  wampeter call demo.time --url wss://router.example/ws --realm public`,
		Args: cobra.MinimumNArgs(1),
		RunE: p.action(func(ctx context.Context, args []string) error {
			payload, err := parseArguments(args[1:], func() (string, error) { return p.readInput(ctx) })
			if err != nil {
				return err
			}
			opts, err := flags.options()
			if err != nil {
				return err
			}
			opts = append(opts, payload)
			out := p.printer(output)
			return p.withSession(ctx, &client, func(ctx context.Context, s *wamp.Session) error {
				switch {
				case flags.all:
					return p.callAll(ctx, s, out, args[0], opts)
				case flags.progress:
					return callProgress(ctx, s, out, args[0], opts)
				}
				r, err := wamp.Call[wamp.Result](ctx, s, args[0], opts...)
				if err != nil {
					return err
				}
				return out.result(r.Payload)
			})
		}),
	}
	client.add(cmd, "end the call with an error after this `TIME` (default no limit)")
	output.add(cmd)
	flags.add(cmd)
	return cmd
}

func (c *callFlags) add(cmd *cobra.Command) {
	c.cancel = choice[wamp.CancelMode]{
		words:  []string{"killnowait", "kill", "skip"},
		values: []wamp.CancelMode{wamp.KillNoWait, wamp.Kill, wamp.Skip},
	}
	f := cmd.Flags()
	f.BoolVar(&c.progress, "progress", false, "ask for progressive results and print each")
	f.BoolVar(&c.all, "all", false, "ask every session that serves the procedure")
	f.BoolVar(&c.disclose, "disclose", false, "ask the router to tell the callee who calls")
	c.cancel.add(cmd, "cancel", "how to cancel the call: killnowait, kill or skip (default killnowait)")
	f.Var(&c.partition, "partition", "ask the session that owns this `KEY`, an integer or a text")
	f.StringArrayVar((*[]string)(&c.named), "option", nil, "an option of CALL as `NAME=VALUE`; repeatable")
	cmd.MarkFlagsMutuallyExclusive("all", "progress")
	cmd.MarkFlagsMutuallyExclusive("all", "partition")
}

func (c *callFlags) options() ([]wamp.CallOption, error) {
	var opts []wamp.CallOption
	if mode, ok := c.cancel.value(); ok {
		opts = append(opts, wamp.OnCancel(mode))
	}
	if c.disclose {
		opts = append(opts, wamp.DiscloseMe())
	}
	if c.partition.given {
		opts = append(opts, keyOption(&c.partition, wamp.Partition[int64], wamp.Partition[string]))
	}
	named, err := c.named.parse()
	for _, o := range named {
		opts = append(opts, o)
	}
	return opts, err
}

// callProgress prints progressive results as they come, and the result.
func callProgress(ctx context.Context, s *wamp.Session, out *printer, procedure string, opts []wamp.CallOption) error {
	stream := wamp.CallStream[wamp.Result, wamp.Result](ctx, s, procedure, opts...)
	for r := range stream.Progress() {
		if err := out.result(r.Payload); err != nil {
			return err // and cancel the call
		}
	}
	r, err := stream.Result()
	if err != nil {
		return err
	}
	return out.result(r.Payload)
}

// callAll prints the answer of each callee.
func (p *process) callAll(ctx context.Context, s *wamp.Session, out *printer, procedure string, opts []wamp.CallOption) error {
	if deadline, ok := ctx.Deadline(); ok {
		// The router answers in time with what there is by then. Only a router
		// that does not is not waited for.
		opts = append(opts, wamp.Timeout(max(time.Until(deadline), time.Millisecond)))
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(p.ctx, deadline.Add(farewellTime))
		defer cancel()
	}
	count, failed, late := 0, 0, 0
	for reply, err := range wamp.CallAll[wamp.Result](ctx, s, procedure, opts...) {
		var refused *wamp.Error
		switch {
		case err == nil:
			err = out.reply(reply.Callee, reply.Value.Payload)
		case reply.Callee != 0 && errors.As(err, &refused):
			failed++
			if errors.Is(err, wamp.ErrTimeout) {
				late++
			}
			if out.form == oneLine {
				err = out.failure(reply.Callee, refused)
			} else {
				_, err = fmt.Fprintf(p.stderr, "callee %d: %v\n", reply.Callee, err)
			}
		}
		if err != nil {
			return err
		}
		count++
	}
	switch {
	case late > 0:
		return fmt.Errorf("call %s: %d of %d callees have not answered: %w", procedure, late, count, context.DeadlineExceeded)
	case failed > 0:
		return fmt.Errorf("call %s: %d of %d callees have failed", procedure, failed, count)
	}
	return nil
}
