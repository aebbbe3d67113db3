package cli

import (
	"context"
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
)

// subscribing is one run of the command subscribe.
type subscribing struct {
	topics []string
	opts   []wamp.SubscribeOption
	count  uint64 // events to wait for; 0: no end
	out    *printer

	mu     sync.Mutex
	seen   uint64
	failed error
	end    chan struct{} // closed when count events were printed, or one could not be
	ended  bool
}

func (p *process) subscribeCommand() *cobra.Command {
	var (
		client  clientFlags
		output  outputFlags
		handler handlerFlags
		count   uint64
	)
	cmd := &cobra.Command{
		Use:   "subscribe TOPIC...",
		Short: "Print the events of topics",
		Long: `Subscribe to topics and print each event as a line, until Ctrl-C, or until
--count events have come. Standard error says when the subscriptions are in
place.

As a rule an event is printed as its topic and its arguments. --json makes an
object with topic, publication, args and kwargs of it; --raw leaves only the
arguments. See 'wampeter help output'.`,
		Example: `  wampeter subscribe demo.tick --count 3
  wampeter subscribe com.example.door com.example.window --json | jq .args
  wampeter subscribe com.example.                 every topic that begins so
  wampeter subscribe com..login                   any component in the middle
  wampeter subscribe com.example.done --count 1 --timeout 1m || echo "nothing came"`,
		Args: cobra.MinimumNArgs(1),
		RunE: p.action(func(ctx context.Context, args []string) error {
			opts, err := handler.options()
			if err != nil {
				return err
			}
			sub := &subscribing{topics: args, count: count, out: p.printer(output), end: make(chan struct{})}
			for _, o := range opts {
				sub.opts = append(sub.opts, o)
			}
			return p.withSession(ctx, &client, func(ctx context.Context, s *wamp.Session) error {
				return sub.run(ctx, s, func() {
					fmt.Fprintf(p.stderr, "subscribed; Ctrl-C ends\n")
				})
			})
		}),
	}
	client.add(cmd, "end after this `TIME` (default never)")
	output.add(cmd)
	handler.add(cmd, "SUBSCRIBE")
	cmd.Flags().Uint64Var(&count, "count", 0, "end after this many events (0: never)")
	return cmd
}

// run subscribes, calls ready, and prints events until it is over.
func (sub *subscribing) run(ctx context.Context, s *wamp.Session, ready func()) error {
	revoked := make(chan string, len(sub.topics))
	var watching sync.WaitGroup
	over := make(chan struct{})
	defer watching.Wait()
	defer close(over)
	for _, topic := range sub.topics {
		subscription, err := s.Subscribe(ctx, topic, wamp.EventFunc(sub.handle), sub.opts...)
		if err != nil {
			return err
		}
		watching.Go(func() {
			select {
			case <-subscription.Done():
				revoked <- topic
			case <-over:
			}
		})
	}
	ready()
	select {
	case <-sub.end:
		return sub.failed
	case <-s.Done():
		return s.Err()
	case topic := <-revoked:
		if err := s.Err(); err != nil {
			return err
		}
		return fmt.Errorf("the router has ended the subscription to %s", topic)
	case <-ctx.Done():
		return waited(ctx, s, sub.count > 0, fmt.Sprintf("waiting for %d events", sub.count))
	}
}

func (sub *subscribing) handle(_ context.Context, e *wamp.EventInfo) error {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.ended {
		return nil
	}
	sub.seen++
	sub.failed = sub.out.event(e)
	if sub.failed != nil || sub.seen == sub.count {
		sub.ended = true
		close(sub.end)
	}
	return nil
}
