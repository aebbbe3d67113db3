// Browser is a web server with a WAMP router in it: it serves a page, the page
// speaks WAMP by autobahn-js, and the program's own procedures are served
// without any connection.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/wampeter/wampeter/router"
	"github.com/wampeter/wampeter/wamp"
)

//go:embed page
var page embed.FS

func main() {
	listen := flag.String("listen", "localhost:8080", "address to listen on")
	modules := flag.String("modules", "examples/browser/node_modules", "folder where npm has put autobahn-browser")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *listen, *modules); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, modules string) error {
	library := modules + "/autobahn-browser/autobahn.min.js"
	if _, err := os.Stat(library); err != nil {
		return fmt.Errorf("%w: run npm ci --prefix examples/browser, or say where it is with --modules", err)
	}
	rt := router.New(router.Config{Realms: []string{"realm1"}, NoDefaultRealm: true})
	defer func() { _ = rt.Close() }()
	realm := rt.Realm("realm1")
	if err := realm.Mount("", procedures()); err != nil {
		return err
	}
	s, err := realm.Local()
	if err != nil {
		return err
	}
	handler, err := routes(rt, library)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	fmt.Printf("open http://%s/ in a browser\n", listen)
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	ticking := make(chan error, 1)
	ticks, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { ticking <- tick(ticks, s, time.Second) }()
	select {
	case err = <-stopped:
	case <-ctx.Done():
		err = errors.Join(rt.Shutdown(context.WithoutCancel(ctx)), server.Close(), ignoreClosed(<-stopped))
	}
	cancel()
	<-ticking
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// routes are the page, its library, and the router beside them.
func routes(rt *router.Router, library string) (http.Handler, error) {
	files, err := fs.Sub(page, "page")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(files))
	mux.HandleFunc("/autobahn.min.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, library) })
	mux.Handle("/ws", rt)
	return mux, nil
}

// procedures are what the program itself serves.
func procedures() *wamp.Registry {
	reg := wamp.NewRegistry("com.example.browser")
	_ = reg.Register("add2", wamp.Func2(func(_ context.Context, a, b int) (int, error) { return a + b, nil }))
	_ = reg.Register("work", wamp.Streaming(func(ctx context.Context, n int, send func(int) error) (string, error) {
		ticks := time.NewTicker(20 * time.Millisecond)
		defer ticks.Stop()
		for i := range n {
			select {
			case <-ticks.C:
			case <-ctx.Done(): // the page is closed
				return "", ctx.Err()
			}
			if err := send(i + 1); err != nil {
				return "", err
			}
		}
		return fmt.Sprint(n, " steps"), nil
	}))
	return reg
}

// tick publishes an event to all pages now and then.
func tick(ctx context.Context, s *wamp.Session, each time.Duration) error {
	ticks := time.NewTicker(each)
	defer ticks.Stop()
	for n := 1; ; n++ {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if _, err := s.Publish(ctx, "com.example.browser.tick", wamp.Args{n}); err != nil {
			return err
		}
	}
}
