package cli

import (
	"context"
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
)

// answerFlags say how a procedure answers.
type answerFlags struct {
	echo     bool
	constant string
	command  bool
	json     bool
	progress bool
}

// sharingFlags are the options of a registration.
type sharingFlags struct {
	handler     handlerFlags
	invoke      choice[wamp.InvokePolicy]
	concurrency int
	force       bool
	disclose    bool
}

func (f *sharingFlags) add(cmd *cobra.Command) {
	f.handler.add(cmd, "REGISTER", "of calls with --partition, get those whose keys this session owns under the name `KEY`")
	f.invoke = choice[wamp.InvokePolicy]{
		words:  []string{"single", "roundrobin", "random", "first", "last", "partition"},
		values: []wamp.InvokePolicy{wamp.Single, wamp.RoundRobin, wamp.Random, wamp.First, wamp.Last, wamp.Partitioned},
	}
	f.invoke.add(cmd, "invoke", "who of several sessions gets a call: single, roundrobin, random, first, last or partition (default single)")
	flags := cmd.Flags()
	flags.IntVar(&f.concurrency, "concurrency", 0, fmt.Sprintf("calls to answer at the same time (default 1024, of commands %d)", commandConcurrency))
	flags.BoolVar(&f.force, "force", false, "take the procedure from whoever has it")
	flags.BoolVar(&f.disclose, "disclose-caller", false, "ask the router to tell who calls")
}

// options returns what the flags say. command says that each call starts one.
func (f *sharingFlags) options(command bool) ([]wamp.RegisterOption, error) {
	list, err := f.handler.options()
	if err != nil {
		return nil, err
	}
	var opts []wamp.RegisterOption
	for _, o := range list {
		opts = append(opts, o)
	}
	if policy, ok := f.invoke.value(); ok {
		opts = append(opts, wamp.Invoke(policy))
	}
	if f.force {
		opts = append(opts, wamp.ForceReregister())
	}
	if f.disclose {
		opts = append(opts, wamp.DiscloseCaller())
	}
	switch {
	case f.concurrency < 0:
		return nil, usagef("--concurrency %d: want at least 1, or 0 for the default", f.concurrency)
	case f.concurrency > 0:
		opts = append(opts, wamp.Concurrency(f.concurrency))
	case command:
		opts = append(opts, wamp.Concurrency(commandConcurrency))
	}
	return opts, nil
}

func (p *process) registerCommand() *cobra.Command {
	var (
		client  clientFlags
		sharing sharingFlags
		answer  answerFlags
		count   uint64
	)
	cmd := &cobra.Command{
		Use:   "register PROCEDURE {--echo | --constant JSON | --command -- COMMAND...}",
		Short: "Serve a procedure with an echo, a constant or a command",
		Long: `Register a procedure and answer its calls, until Ctrl-C, or until --count calls
have been answered. Standard error says when the procedure is in place.

  --echo        returns the arguments as they came
  --constant V  returns V: JSON if it is JSON, else text
  --command     runs what follows -- for each call

A command gets a single text or binary argument on its standard input as it is,
anything else as JSON. What it prints is the result: JSON if it is JSON, else
text without the line feed at its end, else binary. With --json it reads and
prints an object of the form {"args": [...], "kwargs": {...}}. When its exit code
is not 0, the caller gets the error wamp.error.runtime_error with what it wrote to
standard error, and the keyword argument exit_code. When the caller cancels, the
command is terminated.

With --progress each line that a command prints is sent at once, as a progressive
result, to callers that ask for these; the result itself then is nothing.

Several sessions may serve a procedure when all of them register it with the same
--invoke: roundrobin, random, first, last; or partition, by which each caller's
--partition KEY decides. --concurrency is how many calls the session takes at a
time: those beyond it go to others, or wait at the router. --force takes the procedure
from whoever has it.

These are in the environment of a command:

  WAMPETER_ARGS       positional arguments, a JSON list, if it is no longer than 64 KiB
  WAMPETER_KWARGS     keyword arguments, a JSON object, likewise
  WAMPETER_PROCEDURE  URI that was called
  WAMPETER_CALLER     session that calls, when the router tells`,
		Example: `  wampeter register com.example.echo --echo
  wampeter register com.example.version --constant '"1.2.3"'
  wampeter register com.example.upper --command -- tr a-z A-Z
  wampeter register com.example.disk --command -- df --output=pcent /
  wampeter register com.example.next --command --json -- jq -c '{args: [.args[0] + 1]}'
  wampeter register com.example.log --command --progress -- tail -f /var/log/messages
  wampeter register com.example.sort --invoke random --concurrency 2 --command -- sort
  wampeter register com.example.order. --invoke partition --shard a --echo
  wampeter register com.example.once --echo --count 1 --timeout 10s`,
		Args: cobra.MinimumNArgs(1),
	}
	cmd.RunE = p.action(func(ctx context.Context, args []string) error {
		h, err := answer.handler(cmd, args)
		if err != nil {
			return err
		}
		opts, err := sharing.options(answer.command)
		if err != nil {
			return err
		}
		return p.withSession(ctx, &client, func(ctx context.Context, s *wamp.Session) error {
			c := &counting{handler: h, count: count, end: make(chan struct{})}
			r, err := s.Register(ctx, args[0], c, opts...)
			if err != nil {
				return err
			}
			fmt.Fprintf(p.stderr, "registered; Ctrl-C ends\n")
			return c.wait(ctx, s, r)
		})
	})
	client.add(cmd, "end after this `TIME` (default never)")
	sharing.add(cmd)
	f := cmd.Flags()
	f.BoolVar(&answer.echo, "echo", false, "return the arguments")
	f.StringVar(&answer.constant, "constant", "", "return this `VALUE`")
	f.BoolVar(&answer.command, "command", false, "run the command after -- for each call")
	f.BoolVar(&answer.json, "json", false, "the command reads and prints args and kwargs as JSON")
	f.BoolVar(&answer.progress, "progress", false, "send each line of the command's output at once")
	f.Uint64Var(&count, "count", 0, "end after this many calls (0: never)")
	cmd.MarkFlagsMutuallyExclusive("echo", "constant", "command")
	cmd.MarkFlagsOneRequired("echo", "constant", "command")
	cmd.MarkFlagsMutuallyExclusive("json", "progress")
	return cmd
}

// handler returns the handler that the flags and arguments describe.
func (a *answerFlags) handler(cmd *cobra.Command, args []string) (wamp.Handler, error) {
	if a.command {
		if cmd.ArgsLenAtDash() != 1 || len(args) < 2 {
			return nil, usagef("--command: write the command after --, as in: register %s --command -- date", args[0])
		}
		form := commandValues
		switch {
		case a.json:
			form = commandJSON
		case a.progress:
			form = commandLines
		}
		return newCommandHandler(args[1:], form)
	}
	switch {
	case len(args) > 1:
		return nil, usagef("register takes one procedure, and %q follows it", args[1])
	case a.json:
		return nil, usagef("--json needs --command")
	case a.progress:
		return nil, usagef("--progress needs --command")
	case a.echo:
		return wamp.HandlerFunc(func(_ context.Context, inv *wamp.Invocation) (wamp.Result, error) {
			return wamp.Result{Payload: inv.Payload}, nil
		}), nil
	}
	constant := wamp.Return(wamp.Args{parseValue(a.constant)})
	return wamp.HandlerFunc(func(context.Context, *wamp.Invocation) (wamp.Result, error) {
		return constant, nil
	}), nil
}

// counting is a handler that ends the command after a number of calls.
type counting struct {
	handler wamp.Handler
	count   uint64 // 0: no end

	mu       sync.Mutex
	begun    uint64
	answered uint64
	end      chan struct{} // closed when count calls were answered
}

// Invoke answers one call. Calls beyond the count, which reach this end before
// the router knows, are answered as if nobody served the procedure.
func (c *counting) Invoke(ctx context.Context, inv *wamp.Invocation) (wamp.Result, error) {
	c.mu.Lock()
	c.begun++
	late := c.count > 0 && c.begun > c.count
	c.mu.Unlock()
	if late {
		return wamp.Result{}, wamp.Errorf(wamp.ErrUnavailable, "the procedure has answered its last call")
	}
	// The library ends the context once the answer is on its way. To say
	// GOODBYE before would lose it.
	defer func() { context.AfterFunc(ctx, c.done) }()
	return c.handler.Invoke(ctx, inv)
}

func (c *counting) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answered++; c.answered == c.count {
		close(c.end)
	}
}

func (c *counting) wait(ctx context.Context, s *wamp.Session, r *wamp.Registration) error {
	select {
	case <-c.end:
		return nil
	case <-s.Done():
		return s.Err()
	case <-r.Done():
		if err := s.Err(); err != nil {
			return err
		}
		return fmt.Errorf("the router has ended the registration of %s", r.Procedure())
	case <-ctx.Done():
		return waited(ctx, s, c.count > 0, fmt.Sprintf("waiting for %d calls", c.count))
	}
}
