package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/config"
)

// errDenied makes the exit code of a no.
var errDenied = errors.New("denied")

func (p *process) canCommand() *cobra.Command {
	var (
		flags configFlags
		q     config.Question
		match = matchFlag()
	)
	cmd := &cobra.Command{
		Use:   "can ROLE {call | register | publish | subscribe} URI",
		Short: "Say whether the rules of a configuration allow something, and which one",
		Long: `Say whether sessions of ROLE may call or register a procedure, publish or subscribe
to a topic, by the rules of a configuration, and where the rule is that decides. The
URI may be a pattern to register or to subscribe to.

It prints allow or deny; or ask when an authorizer decides, which is not asked. The
exit code is 1 for deny.`,
		Example: `  wampeter can guest call com.example.add2
  wampeter can guest subscribe com.example. --config wampeter.yaml --realm realm1
  wampeter can user register com.example.user.joe. --authid joe
  wampeter can backend call wamp.session.kill || echo "as it should be"`,
		Args: cobra.ExactArgs(3),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return []string{"call", "register", "publish", "subscribe"}, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: p.action(func(ctx context.Context, args []string) error {
			c, err := flags.load(ctx, p)
			if err != nil {
				return err
			}
			q.Role, q.Action, q.URI, q.Match = args[0], args[1], args[2], match.String()
			a, err := c.Can(q)
			if err != nil {
				return &usageError{err}
			}
			word := "deny"
			switch {
			case a.Allow:
				word = "allow"
			case a.Ask != nil:
				word = "ask"
			}
			if _, err := fmt.Fprintf(p.stdout, "%s: %s\n", word, a.Reason); err != nil {
				return err
			}
			if word == "deny" {
				return errDenied
			}
			return nil
		}),
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&q.Realm, "realm", "", "`NAME` of the realm; needed when there are several")
	cmd.Flags().StringVar(&q.AuthID, "authid", "", "`NAME` of the session's user, for rules with ${authid}")
	match.add(cmd, "match", "how the URI matches: exact, prefix or wildcard (default: patterns tell by their form)")
	return cmd
}
