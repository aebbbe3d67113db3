package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/meta"
)

// kind is registrations or subscriptions: what the commands say about them,
// and how the router is asked.
type kind struct {
	name   string // in the singular
	uri    string // what its URI names
	member string // what a session behind one is
	invoke bool   // there is an invocation policy
	gone   wamp.URI

	matchShort, matchLong string // help texts of the command match

	list    func(context.Context, *wamp.Session) (meta.IDs, error)
	lookup  func(context.Context, *wamp.Session, string, wamp.MatchPolicy) (uint64, error)
	match   func(context.Context, *wamp.Session, string) ([]uint64, error)
	get     func(context.Context, *wamp.Session, uint64) (meta.Registration, error)
	members func(context.Context, *wamp.Session, uint64) ([]uint64, error)
	count   func(context.Context, *wamp.Session, uint64) (int, error)
	remove  func(ctx context.Context, s *wamp.Session, id, member uint64, reason string) error
}

// kindEntry is one registration or subscription.
type kindEntry struct {
	meta.Registration
	members []uint64
}

func (p *process) kindCommand(k *kind, cmd *cobra.Command) *cobra.Command {
	client := &clientFlags{}
	return metaCommand(cmd, client, p.kindListCommand(k, client), p.kindGetCommand(k, client),
		p.kindMatchCommand(k, client), p.kindCountCommand(k, client), p.kindRemoveCommand(k, client))
}

// describe asks for everything about those with the IDs.
func (k *kind) describe(ctx context.Context, s *wamp.Session, ids []uint64) ([]kindEntry, error) {
	return askEach(ctx, ids, k.gone, func(ctx context.Context, id uint64) (kindEntry, error) {
		r, err := k.get(ctx, s, id)
		if err != nil {
			return kindEntry{}, err
		}
		members, err := k.members(ctx, s, id)
		return kindEntry{r, members}, err
	})
}

// print prints a table in the order of URIs, or a line of JSON for each.
func (k *kind) print(out *printer, list []kindEntry) error {
	slices.SortFunc(list, func(a, b kindEntry) int {
		return cmp.Or(cmp.Compare(a.URI, b.URI), cmp.Compare(a.Match, b.Match))
	})
	if out.form == oneLine {
		for i := range list {
			if err := out.object(k.fields(&list[i])); err != nil {
				return err
			}
		}
		return nil
	}
	headings := []string{"ID", k.uri, "MATCH"}
	if k.invoke {
		headings = append(headings, "INVOKE")
	}
	rows := make([][]string, len(list))
	for i, e := range list {
		rows[i] = []string{strconv.FormatUint(e.ID, 10), cell(e.URI), e.Match.String()}
		if k.invoke {
			rows[i] = append(rows[i], cell(e.Invoke))
		}
		rows[i] = append(rows[i], strconv.Itoa(len(e.members)), e.Created.UTC().Format(time.RFC3339))
	}
	return out.table(append(headings, strings.ToUpper(k.member)+"S", "CREATED"), rows)
}

func (k *kind) fields(e *kindEntry) []field {
	fields := []field{{"id", idJSON(e.ID)}, {"uri", quoted(e.URI)}, {"match", quoted(e.Match.String())}}
	if k.invoke {
		fields = append(fields, field{"invoke", quoted(e.Invoke)})
	}
	sessions := make([][]byte, len(e.members))
	for i, id := range e.members {
		sessions[i] = idJSON(id)
	}
	return append(fields,
		field{"created", quoted(e.Created.UTC().Format(time.RFC3339Nano))},
		field{k.member + "s", slices.Concat([]byte("["), bytes.Join(sessions, []byte(",")), []byte("]"))},
	)
}

func (p *process) kindListCommand(k *kind, client *clientFlags) *cobra.Command {
	var (
		output outputFlags
		only   = matchFlag()
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: fmt.Sprintf("List the %ss of the realm", k.name),
		Long: fmt.Sprintf(`List the %ss of the realm in a table, in the order of their URIs. --json
prints an object for each, in a line of its own, with the IDs of the sessions behind
it.`, k.name),
		Example: fmt.Sprintf(`  wampeter %[1]ss list
  wampeter %[1]ss list --match prefix
  wampeter %[1]ss list --json | jq -r 'select(.%[2]ss | length > 1) | .uri'`, k.name, k.member),
		Args: cobra.NoArgs,
		RunE: p.action(func(ctx context.Context, _ []string) error {
			out := p.printer(output)
			return p.withSession(ctx, client, func(ctx context.Context, s *wamp.Session) error {
				ids, err := k.list(ctx, s)
				if err != nil {
					return err
				}
				chosen := ids.All()
				if policy, ok := only.value(); ok {
					chosen = map[wamp.MatchPolicy][]uint64{
						wamp.Exact: ids.Exact, wamp.Prefix: ids.Prefix, wamp.Wildcard: ids.Wildcard,
					}[policy]
				}
				list, err := k.describe(ctx, s, chosen)
				if err != nil {
					return err
				}
				return k.print(out, list)
			})
		}),
	}
	output.addJSON(cmd)
	only.add(cmd, "match", "list only those that match so: exact, prefix or wildcard")
	return cmd
}

func (p *process) kindMatchCommand(k *kind, client *clientFlags) *cobra.Command {
	var (
		output outputFlags
	)
	cmd := &cobra.Command{
		Use:     "match " + k.uri,
		Short:   k.matchShort,
		Long:    k.matchLong,
		Example: fmt.Sprintf(`  wampeter %ss match com.example.home`, k.name),
		Args:    cobra.ExactArgs(1),
		RunE: p.action(func(ctx context.Context, args []string) error {
			out := p.printer(output)
			return p.withSession(ctx, client, func(ctx context.Context, s *wamp.Session) error {
				ids, err := k.match(ctx, s, args[0])
				if err != nil {
					return err
				}
				list, err := k.describe(ctx, s, ids)
				if err != nil {
					return err
				}
				if len(list) == 0 {
					return fmt.Errorf("no %s matches %s", k.name, args[0])
				}
				return k.print(out, list)
			})
		}),
	}
	output.addJSON(cmd)
	return cmd
}

// reference names one registration or subscription on a command line.
type reference struct {
	kind  *kind
	match choice[wamp.MatchPolicy]

	text     string
	id       uint64 // when it is one
	uri      string
	policies []wamp.MatchPolicy // to look for, in this order
}

func newReference(k *kind) *reference { return &reference{kind: k, match: matchFlag()} }

func (r *reference) add(cmd *cobra.Command) {
	r.match.add(cmd, "match", "of those with the URI, the one that matches so: exact, prefix or wildcard")
}

// usage is how a reference is written.
func (r *reference) usage() string { return "{ID | " + r.kind.uri + "}" }

// parse reads an ID or a URI.
func (r *reference) parse(text string) error {
	r.text = text
	var err error
	if r.id, err = parseID(text); err == nil {
		return nil
	}
	var likely wamp.MatchPolicy
	if r.uri, likely, err = wamp.ParsePattern(text); err != nil {
		return &usageError{err}
	}
	r.policies = append([]wamp.MatchPolicy{likely}, r.match.values...)
	if policy, ok := r.match.value(); ok {
		r.policies = []wamp.MatchPolicy{policy}
	}
	return nil
}

// find returns the ID.
func (r *reference) find(ctx context.Context, s *wamp.Session) (uint64, error) {
	if r.id != 0 {
		return r.id, nil
	}
	for _, policy := range r.policies {
		if id, err := r.kind.lookup(ctx, s, r.uri, policy); id != 0 || err != nil {
			return id, err
		}
	}
	return 0, fmt.Errorf("there is no %s of %s: 'wampeter %[1]ss match %[2]s' shows what matches it", r.kind.name, r.text)
}

func (p *process) kindGetCommand(k *kind, client *clientFlags) *cobra.Command {
	var (
		output outputFlags
		ref    = newReference(k)
	)
	cmd := &cobra.Command{
		Use:   "get " + ref.usage(),
		Short: "Describe a " + k.name,
		Long:  fmt.Sprintf(`Print what the router tells of a %s, and the IDs of the sessions behind it.`, k.name),
		Example: fmt.Sprintf(`  wampeter %[1]ss get com.example.home
  wampeter %[1]ss get com.example. --match prefix
  wampeter %[1]ss get 4711 --json | jq .%[2]ss`, k.name, k.member),
		Args: cobra.ExactArgs(1),
		RunE: p.action(func(ctx context.Context, args []string) error {
			if err := ref.parse(args[0]); err != nil {
				return err
			}
			out := p.printer(output)
			return p.withSession(ctx, client, func(ctx context.Context, s *wamp.Session) error {
				id, err := ref.find(ctx, s)
				if err != nil {
					return err
				}
				r, err := k.get(ctx, s, id)
				if err != nil {
					return err
				}
				members, err := k.members(ctx, s, id)
				if err != nil {
					return err
				}
				return out.object(k.fields(&kindEntry{r, members}))
			})
		}),
	}
	output.addJSON(cmd)
	ref.add(cmd)
	return cmd
}

func (p *process) kindCountCommand(k *kind, client *clientFlags) *cobra.Command {
	var (
		ref = newReference(k)
	)
	cmd := &cobra.Command{
		Use:     "count " + ref.usage(),
		Short:   fmt.Sprintf("Count the sessions behind a %s", k.name),
		Long:    fmt.Sprintf(`Print how many %ss a %s has.`, k.member, k.name),
		Example: fmt.Sprintf(`  wampeter %ss count com.example.home`, k.name),
		Args:    cobra.ExactArgs(1),
		RunE: p.action(func(ctx context.Context, args []string) error {
			if err := ref.parse(args[0]); err != nil {
				return err
			}
			out := p.printer(outputFlags{})
			return p.withSession(ctx, client, func(ctx context.Context, s *wamp.Session) error {
				id, err := ref.find(ctx, s)
				if err != nil {
					return err
				}
				n, err := k.count(ctx, s, id)
				if err != nil {
					return err
				}
				return out.id(uint64(n))
			})
		}),
	}
	ref.add(cmd)
	return cmd
}

func (p *process) kindRemoveCommand(k *kind, client *clientFlags) *cobra.Command {
	var (
		ref    = newReference(k)
		reason string
	)
	cmd := &cobra.Command{
		Use:   fmt.Sprintf("remove %s SESSION...", ref.usage()),
		Short: fmt.Sprintf("Take sessions out of a %s", k.name),
		Long: fmt.Sprintf(`Take sessions out of a %s. Those that understand it are told, with the reason.
They may come back: 'wampeter sessions kill' ends them.`, k.name),
		Example: fmt.Sprintf(`  wampeter %[1]ss remove com.example.home 4711
  wampeter %[1]ss remove 815 4711 4712 --reason com.example.moved`, k.name),
		Args: cobra.MinimumNArgs(2),
		RunE: p.action(func(ctx context.Context, args []string) error {
			if err := ref.parse(args[0]); err != nil {
				return err
			}
			members := make([]uint64, len(args)-1)
			for i, text := range args[1:] {
				var err error
				if members[i], err = parseIDArgument(text); err != nil {
					return err
				}
			}
			return p.withSession(ctx, client, func(ctx context.Context, s *wamp.Session) error {
				id, err := ref.find(ctx, s)
				if err != nil {
					return err
				}
				for _, member := range members {
					if err := k.remove(ctx, s, id, member, reason); err != nil {
						return fmt.Errorf("session %d: %w", member, err)
					}
				}
				return nil
			})
		}),
	}
	ref.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "`URI` that says why")
	return cmd
}
