// Counter counts words of any number in several processes: each key has one
// process that keeps its count, chosen by the router, and a sum asks all.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/app"
)

func main() {
	url := flag.String("url", wamp.DefaultURL, "URL of the router")
	node := flag.String("serve", "", "keep a share of the counts, under this name")
	flag.Parse()
	d := &wamp.Dialer{URLs: []string{*url}}
	if err := run(d, *node, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(d *wamp.Dialer, node string, words []string) error {
	ctx := context.Background()
	if node == "" {
		return count(ctx, d, words, os.Stdout)
	}
	a, err := shard(node)
	if err != nil {
		return err
	}
	a.Signals = []os.Signal{os.Interrupt}
	a.OnReady(func(context.Context, *wamp.Session) error {
		fmt.Println("node", node, "counts")
		return nil
	})
	return a.Run(ctx, d)
}

// counts are those of one process.
type counts struct {
	node string
	mu   sync.Mutex
	of   map[string]int
}

// share is what one process says about itself.
type share struct {
	Node string `wamp:"node"`
	Keys int    `wamp:"keys"`
	Sum  int    `wamp:"sum"`
}

// shard returns the App of one process. All of them register the same
// procedures; the router gives each a share of the keys.
//
// A node keeps its share under its name: when it comes back, it owns the keys
// that it owned before. Counts are in memory alone; a real one would keep them
// where its name leads to.
func shard(node string) (*app.App, error) {
	c := &counts{node: node, of: make(map[string]int)}
	a := app.New("com.example.counter", wamp.ProcedureDefaults(wamp.Invoke(wamp.Partitioned), wamp.Shard(node)))
	err := errors.Join(
		a.Register("add", wamp.Func2(c.add)),
		a.Register("share", wamp.Func0(c.share)),
	)
	return a, err
}

func (c *counts) add(_ context.Context, key string, n int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[key] += n
	return c.of[key], nil
}

func (c *counts) share(context.Context) (share, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := share{Node: c.node, Keys: len(c.of)}
	for _, n := range c.of {
		s.Sum += n
	}
	return s, nil
}

// count counts words, and prints what each process has.
func count(ctx context.Context, d *wamp.Dialer, words []string, out io.Writer) error {
	s, err := d.Dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close(ctx) }()
	for _, word := range words { // each to the one process that owns it
		n, err := wamp.Call[int](ctx, s, "com.example.counter.add", wamp.Args{word, 1}, wamp.Partition(word))
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "%s %d\n", word, n)
	}
	keys, sum := 0, 0
	for r, err := range wamp.CallAll[share](ctx, s, "com.example.counter.share") {
		switch {
		case err != nil && r.Callee == 0:
			return err // the call as a whole
		case err != nil:
			_, _ = fmt.Fprintf(out, "session %d does not answer: %v\n", r.Callee, err)
		default:
			keys += r.Value.Keys
			sum += r.Value.Sum
		}
	}
	_, err = fmt.Fprintf(out, "%d words, %d different\n", sum, keys)
	return err
}
