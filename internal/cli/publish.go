package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
)

func (p *process) publishCommand() *cobra.Command {
	var (
		client  clientFlags
		options optionFlags
		ack     bool
	)
	cmd := &cobra.Command{
		Use:   "publish TOPIC [ARGUMENT...]",
		Short: "Publish an event",
		Long: `Publish an event to a topic. With --ack the router confirms it, and the
publication's ID is printed; without, nobody hears of a refusal.

Arguments are written as for calls: see 'wampeter help arguments'.`,
		Example: `  wampeter publish com.example.hello 'good morning'
  wampeter publish com.example.door '{"open": true}' room=7 --ack
  wampeter publish com.example.private secret --option 'eligible:=[4711]'
  date | wampeter publish com.example.now -`,
		Args: cobra.MinimumNArgs(1),
		RunE: p.action(func(ctx context.Context, args []string) error {
			payload, err := parseArguments(args[1:], func() (string, error) { return p.readInput(ctx) })
			if err != nil {
				return err
			}
			list, err := options.parse()
			if err != nil {
				return err
			}
			opts := []wamp.PublishOption{payload}
			for _, o := range list {
				opts = append(opts, o)
			}
			if ack {
				opts = append(opts, wamp.Acknowledge())
			}
			out := p.printer(outputFlags{})
			return p.withSession(ctx, &client, func(ctx context.Context, s *wamp.Session) error {
				id, err := s.Publish(ctx, args[0], opts...)
				if err != nil || !ack {
					return err
				}
				return out.id(id)
			})
		}),
	}
	client.add(cmd, "give up after this `TIME` (default no limit)")
	cmd.Flags().BoolVar(&ack, "ack", false, "wait for the router's acknowledgment and print the publication's ID")
	cmd.Flags().StringArrayVar((*[]string)(&options), "option", nil, "an option of PUBLISH as `NAME=VALUE`; repeatable")
	return cmd
}
