package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/meta"
)

func (p *process) sessionsCommand() *cobra.Command {
	client := &clientFlags{}
	return metaCommand(&cobra.Command{
		Use:   "sessions",
		Short: "List, describe and end the sessions of a realm",
		Long: `List, describe and end the sessions of a realm, by the session meta API of the
router. The command's own session is among them while it runs; none of these
commands ends it.`,
		Example: `  wampeter sessions list
  wampeter sessions kill --authrole guest
  wampeter subscribe wamp.session.                 who joins and leaves, from now on`,
	}, client,
		p.sessionsListCommand(client), p.sessionsCountCommand(client), p.sessionsGetCommand(client), p.sessionsKillCommand(client))
}

func (p *process) sessionsListCommand(client *clientFlags) *cobra.Command {
	var (
		output outputFlags
		roles  []string
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the sessions of the realm",
		Long: `List the sessions of the realm in a table, in the order in which they joined.
--json prints an object for each, in a line of its own.`,
		Example: `  wampeter sessions list
  wampeter sessions list --role backend --role admin
  wampeter sessions list --json | jq -r .authid | sort | uniq -c`,
		Args: cobra.NoArgs,
		RunE: p.action(func(ctx context.Context, _ []string) error {
			out := p.printer(output)
			return p.withSession(ctx, client, func(ctx context.Context, s *wamp.Session) error {
				ids, err := meta.Sessions(ctx, s, roles...)
				if err != nil {
					return err
				}
				list, err := askEach(ctx, ids, wamp.ErrNoSuchSession, func(ctx context.Context, id uint64) (meta.Session, error) {
					return meta.GetSession(ctx, s, id)
				})
				if err != nil {
					return err
				}
				return printSessions(out, list)
			})
		}),
	}
	output.addJSON(cmd)
	cmd.Flags().StringArrayVar(&roles, "role", nil, "list only sessions of this `ROLE`; repeatable")
	return cmd
}

func printSessions(out *printer, list []meta.Session) error {
	if out.form == oneLine {
		for _, info := range list {
			if err := out.object(sessionFields(info)); err != nil {
				return err
			}
		}
		return nil
	}
	var rows [][]string
	for _, info := range list {
		rows = append(rows, []string{
			strconv.FormatUint(info.ID, 10), cell(info.AuthID), cell(info.AuthRole), cell(info.AuthMethod), cell(info.AuthProvider),
		})
	}
	return out.table([]string{"SESSION", "AUTHID", "AUTHROLE", "AUTHMETHOD", "AUTHPROVIDER"}, rows)
}

func sessionFields(info meta.Session) []field {
	fields := []field{
		{"session", idJSON(info.ID)},
		{"authid", quoted(info.AuthID)},
		{"authrole", quoted(info.AuthRole)},
		{"authmethod", quoted(info.AuthMethod)},
		{"authprovider", quoted(info.AuthProvider)},
	}
	if transport, err := json.Marshal(info.Transport); err == nil && info.Transport != nil {
		fields = append(fields, field{"transport", transport})
	}
	return fields
}

func (p *process) sessionsCountCommand(client *clientFlags) *cobra.Command {
	var (
		roles []string
	)
	cmd := &cobra.Command{
		Use:   "count",
		Short: "Count the sessions of the realm",
		Long:  `Print how many sessions the realm has, the command's own among them.`,
		Example: `  wampeter sessions count
  wampeter sessions count --role backend`,
		Args: cobra.NoArgs,
		RunE: p.action(func(ctx context.Context, _ []string) error {
			out := p.printer(outputFlags{})
			return p.withSession(ctx, client, func(ctx context.Context, s *wamp.Session) error {
				n, err := meta.CountSessions(ctx, s, roles...)
				if err != nil {
					return err
				}
				return out.id(uint64(n))
			})
		}),
	}
	cmd.Flags().StringArrayVar(&roles, "role", nil, "count only sessions of this `ROLE`; repeatable")
	return cmd
}

func (p *process) sessionsGetCommand(client *clientFlags) *cobra.Command {
	var (
		output outputFlags
	)
	cmd := &cobra.Command{
		Use:   "get SESSION",
		Short: "Describe a session",
		Long: `Print what the router tells of a session: who it is, how it was authenticated, and
how it is connected.`,
		Example: `  wampeter sessions get 4711
  wampeter sessions get 4711 --json | jq .transport`,
		Args: cobra.ExactArgs(1),
		RunE: p.action(func(ctx context.Context, args []string) error {
			id, err := parseIDArgument(args[0])
			if err != nil {
				return err
			}
			out := p.printer(output)
			return p.withSession(ctx, client, func(ctx context.Context, s *wamp.Session) error {
				info, err := meta.GetSession(ctx, s, id)
				if err != nil {
					return err
				}
				return out.object(sessionFields(info))
			})
		}),
	}
	output.addJSON(cmd)
	return cmd
}

// killFlags say which sessions to end, and what they get to know.
type killFlags struct {
	authid, authrole string
	all              bool
	reason, message  string
}

func (p *process) sessionsKillCommand(client *clientFlags) *cobra.Command {
	var (
		flags killFlags
	)
	cmd := &cobra.Command{
		Use:   "kill {SESSION... | --authid USER | --authrole ROLE | --all}",
		Short: "End sessions",
		Long: `End sessions, each with a GOODBYE that has the reason and the message. By user, by
role or --all it prints how many there were.

After --all nobody is told that they left, and their testaments are not published.`,
		Example: `  wampeter sessions kill 4711 4712
  wampeter sessions kill --authid joe --reason com.example.banned --message 'go away'
  wampeter sessions kill --authrole guest
  wampeter sessions kill --all`,
		RunE: p.action(func(ctx context.Context, args []string) error {
			ids, err := flags.sessions(args)
			if err != nil {
				return err
			}
			out := p.printer(outputFlags{})
			return p.withSession(ctx, client, func(ctx context.Context, s *wamp.Session) error {
				if len(ids) > 0 {
					return flags.killEach(ctx, s, ids)
				}
				n, err := flags.kill(ctx, s)
				if err != nil {
					return err
				}
				return out.id(uint64(n))
			})
		}),
	}
	f := cmd.Flags()
	f.StringVar(&flags.authid, "authid", "", "end all sessions of this `USER`")
	f.StringVar(&flags.authrole, "authrole", "", "end all sessions of this `ROLE`")
	f.BoolVar(&flags.all, "all", false, "end all sessions of the realm")
	f.StringVar(&flags.reason, "reason", "", "`URI` that says why (default wamp.close.killed)")
	f.StringVar(&flags.message, "message", "", "`TEXT` that says why")
	cmd.MarkFlagsMutuallyExclusive("authid", "authrole", "all")
	return cmd
}

// sessions returns the IDs among the arguments. There are none if, and only
// if, a flag says which sessions are meant.
func (k *killFlags) sessions(args []string) ([]uint64, error) {
	flag := k.all || k.authid != "" || k.authrole != ""
	if flag == (len(args) > 0) {
		return nil, usagef("name the sessions to end by their IDs, or by one of --authid, --authrole and --all")
	}
	ids := make([]uint64, len(args))
	for i, text := range args {
		var err error
		if ids[i], err = parseIDArgument(text); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// killEach ends all of the sessions that it can.
func (k *killFlags) killEach(ctx context.Context, s *wamp.Session, ids []uint64) error {
	var failed error
	for _, id := range ids {
		if err := meta.KillSession(ctx, s, id, wamp.URI(k.reason), k.message); err != nil {
			failed = errors.Join(failed, fmt.Errorf("session %d: %w", id, err))
		}
	}
	return failed
}

// kill ends the sessions that a flag says.
func (k *killFlags) kill(ctx context.Context, s *wamp.Session) (int, error) {
	reason := wamp.URI(k.reason)
	switch {
	case k.authid != "":
		killed, err := meta.KillByAuthID(ctx, s, k.authid, reason, k.message)
		return len(killed), err
	case k.authrole != "":
		return meta.KillByAuthRole(ctx, s, k.authrole, reason, k.message)
	}
	return meta.KillAll(ctx, s, reason, k.message)
}
