package cli

import (
	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
)

// matchFlag says how a URI matches.
func matchFlag() choice[wamp.MatchPolicy] {
	return choice[wamp.MatchPolicy]{
		words:  []string{"exact", "prefix", "wildcard"},
		values: []wamp.MatchPolicy{wamp.Exact, wamp.Prefix, wamp.Wildcard},
	}
}

// handlerFlags are the flags that subscribe and register share.
type handlerFlags struct {
	match choice[wamp.MatchPolicy]
	shard key
	named optionFlags
}

// add defines the flags for the command that sends the message called message.
func (h *handlerFlags) add(cmd *cobra.Command, message, shard string) {
	h.match = matchFlag()
	h.match.add(cmd, "match", "how the URI matches: exact, prefix or wildcard (default: a dot at its end makes it a prefix, an empty component or a {name} a wildcard)")
	cmd.Flags().Var(&h.shard, "shard", shard)
	cmd.Flags().StringArrayVar((*[]string)(&h.named), "option", nil, "an option of "+message+" as `NAME=VALUE`; repeatable")
}

// options returns what the flags say. What wamp.Option returns is a
// wamp.HandlerOption, too.
func (h *handlerFlags) options() ([]wamp.HandlerOption, error) {
	var opts []wamp.HandlerOption
	if policy, ok := h.match.value(); ok {
		opts = append(opts, wamp.Match(policy))
	}
	if h.shard.given {
		opts = append(opts, keyOption(&h.shard, wamp.Shard[int64], wamp.Shard[string]))
	}
	named, err := h.named.parse()
	for _, o := range named {
		opts = append(opts, o)
	}
	return opts, err
}
