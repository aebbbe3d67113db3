package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/meta"
)

// subscribing is one run of the command subscribe.
type subscribing struct {
	topics  []string
	opts    []wamp.SubscribeOption
	history int    // events of the past to begin with
	count   uint64 // events to wait for; 0: no end
	out     *printer

	past  map[occurrence]bool // printed from the history; not changed once begun is closed
	begun chan struct{}       // closed when the history has been printed

	mu     sync.Mutex
	seen   uint64
	failed error
	end    chan struct{} // closed when count events were printed, or one could not be
	ended  bool
}

// occurrence is an event of a subscription.
type occurrence struct{ subscription, publication uint64 }

func (p *process) subscribeCommand() *cobra.Command {
	var (
		client  clientFlags
		output  outputFlags
		handler handlerFlags
		count   uint64
		history int
		retain  bool
	)
	cmd := &cobra.Command{
		Use:   "subscribe TOPIC...",
		Short: "Print the events of topics",
		Long: `Subscribe to topics and print each event as a line, until Ctrl-C, or until
--count events have come. Standard error says when the subscriptions are in
place.

As a rule an event is printed as its topic and its arguments. --json makes an
object with topic, publication, args and kwargs of it; --raw leaves only the
arguments. See 'wampeter help output'.

--retained begins with the last event of the topic that the publisher had the router
keep, or of each topic that a pattern matches. --history N begins with the last N
events, if the router has been set up to keep those of this topic or pattern; in
JSON they have a timestamp. No event is printed twice, and none is missing between.`,
		Example: `  wampeter subscribe demo.tick --count 3
  wampeter subscribe com.example.door com.example.window --json | jq .args
  wampeter subscribe com.example.                 every topic that begins so
  wampeter subscribe com..login                   any component in the middle
  wampeter subscribe com.example.state --retained --count 1 --raw
  wampeter subscribe com.example.log --history 10            with the last ten
  wampeter subscribe com.example.order --shard a       a share of what has a partition
  wampeter subscribe wamp.session. --json          who joins and leaves
  wampeter subscribe com.example.done --count 1 --timeout 1m || echo "nothing came"`,
		Args: cobra.MinimumNArgs(1),
		RunE: p.action(func(ctx context.Context, args []string) error {
			opts, err := handler.options()
			if err != nil {
				return err
			}
			if history < 0 {
				return usagef("--history %d: want a number of events", history)
			}
			sub := &subscribing{
				topics: args, history: history, count: count, out: p.printer(output),
				past: make(map[occurrence]bool), begun: make(chan struct{}), end: make(chan struct{}),
			}
			if retain {
				sub.opts = append(sub.opts, wamp.GetRetained())
			}
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
	handler.add(cmd, "SUBSCRIBE", "of events with --partition, get those whose keys this session owns under the name `KEY`")
	cmd.Flags().BoolVar(&retain, "retained", false, "begin with the event that the router keeps")
	cmd.Flags().IntVar(&history, "history", 0, "begin with this many events of the past")
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
		if sub.history > 0 {
			if err := sub.replay(ctx, s, subscription); err != nil {
				return err
			}
		}
	}
	close(sub.begun)
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

// replay prints the last events of a subscription.
func (sub *subscribing) replay(ctx context.Context, s *wamp.Session, of *wamp.Subscription) error {
	events, err := meta.History(ctx, s, of.ID(), meta.Reverse(), meta.Limit(sub.history))
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(events) {
		sub.past[occurrence{of.ID(), e.Publication}] = true
		sub.print(&wamp.EventInfo{
			Payload:     e.Payload,
			Publication: e.Publication,
			Topic:       cmp.Or(e.Topic, of.Topic()),
			Publisher:   e.Publisher,
		}, field{"timestamp", quoted(e.Time.UTC().Format(time.RFC3339Nano))})
	}
	return nil
}

// handle prints an event, once those of the past have been.
func (sub *subscribing) handle(ctx context.Context, e *wamp.EventInfo) error {
	select {
	case <-sub.begun:
	case <-ctx.Done():
		return nil
	}
	if !sub.past[occurrence{e.Subscription.ID(), e.Publication}] {
		sub.print(e)
	}
	return nil
}

// print prints an event, unless enough have been.
func (sub *subscribing) print(e *wamp.EventInfo, more ...field) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.ended {
		return
	}
	sub.seen++
	sub.failed = sub.out.event(e, more...)
	if sub.failed != nil || sub.seen == sub.count {
		sub.ended = true
		close(sub.end)
	}
}
