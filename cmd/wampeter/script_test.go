package main

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wampeter/wampeter/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"wampeter": func() { os.Exit(cli.Main(os.Args[1:])) },
	})
}

// TestScript runs the scripts of testdata/script with the real command. In their
// folder they find the certificate cert.pem for 127.0.0.1, with its key.pem.
// Beside testscript's own, they have these commands:
//
//	start NAME PATTERN wampeter [ARG...]
//	    runs wampeter in the background, waits until its output matches PATTERN,
//	    and sets the variables $NAME1, $NAME2, ... to what the groups matched,
//	    $NAMEPID to the process
//	await NAME PATTERN
//	    waits until the output of NAME matches
//	signal NAME {INT|TERM|KILL|HUP}
//	    sends a signal
//	finish NAME [CODE]
//	    waits for NAME to end with the exit code CODE, 0 if not given, and
//	    writes its output to the files NAME.stdout and NAME.stderr
//	exits CODE COMMAND [ARG...]
//	    runs COMMAND, which has to end with the exit code CODE
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector waits for a second otherwise
			env.Values[backgroundKey{}] = make(map[string]*background)
			return writeCertificate(env.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start":  start,
			"await":  await,
			"signal": signal,
			"finish": finish,
			"exits":  exits,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// patience is how long a script waits for what must come.
const patience = 30 * time.Second

type backgroundKey struct{}

// background is a command started by a script.
type background struct {
	cmd            *exec.Cmd
	stdout, stderr output
	grown          chan struct{} // of capacity 1: there is more output
	done           chan struct{} // closed at its end
}

// output collects what a command writes, and tells of it.
type output struct {
	grown chan<- struct{}

	mu   sync.Mutex
	text []byte
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	o.text = append(o.text, b...)
	o.mu.Unlock()
	select {
	case o.grown <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || args[2] != "wampeter" {
		ts.Fatalf("usage: start NAME PATTERN wampeter [ARG...]")
	}
	name, pattern := args[0], args[1]
	b := &background{grown: make(chan struct{}, 1), done: make(chan struct{})}
	b.stdout.grown, b.stderr.grown = b.grown, b.grown
	path, err := os.Executable()
	ts.Check(err)
	b.cmd = exec.Command(path, args[3:]...)
	b.cmd.Args[0] = args[2] // by which TestMain knows what to be
	b.cmd.Dir = ts.Getenv("WORK")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "SYSTEMROOT", "GORACE", "WAMPETER_URL", "WAMPETER_REALM", "WAMPETER_CONFIG", "WAMPETER_LOG_LEVEL"} {
		b.cmd.Env = append(b.cmd.Env, name+"="+ts.Getenv(name))
	}
	b.cmd.Stdout, b.cmd.Stderr = &b.stdout, &b.stderr
	ts.Check(b.cmd.Start())
	ts.Setenv(name+"PID", strconv.Itoa(b.cmd.Process.Pid))
	go func() {
		_ = b.cmd.Wait() // finish looks at the state
		close(b.done)
	}()
	ts.Defer(func() {
		_ = b.cmd.Process.Kill()
		<-b.done
		ts.Logf("%s: stdout\n%s%s: stderr\n%s", name, b.stdout.String(), name, b.stderr.String())
	})
	ts.Value(backgroundKey{}).(map[string]*background)[name] = b
	for i, group := range b.await(ts, name, pattern) {
		if i > 0 {
			ts.Setenv(name+strconv.Itoa(i), group)
		}
	}
}

// await waits until the output matches pattern, and returns the groups.
func (b *background) await(ts *testscript.TestScript, name, pattern string) []string {
	re, err := regexp.Compile("(?m)" + pattern)
	ts.Check(err)
	timeout := time.After(patience)
	for {
		for _, out := range []*output{&b.stdout, &b.stderr} {
			if m := re.FindStringSubmatch(out.String()); m != nil {
				return m
			}
		}
		select {
		case <-b.grown:
		case <-b.done:
			// What it wrote last may match.
			if m := re.FindStringSubmatch(b.stdout.String() + "\n" + b.stderr.String()); m != nil {
				return m
			}
			ts.Fatalf("%s has ended without %q", name, pattern)
		case <-timeout:
			ts.Fatalf("%s: no %q within %v", name, pattern, patience)
		}
	}
}

func find(ts *testscript.TestScript, name string) *background {
	b := ts.Value(backgroundKey{}).(map[string]*background)[name]
	if b == nil {
		ts.Fatalf("nothing was started as %s", name)
	}
	return b
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await NAME PATTERN")
	}
	find(ts, args[0]).await(ts, args[0], args[1])
}

func signal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "KILL": os.Kill, "HUP": syscall.SIGHUP}
	if neg || len(args) != 2 || signals[args[1]] == nil {
		ts.Fatalf("usage: signal NAME {INT|TERM|KILL|HUP}")
	}
	ts.Check(find(ts, args[0]).cmd.Process.Signal(signals[args[1]]))
}

func finish(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: finish NAME [CODE]")
	}
	b, want := find(ts, args[0]), 0
	if len(args) == 2 {
		var err error
		want, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	select {
	case <-b.done:
	case <-time.After(patience):
		ts.Fatalf("%s does not end", args[0])
	}
	for name, out := range map[string]*output{".stdout": &b.stdout, ".stderr": &b.stderr} {
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+name), []byte(out.String()), 0o600))
	}
	if got := b.cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("%s has ended with exit code %d (%v), want %d", args[0], got, b.cmd.ProcessState, want)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
