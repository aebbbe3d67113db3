// Package cli is the command wampeter: its subcommands, how they read their
// arguments, and how they print what comes back. What the commands do is done
// by packages router, wamp and loadgen.
//
// Each command is a file with a function that returns its cobra.Command. What
// client commands share is in client.go (flags, dialing), args.go (arguments of
// calls and events), flags.go (kinds of flags), output.go and table.go (forms of
// output) and exit.go (exit codes). The commands on the meta API share meta.go, and
// those on registrations and subscriptions kind.go.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Main runs wampeter with the arguments args, without the program's name, and
// returns its exit code.
//
// The first SIGINT or SIGTERM ends the command in an orderly way, the second
// one at once.
func Main(args []string) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	hangups := make(chan os.Signal, 1)
	if len(args) > 0 && args[0] == "run" { // others end with their terminal
		signal.Notify(hangups, syscall.SIGHUP)
		defer signal.Stop(hangups)
	}
	p := &process{
		stdin:   os.Stdin,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		getenv:  os.Getenv,
		environ: os.Environ,
		signals: signals,
		hangups: hangups,
	}
	return p.run(args)
}

// process is what a command has of the process that it runs in.
type process struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	environ        func() []string
	signals        <-chan os.Signal // to end
	hangups        <-chan os.Signal // to read the configuration again

	ctx     context.Context // ends with the first signal
	hurry   context.Context // ends with the second one; for farewells
	started bool            // the command line was understood
}

// run executes one command line and returns the exit code.
func (p *process) run(args []string) int {
	ctx, interrupt := context.WithCancel(context.Background())
	hurry, cut := context.WithCancel(context.Background())
	p.ctx, p.hurry = ctx, hurry
	var watching sync.WaitGroup
	done := make(chan struct{})
	watching.Go(func() {
		for _, act := range []func(){interrupt, cut} {
			select {
			case <-p.signals:
				act()
			case <-done:
				return
			}
		}
	})
	defer func() {
		close(done)
		watching.Wait()
		interrupt()
		cut()
	}()

	root := p.rootCommand()
	root.SetArgs(shieldNumbers(args))
	cmd, err := root.ExecuteC()
	if err == nil {
		return exitOK
	}
	var usage *usageError
	if !p.started || errors.As(err, &usage) {
		fmt.Fprintf(p.stderr, "wampeter: %v\nSee '%s --help'.\n", err, cmd.CommandPath())
		return exitUsage
	}
	printError(p.stderr, err)
	return exitCode(err)
}

// action makes the function that cobra runs of a command's own: from there on
// errors are no longer errors of the command line.
func (p *process) action(run func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		p.started = true
		return run(p.ctx, args)
	}
}

var negativeNumber = regexp.MustCompile(`^-[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// shieldNumbers puts a space before negative numbers, so that they are not
// taken for flags. To JSON the space means nothing.
func shieldNumbers(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if a == "--" {
			copy(out[i:], args[i:])
			break
		}
		if negativeNumber.MatchString(a) {
			a = " " + a
		}
		out[i] = a
	}
	return out
}

func (p *process) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "wampeter",
		Short: "A WAMP router, and a client for the shell",
		Long: `Wampeter routes WAMP calls and events between programs in any language, and
lets the shell take part: call procedures, serve them, publish and subscribe.`,
		Example: `  wampeter run --demo                   start a router that has something to call
  wampeter call demo.add2 2 3           call a procedure: 5
  wampeter subscribe demo.tick          see events
  wampeter sessions list                who is there
  wampeter help arguments               how arguments are written`,
		Version:       buildVersion(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetVersionTemplate("{{.Version}}\n")
	// The first line of usage has COMMAND already.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .HasAvailableSubCommands}}\n  {{.CommandPath}} [command]", "{{if and .HasAvailableSubCommands (not .Runnable)}}\n  {{.CommandPath}} [command]", 1))
	root.AddGroup(
		&cobra.Group{ID: groupRouter, Title: "Router:"},
		&cobra.Group{ID: groupClient, Title: "Client:"},
		&cobra.Group{ID: groupMeta, Title: "Who is there:"},
		&cobra.Group{ID: groupTool, Title: "Tools:"},
	)
	root.SetHelpCommandGroupID(groupTool)
	root.SetCompletionCommandGroupID(groupTool)
	for group, commands := range map[string][]*cobra.Command{
		groupRouter: {p.runCommand(), p.reloadCommand(), p.initCommand(), p.checkCommand(), p.canCommand(), p.configCommand(), p.importCommand()},
		groupClient: {p.callCommand(), p.publishCommand(), p.subscribeCommand(), p.registerCommand()},
		groupMeta:   {p.sessionsCommand(), p.registrationsCommand(), p.subscriptionsCommand()},
		groupTool:   {p.keygenCommand(), p.hashCommand(), p.tokenCommand(), p.benchCommand(), p.versionCommand()},
	} {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	root.AddCommand(helpTopics()...)
	sayArguments(root)
	return root
}

// sayArguments has a command and all beneath it say which arguments they want
// when they get others.
func sayArguments(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		sayArguments(sub)
	}
	check := cmd.Args
	if check == nil || cmd.HasSubCommands() {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		var own *usageError
		if err == nil || errors.As(err, &own) {
			return err
		}
		name, want, _ := strings.Cut(cmd.Use, " ")
		if want == "" {
			want = "no argument"
		}
		got := ", not " + strings.Join(args, " ")
		if len(args) == 0 {
			got = ""
		}
		return fmt.Errorf("%s: want %s%s", name, want, got)
	}
}

// Groups of commands in the help text.
const (
	groupRouter = "router"
	groupClient = "client"
	groupMeta   = "meta"
	groupTool   = "tool"
)

// isTerminal reports whether f is a terminal.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// colored reports whether what is written to f may have colors.
func (p *process) colored(f any) bool {
	return isTerminal(f) && p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb"
}
