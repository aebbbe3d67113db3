package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
)

// publishFlags are the options of a publication.
type publishFlags struct {
	ack       bool
	retain    bool
	disclose  bool
	excludeMe bool
	partition key

	eligible, exclude                 idList
	eligibleAuthID, excludeAuthID     []string
	eligibleAuthRole, excludeAuthRole []string

	named optionFlags
}

func (p *process) publishCommand() *cobra.Command {
	var (
		client clientFlags
		flags  publishFlags
	)
	cmd := &cobra.Command{
		Use:   "publish TOPIC [ARGUMENT...]",
		Short: "Publish an event",
		Long: `Publish an event to a topic. With --ack the router confirms it, and the
publication's ID is printed; without, nobody hears of a refusal.

Arguments are written as for calls: see 'wampeter help arguments'.

The flags --eligible… name those who are to get the event, --exclude… those who
are not: sessions by their IDs, users by their authids, and roles. A subscriber
has to be among all that are given of the first kind, and among none of the second.

--retain makes the router keep the event as the topic's last one, for those who
subscribe later and ask for it. To clear it, publish nothing with the option
_retain_clear, which is Wampeter's own.`,
		Example: `  wampeter publish com.example.hello 'good morning'
  wampeter publish com.example.door '{"open": true}' room=7 --ack
  wampeter publish com.example.private secret --eligible 4711,4712
  wampeter publish com.example.news 'free beer' --exclude-authrole guest
  wampeter publish com.example.state on --retain
  wampeter publish com.example.state --option _retain_clear=true
  wampeter publish com.example.order 2391 --partition 2391
  date | wampeter publish com.example.now -`,
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
			out := p.printer(outputFlags{})
			return p.withSession(ctx, &client, func(ctx context.Context, s *wamp.Session) error {
				id, err := s.Publish(ctx, args[0], opts...)
				if err != nil || !flags.ack {
					return err
				}
				return out.id(id)
			})
		}),
	}
	client.add(cmd, "give up after this `TIME` (default no limit)")
	flags.add(cmd)
	return cmd
}

func (c *publishFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&c.ack, "ack", false, "wait for the router's acknowledgment and print the publication's ID")
	f.BoolVar(&c.retain, "retain", false, "have the event kept as the topic's last one")
	f.BoolVar(&c.disclose, "disclose", false, "ask the router to tell subscribers who publishes")
	f.BoolVar(&c.excludeMe, "exclude-me", true, "keep the event from the publisher itself")
	f.Var(&c.partition, "partition", "of subscribers with --shard, only the one that owns this `KEY` gets the event")
	f.Var(&c.eligible, "eligible", "give the event to no other `SESSIONS` than these; repeatable, or separated by commas")
	f.StringArrayVar(&c.eligibleAuthID, "eligible-authid", nil, "give the event to no other `USER` than this; repeatable")
	f.StringArrayVar(&c.eligibleAuthRole, "eligible-authrole", nil, "give the event to no other `ROLE` than this; repeatable")
	f.Var(&c.exclude, "exclude", "keep the event from these `SESSIONS`; repeatable, or separated by commas")
	f.StringArrayVar(&c.excludeAuthID, "exclude-authid", nil, "keep the event from this `USER`; repeatable")
	f.StringArrayVar(&c.excludeAuthRole, "exclude-authrole", nil, "keep the event from this `ROLE`; repeatable")
	f.StringArrayVar((*[]string)(&c.named), "option", nil, "an option of PUBLISH as `NAME=VALUE`; repeatable")
}

func (c *publishFlags) options() ([]wamp.PublishOption, error) {
	var opts []wamp.PublishOption
	add := func(given bool, o wamp.PublishOption) {
		if given {
			opts = append(opts, o)
		}
	}
	add(c.ack, wamp.Acknowledge())
	add(c.retain, wamp.Retain())
	add(c.disclose, wamp.DiscloseMe())
	add(!c.excludeMe, wamp.ExcludeMe(false))
	add(c.partition.given, keyOption(&c.partition, wamp.Partition[int64], wamp.Partition[string]))
	add(c.eligible.given, wamp.Eligible(c.eligible.ids...))
	add(c.eligibleAuthID != nil, wamp.EligibleAuthID(c.eligibleAuthID...))
	add(c.eligibleAuthRole != nil, wamp.EligibleAuthRole(c.eligibleAuthRole...))
	add(c.exclude.given, wamp.Exclude(c.exclude.ids...))
	add(c.excludeAuthID != nil, wamp.ExcludeAuthID(c.excludeAuthID...))
	add(c.excludeAuthRole != nil, wamp.ExcludeAuthRole(c.excludeAuthRole...))
	named, err := c.named.parse()
	for _, o := range named {
		opts = append(opts, o)
	}
	return opts, err
}
