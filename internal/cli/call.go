package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
)

func (p *process) callCommand() *cobra.Command {
	var (
		client   clientFlags
		output   outputFlags
		options  optionFlags
		progress bool
	)
	cmd := &cobra.Command{
		Use:   "call PROCEDURE [ARGUMENT...]",
		Short: "Call a procedure and print its result",
		Long: `Call a procedure, wait for its result and print it.

Arguments that are JSON are sent as what they say, others as text; name=value is
a keyword argument. See 'wampeter help arguments' and 'wampeter help output'.

When the call fails, the error's URI and message are on standard error and the
exit code is not 0: see 'wampeter help exit-codes'.`,
		Example: `  wampeter call demo.add2 2 3
  wampeter call com.example.user.create joe '{"age": 42}' admin=true note="new here"
  wampeter call com.example.report --raw > report.txt
  wampeter call com.example.sum --json -- -1 -2
  wampeter call demo.count 5 --progress
  wampeter call com.example.slow --timeout 2s || echo "exit code $?"
  jq .items data.json | wampeter call com.example.import -
  wampeter call demo.time --url wss://router.example/ws --realm public`,
		Args: cobra.MinimumNArgs(1),
		RunE: p.action(func(ctx context.Context, args []string) error {
			payload, err := parseArguments(args[1:], func() (string, error) { return p.readInput(ctx) })
			if err != nil {
				return err
			}
			opts, err := callOptions(options)
			if err != nil {
				return err
			}
			out := p.printer(output)
			return p.withSession(ctx, &client, func(ctx context.Context, s *wamp.Session) error {
				return call(ctx, s, out, args[0], progress, append(opts, payload))
			})
		}),
	}
	client.add(cmd, "end the call with an error after this `TIME` (default no limit)")
	output.add(cmd)
	cmd.Flags().BoolVar(&progress, "progress", false, "ask for progressive results and print each")
	cmd.Flags().StringArrayVar((*[]string)(&options), "option", nil, "an option of CALL as `NAME=VALUE`; repeatable")
	return cmd
}

func callOptions(options optionFlags) ([]wamp.CallOption, error) {
	list, err := options.parse()
	var opts []wamp.CallOption
	for _, o := range list {
		opts = append(opts, o)
	}
	return opts, err
}

func call(ctx context.Context, s *wamp.Session, out *printer, procedure string, progress bool, opts []wamp.CallOption) error {
	var failed error // of printing progress; the handler runs before Call returns
	if progress {
		opts = append(opts, wamp.OnProgress(func(r wamp.Result) {
			if err := out.result(r.Payload); failed == nil {
				failed = err
			}
		}))
	}
	r, err := wamp.Call[wamp.Result](ctx, s, procedure, opts...)
	if err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return out.result(r.Payload)
}
