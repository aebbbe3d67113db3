package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/config"
	"github.com/wampeter/wampeter/wamp"
)

func (p *process) reloadCommand() *cobra.Command {
	var (
		client clientFlags
		pid    int
	)
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have a running router read its configuration again",
		Long: `Have a running router read its configuration file again, and print what has changed.
A file that is wrong changes nothing: its mistakes are printed, and the exit code is 1.

It calls the procedure wampeter.reload. The configuration has to name the realm for it
by admin.realm, and a rule in that realm has to allow the call.

With --pid it sends the signal SIGHUP instead, which needs no configuration but gives
no answer: what comes of it is in the router's log.`,
		Example: `  wampeter reload --realm admin --authid root --ticket file:root.ticket
  wampeter reload --profile production
  wampeter reload --pid "$(pidof wampeter)"`,
		Args: cobra.NoArgs,
		RunE: p.action(func(ctx context.Context, _ []string) error {
			switch {
			case pid < 0: // which would be a group of processes
				return usagef("--pid %d: want the ID of a process", pid)
			case pid > 0:
				return hangup(pid)
			}
			return p.withSession(ctx, &client, func(ctx context.Context, s *wamp.Session) error {
				report, err := wamp.Call[config.Report](ctx, s, string(config.ReloadProcedure))
				if err != nil {
					return err
				}
				return p.printReport(&report)
			})
		}),
	}
	client.add(cmd, "give up after this `TIME` (default no limit)")
	cmd.Flags().IntVar(&pid, "pid", 0, "send SIGHUP to the process with this `ID`")
	return cmd
}

// hangup sends SIGHUP.
func hangup(pid int) error {
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Signal(syscall.SIGHUP)
	}
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return fmt.Errorf("there is no process %d", pid)
	case err != nil:
		return fmt.Errorf("process %d: %w", pid, err)
	}
	return nil
}

// printReport prints what a reload has changed, a path a line.
func (p *process) printReport(r *config.Report) error {
	var b strings.Builder
	if len(r.Changed) == 0 {
		b.WriteString("nothing has changed\n")
	}
	for _, path := range r.Changed {
		b.WriteString(path + "\n")
	}
	_, err := fmt.Fprint(p.stdout, b.String())
	return err
}
