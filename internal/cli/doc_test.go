package cli

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

// TestDocumentation holds docs/cli.md to the help texts. After a change of
// these, run it with -update.
func TestDocumentation(t *testing.T) {
	const path = "../../docs/cli.md"
	var b strings.Builder
	b.WriteString("# The command wampeter\n\n" +
		"This is what `wampeter help` says; `go test ./internal/cli -update` writes it anew.\n")
	root := plain().rootCommand()
	for _, group := range root.Groups() {
		for _, cmd := range root.Commands() {
			if cmd.GroupID == group.ID && cmd.Name() != "help" && cmd.Name() != "completion" {
				document(&b, cmd)
			}
		}
	}
	for _, cmd := range root.Commands() {
		if cmd.IsAdditionalHelpTopicCommand() {
			document(&b, cmd)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("docs/cli.md is not what the help texts say (-help +file):\n%s", diff)
	}
}

func document(b *strings.Builder, cmd *cobra.Command) {
	heading, title := "##", cmd.Short
	if cmd.Runnable() {
		title = cmd.CommandPath()
	}
	if cmd.Parent() != cmd.Root() {
		heading = "###"
	}
	fmt.Fprintf(b, "\n%s %s\n\n```text\n%s\n```\n", heading, title, cmd.Long)
	if cmd.Runnable() && !cmd.HasSubCommands() {
		fmt.Fprintf(b, "\nUsage: `%s`\n", cmd.UseLine())
	}
	fmt.Fprintf(b, "\nExamples:\n\n```sh\n%s\n```\n", dedent(cmd.Example))
	if flags := cmd.LocalFlags().FlagUsages(); cmd.Runnable() && flags != "" {
		fmt.Fprintf(b, "\nFlags:\n\n```text\n%s```\n", flags)
	}
	for _, sub := range cmd.Commands() {
		document(b, sub)
	}
}

// dedent takes the two spaces away that examples are set in by.
func dedent(text string) string {
	return strings.TrimPrefix(strings.ReplaceAll(text, "\n  ", "\n"), "  ")
}
