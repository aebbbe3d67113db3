package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func (p *process) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print versions",
		Long:    "Print the versions of wampeter, of the Go that built it, and of the protocol.",
		Example: "  wampeter version",
		Args:    cobra.NoArgs,
		RunE: p.action(func(context.Context, []string) error {
			_, err := fmt.Fprintln(p.stdout, buildVersion())
			return err
		}),
	}
}

// buildVersion says in one line what was built of what.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return describe(info)
}

func describe(info *debug.BuildInfo) string {
	version := info.Main.Version
	if version == "" {
		version = "(devel)"
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	details := []string{"WAMP v2"}
	if commit := settings["vcs.revision"]; commit != "" {
		commit = "commit " + commit[:min(12, len(commit))]
		if settings["vcs.modified"] == "true" {
			commit += " with changes"
		}
		details = append(details, commit)
	}
	details = append(details, runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH)
	return "wampeter " + version + " (" + strings.Join(details, ", ") + ")"
}
