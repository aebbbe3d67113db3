package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/config"
	"github.com/wampeter/wampeter/internal/auth"
)

func (p *process) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Say what is wrong with a configuration file",
		Long: `Read a configuration file as 'wampeter run' would, the environment included, and
print all mistakes in it, each with file, line and column. The exit code is 1 when
there are any.

Files that the configuration names (certificates, keys, secrets) are read, too.
Addresses are not listened on.`,
		Example: `  wampeter check wampeter.yaml
  wampeter check wampeter.yaml && kill -HUP "$(pidof wampeter)"`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: p.action(func(ctx context.Context, args []string) error {
			_, err := config.Load(ctx, config.Source{File: args[0], Environ: p.environ(), Probe: true})
			if list := config.AsMistakes(err); list != nil {
				for _, m := range list {
					fmt.Fprintln(p.stdout, m)
				}
				return fmt.Errorf("%s: %s", args[0], count(len(list), "mistake"))
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(p.stderr, "%s: nothing is wrong\n", args[0])
			return nil
		}),
	}
}

// count writes a number of things.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func (p *process) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a configuration file to begin with",
		Long: `Write a configuration file in which everything that can be said is explained, to
FILE, which must not exist yet, or to standard output.

The sample has a realm with guests, who may call and subscribe, and a user joe, who
may do everything. joe's ticket is made anew each time, printed on standard error,
and kept in the file as a hash alone.`,
		Example: `  wampeter init wampeter.yaml
  wampeter init | less`,
		Args: cobra.MaximumNArgs(1),
		RunE: p.action(func(_ context.Context, args []string) error {
			ticket := auth.NewNonce()
			out := p.stdout
			if len(args) == 1 {
				f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
				if errors.Is(err, os.ErrExist) {
					return fmt.Errorf("%s exists already: choose another name, or remove it", args[0])
				}
				if err != nil {
					return err
				}
				defer func() { _ = f.Close() }()
				out = f
			}
			if err := config.WriteSample(out, auth.HashTicket(ticket, auth.DefaultTicketCost)); err != nil {
				return err
			}
			fmt.Fprintf(p.stderr, "The ticket of joe: %s\n", ticket)
			return nil
		}),
	}
}

func (p *process) configCommand() *cobra.Command {
	return groupCommand(&cobra.Command{
		Use:   "config",
		Short: "Show what is configured, and what can be",
		Long: `Show the configuration that a router would run with, or what can be said in a
configuration file.`,
		Example: `  wampeter config show --config wampeter.yaml
  wampeter config schema > wampeter.schema.json
  wampeter config reference`,
	}, p.configShowCommand(), p.configSchemaCommand(), p.configReferenceCommand())
}

func (p *process) configShowCommand() *cobra.Command {
	var (
		flags configFlags
		all   bool
	)
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration that is in force",
		Long: `Print the configuration that 'wampeter run' would run with, of the file, the
environment and flags: what listeners and realms inherit is with each of them. What
is as it would be without being said is left out, unless --all is given.

Secrets are not printed: of them it says where they are from.`,
		Example: `  wampeter config show
  wampeter config show --config wampeter.yaml --all`,
		Args: cobra.NoArgs,
		RunE: p.action(func(ctx context.Context, _ []string) error {
			c, err := flags.load(ctx, p)
			if err != nil {
				return err
			}
			return c.Write(p.stdout, all)
		}),
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "print also what is as it would be without being said")
	return cmd
}

func (p *process) configSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration file",
		Long: `Print a JSON Schema (draft 2020-12), by which editors complete and check
configuration files. Those that use yaml-language-server find it by a first line

  # yaml-language-server: $schema=wampeter.schema.json`,
		Example: `  wampeter config schema > wampeter.schema.json`,
		Args:    cobra.NoArgs,
		RunE: p.action(func(context.Context, []string) error {
			return config.WriteSchema(p.stdout)
		}),
	}
}

func (p *process) configReferenceCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "reference",
		Short:   "Print everything that a configuration file can say",
		Long:    `Print every key of the configuration file, as docs/configuration.md has it.`,
		Example: `  wampeter config reference | less`,
		Args:    cobra.NoArgs,
		RunE: p.action(func(context.Context, []string) error {
			return config.WriteReference(p.stdout)
		}),
	}
}
