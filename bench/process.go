package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// A process is a router that runs pinned to its core.
type process struct {
	cmd   *exec.Cmd
	log   tail
	ended chan struct{}
}

// start runs a command pinned to a core. Programs in Go use one thread for Go
// code, since there is one core.
func start(core int, dir string, env []string, argv ...string) (*process, error) {
	argv = as("pin", append([]string{strconv.Itoa(core)}, argv...)...)
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), ended: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(append(os.Environ(), "GOMAXPROCS=1"), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.WaitDelay = time.Second
	// A pipe that is never written to: programs that end with their input live on.
	if _, err := p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // the log says why
		close(p.ended)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// alive returns an error when the process has ended by itself, or does so now.
func (p *process) alive() error {
	select {
	case <-p.ended:
		return fmt.Errorf("the process has ended (%v): %s", p.cmd.ProcessState, p.log.String())
	case <-time.After(200 * time.Millisecond):
		return nil
	}
}

// stop ends the process, first by asking it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// await waits until somebody listens at the address and, with a greeting,
// answers it.
func (p *process) await(ctx context.Context, address string, greeting []byte) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if answers(ctx, address, greeting) {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-p.ended:
			return fmt.Errorf("%s ended: %s", p.cmd.Args[4], p.log.String())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer at %s: %s", p.cmd.Args[4], address, p.log.String())
		}
	}
}

func answers(ctx context.Context, address string, greeting []byte) bool {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer c.Close()
	if greeting == nil {
		return true
	}
	if _, err := c.Write(greeting); err != nil {
		return false
	}
	if err := c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return false
	}
	_, err = c.Read(make([]byte, 1))
	return err == nil
}

// rawSocket greets a RawSocket router: 16 MiB, JSON.
var rawSocket = []byte{0x7f, 0xf1, 0, 0}

// freeAddress is a loopback address that nobody listens at, a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if len(t.b) > 8<<10 {
		t.b = append(t.b[:0], t.b[len(t.b)-4<<10:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.b))
}

// generate runs a generator on its core and reads its report.
func generate(ctx context.Context, core int, argv []string) (*report, error) {
	argv = as("pin", append([]string{strconv.Itoa(core)}, argv...)...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		return nil, fmt.Errorf("the generator's report: %w", err)
	}
	return &r, nil
}

// report is what is read of a generator's report.
type report struct {
	Operations int64   `json:"operations"`
	PerSecond  float64 `json:"per_second"`
	Errors     int64   `json:"errors"`
	FirstError string  `json:"first_error"`
	Lost       int64   `json:"lost"`
	Generator  float64 `json:"generator_cpu_us"`
	Router     struct {
		CPUMicros       float64 `json:"cpu_us"`
		CPUShare        float64 `json:"cpu_share"`
		BytesPerSession float64 `json:"bytes_per_session"`
	} `json:"router"`
	Latency *struct {
		P50 float64 `json:"p50_us"`
		P99 float64 `json:"p99_us"`
		Max float64 `json:"max_us"`
	} `json:"latency"`
}
