package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/internal/loadgen"
)

func (p *process) benchCommand() *cobra.Command {
	var (
		config loadgen.Config
		list   bool
		asJSON bool
		chart  string
	)
	cmd := &cobra.Command{
		Use:   "bench SCENARIO",
		Short: "Load a WAMP router and measure",
		Long: `Load a router, whoever made it, and print what it did. The callers and the
callees, the publishers and the subscribers are all the generator's own: the
router only has to let anonymous clients join, call and publish.

The generator sends prepared frames and looks at answers only as far as it must,
so that it costs less than what it measures. --pid adds what the router's process
used.`,
		Example: `  wampeter bench --list
  wampeter bench pipeline --pid "$(pgrep -f 'wampeter run')"
  wampeter bench call --url tcp://127.0.0.1:8080 --serializer msgpack --payload 1024
  wampeter bench fanout --clients 200 --duration 10s --json
  wampeter bench idle --clients 1000 --pid 4711
  wampeter bench connections --pid 4711 --chart growth.svg`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case list && len(args) > 0:
				return usagef("--list takes no scenario")
			case !list && len(args) != 1:
				return usagef("want one scenario; 'wampeter bench --list' shows them")
			}
			return nil
		},
	}
	for _, s := range loadgen.Scenarios() {
		cmd.ValidArgs = append(cmd.ValidArgs, cobra.CompletionWithDesc(s.Name, s.Summary))
	}
	cmd.RunE = p.action(func(ctx context.Context, args []string) error {
		if list {
			return listScenarios(p.stdout)
		}
		if urls := strings.Fields(p.getenv(envURL)); len(urls) > 0 && !cmd.Flags().Changed("url") {
			config.URL = urls[0]
		}
		if realm := p.getenv(envRealm); realm != "" && !cmd.Flags().Changed("realm") {
			config.Realm = realm
		}
		config.Scenario = args[0]
		if !slices.ContainsFunc(loadgen.Scenarios(), func(s loadgen.Scenario) bool { return s.Name == args[0] }) {
			return usagef("there is no scenario %q; 'wampeter bench --list' shows them", args[0])
		}
		report, err := loadgen.Run(ctx, config)
		if err != nil {
			return fmt.Errorf("bench %s: %w", config.Scenario, err)
		}
		if chart != "" {
			if err := writeFile(chart, report.WriteChart); err != nil {
				return fmt.Errorf("--chart: %w", err)
			}
		}
		if asJSON {
			return report.WriteJSON(p.stdout)
		}
		return report.WriteText(p.stdout)
	})
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	config.AddFlags(flags)
	cmd.Flags().AddGoFlagSet(flags)
	cmd.Flags().BoolVar(&list, "list", false, "list the scenarios")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	cmd.Flags().StringVar(&chart, "chart", "", "`FILE` for the costs of the scenario connections, as SVG")
	complete(cmd, "kind", "text", "binary", "records")
	complete(cmd, "serializer", "cbor", "msgpack", "json")
	return cmd
}

// writeFile writes a file, which is not left behind when that fails.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func listScenarios(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range loadgen.Scenarios() {
		fmt.Fprintf(t, "%s\t%s\n", s.Name, s.Summary)
	}
	return t.Flush()
}
