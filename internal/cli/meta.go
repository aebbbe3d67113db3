package cli

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
)

// metaCommand makes a command that is nothing but the name of others, which
// share the flags of client.
func metaCommand(cmd *cobra.Command, client *clientFlags, commands ...*cobra.Command) *cobra.Command {
	client.define(cmd, cmd.PersistentFlags(), "give up after this `TIME` (default no limit)")
	return groupCommand(cmd, commands...)
}

// groupCommand makes a command that is nothing but the name of others.
func groupCommand(cmd *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	cmd.Use += " COMMAND"
	cmd.DisableFlagsInUseLine = true
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(commands...)
	return cmd
}

// maxQueries is how many questions about single sessions, registrations or
// subscriptions are under way at the same time.
const maxQueries = 32

// askEach asks for what each ID stands for. Those that the router does not
// know any more are left out.
func askEach[T any](ctx context.Context, ids []uint64, gone wamp.URI, get func(context.Context, uint64) (T, error)) ([]T, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	found := make([]*T, len(ids))
	var (
		next    atomic.Int64
		working sync.WaitGroup
	)
	for range min(maxQueries, len(ids)) {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(ids)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				v, err := get(ctx, ids[i])
				switch {
				case err == nil:
					found[i] = &v
				case !errors.Is(err, gone):
					cancel(err) // the first one counts
				}
			}
		})
	}
	working.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	list := make([]T, 0, len(ids))
	for _, v := range found {
		if v != nil {
			list = append(list, *v)
		}
	}
	return slices.Clip(list), nil
}

// parseIDArgument reads an ID among the arguments of a command.
func parseIDArgument(text string) (uint64, error) {
	id, err := parseID(text)
	if err != nil {
		return 0, usagef("%s: %w", text, err)
	}
	return id, nil
}

func idJSON(id uint64) []byte { return strconv.AppendUint(nil, id, 10) }
