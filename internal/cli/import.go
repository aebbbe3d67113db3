package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/config"
)

func (p *process) importCommand() *cobra.Command {
	return groupCommand(&cobra.Command{
		Use:   "import",
		Short: "Make a configuration file of another router's",
		Long: `Make a configuration file of another router's. What cannot be carried over is listed
on standard error, and in comments in front of the file.`,
		Example: `  wampeter import crossbar .crossbar/config.json > wampeter.yaml`,
	}, &cobra.Command{
		Use:   "crossbar FILE",
		Short: "Make a configuration file of a Crossbar.io node's",
		Long: `Read the node configuration of a Crossbar.io router, JSON or YAML, and print the
configuration file that does the same: listeners, realms, roles with their rules,
users of all methods, dynamic authenticators and authorizers, history, limits.

What cannot be carried over is listed on standard error, and in comments in front of
the file. Secrets are printed as they are.`,
		Example: `  wampeter import crossbar .crossbar/config.json > wampeter.yaml
  wampeter import crossbar config.yaml | wampeter check /dev/stdin`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"json", "yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: p.action(func(_ context.Context, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			data, err := io.ReadAll(io.LimitReader(f, maxInput+1))
			if err != nil {
				return err
			}
			imported, err := config.ImportCrossbar(args[0], data)
			if err != nil {
				return err
			}
			for _, m := range imported.Lost {
				fmt.Fprintln(p.stderr, m)
			}
			return imported.Write(p.stdout)
		}),
	})
}
