// Progress shows a long call as a progress bar: the procedure sends how far it
// is, the caller draws, and Ctrl-C cancels the work at its other end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/wampeter/wampeter/wamp"
	"github.com/wampeter/wampeter/wamp/app"
)

func main() {
	url := flag.String("url", wamp.DefaultURL, "URL of the router")
	serve := flag.Bool("serve", false, "be the one who works")
	files := flag.Int("files", 40, "how much to do")
	flag.Parse()
	d := &wamp.Dialer{URLs: []string{*url}}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	work := func() error { return download(ctx, d, *files, os.Stdout) }
	if *serve {
		work = func() error {
			a, err := worker(50 * time.Millisecond)
			if err != nil {
				return err
			}
			a.OnReady(func(context.Context, *wamp.Session) error {
				fmt.Println("ready to work")
				return nil
			})
			return a.Run(ctx, d)
		}
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// step is a progressive result.
type step struct {
	Done int    `wamp:"0"`
	Of   int    `wamp:"1"`
	File string `wamp:"file"`
}

const procedure = "com.example.progress.download"

// worker returns an App that copies files, so to speak: each takes a while.
func worker(each time.Duration) (*app.App, error) {
	a := app.New("com.example.progress")
	err := a.Register("download", wamp.Streaming(func(ctx context.Context, files int, send func(step) error) (string, error) {
		if files < 1 {
			return "", wamp.Errorf(wamp.ErrInvalidArgument, "%d files: at least one is needed", files)
		}
		ticks := time.NewTicker(each)
		defer ticks.Stop()
		for i := range files {
			select {
			case <-ticks.C:
			case <-ctx.Done(): // the caller has had enough, or has gone
				return "", ctx.Err()
			}
			if err := send(step{i + 1, files, fmt.Sprintf("file%d", i+1)}); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("%d files", files), nil
	}), wamp.Concurrency(4))
	return a, err
}

// download calls the procedure and draws its progress.
func download(ctx context.Context, d *wamp.Dialer, files int, out io.Writer) error {
	s, err := d.Dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close(context.WithoutCancel(ctx)) }()
	call := wamp.CallStream[step, string](ctx, s, procedure, wamp.Args{files})
	for p := range call.Progress() {
		_, _ = fmt.Fprintf(out, "\r%s", bar(p))
	}
	_, _ = fmt.Fprintln(out)
	result, err := call.Result()
	if errors.Is(err, wamp.ErrCanceled) {
		return errors.New("canceled: the worker has stopped as well")
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "downloaded", result)
	return err
}

// bar draws how far it is.
func bar(p step) string {
	const width = 30
	full := width * p.Done / p.Of
	return fmt.Sprintf("[%s%s] %3d%% %s", strings.Repeat("#", full), strings.Repeat(".", width-full), 100*p.Done/p.Of, p.File)
}
