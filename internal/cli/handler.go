package cli

import (
	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
)

// handlerFlags are the flags that subscribe and register share.
type handlerFlags struct {
	match string
	named optionFlags
}

// add defines the flags for the command that sends the message called message.
func (h *handlerFlags) add(cmd *cobra.Command, message string) {
	cmd.Flags().StringVar(&h.match, "match", "", "how the URI matches: exact, prefix or wildcard (default: a dot at its end makes it a prefix, an empty component or a {name} a wildcard)")
	cmd.Flags().StringArrayVar((*[]string)(&h.named), "option", nil, "an option of "+message+" as `NAME=VALUE`; repeatable")
	complete(cmd, "match", "exact", "prefix", "wildcard")
}

// handlerOption is what wamp.Match returns and wamp.Option too.
type handlerOption interface {
	wamp.RegisterOption
	wamp.SubscribeOption
}

func (h *handlerFlags) options() ([]handlerOption, error) {
	var opts []handlerOption
	switch h.match {
	case "":
	case "exact":
		opts = append(opts, wamp.Match(wamp.Exact))
	case "prefix":
		opts = append(opts, wamp.Match(wamp.Prefix))
	case "wildcard":
		opts = append(opts, wamp.Match(wamp.Wildcard))
	default:
		return nil, usagef("--match %s: want exact, prefix or wildcard", h.match)
	}
	named, err := h.named.parse()
	for _, o := range named {
		opts = append(opts, o)
	}
	return opts, err
}
