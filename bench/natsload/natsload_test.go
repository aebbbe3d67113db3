package natsload

import (
	"context"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestScenarios(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- Serve(ctx, "127.0.0.1", port) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	for {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			c.Close()
			break
		}
		select {
		case err := <-served:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	for _, scenario := range []string{"call", "callers", "pipeline", "large", "fanout", "paced", "topics", "join", "idle"} {
		t.Run(scenario, func(t *testing.T) {
			c := Config{
				URL: "nats://" + l.Addr().String(), Scenario: scenario, PID: os.Getpid(),
				Clients: 5, Window: 8, Publishers: 1, Topics: 10, Payload: 32,
				Warmup: 100 * time.Millisecond, Duration: 500 * time.Millisecond,
			}
			if scenario == "paced" {
				c.Rate = 200
			}
			r, err := Run(t.Context(), c)
			if runtime.GOOS != "linux" {
				if err == nil || !strings.Contains(err.Error(), runtime.GOOS) {
					t.Errorf("error %v, want one that names the system", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Operations == 0 || r.Lost != 0 || r.Router.CPUMicros <= 0 {
				t.Errorf("got %+v", r)
			}
		})
	}
	if _, err := Run(t.Context(), Config{Scenario: "none"}); err == nil {
		t.Error("an unknown scenario was accepted")
	}
}
