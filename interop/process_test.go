//go:build interop && unix

package interop

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// guard runs a command in the background and ends its whole process group when
// standard input ends, so that no process outlives the tests however they end.
const guard = `{ "$@"; echo "ended with status $?" >&2; kill -TERM 0; } </dev/null &
cat >/dev/null; trap "" TERM; kill -TERM 0; wait`

// process is a foreign program, or our own command, that runs for one test.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string   // standard output; closed at its end
	ended chan struct{} // closed when the process is gone

	mu  sync.Mutex
	log []string // standard error, the last lines
}

// start runs a program that ends with its standard input.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, stdin: stdin, lines: make(chan string, 256), ended: make(chan struct{})}

	var readers sync.WaitGroup
	readers.Go(func() {
		defer close(p.lines)
		scan(stdout, func(line string) { p.lines <- line })
	})
	readers.Go(func() { scan(stderr, p.note) })
	go func() {
		readers.Wait()
		_ = cmd.Wait() // how it ended shows in its log
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("standard error of %s:\n%s", name, p.stderr())
		}
	})
	return p
}

// startGuarded runs a program that takes no notice of its standard input.
func startGuarded(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return start(t, "sh", append([]string{"-c", guard, "guard", name}, args...)...)
}

// stop ends the process and waits until it is gone.
func (p *process) stop() {
	_ = p.stdin.Close() // tells it to end
	go func() {
		for range p.lines { // nobody else reads any more
		}
	}()
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

// line returns the next line of standard output.
func (p *process) line(timeout time.Duration) (string, error) {
	select {
	case line, ok := <-p.lines:
		if !ok {
			return "", fmt.Errorf("%s ended: %s", p.cmd, p.stderr())
		}
		return line, nil
	case <-time.After(timeout):
		return "", fmt.Errorf("%s said nothing for %v: %s", p.cmd, timeout, p.stderr())
	}
}

// listening waits until a server has said where it listens, once for each of
// its listeners, and returns the addresses.
func (p *process) listening(t *testing.T, listeners int) []string {
	t.Helper()
	var addresses []string
	for len(addresses) < listeners {
		line, err := p.line(2 * time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if _, rest, ok := strings.Cut(line, "listening on "); ok {
			address, _, _ := strings.Cut(rest, " ")
			addresses = append(addresses, strings.TrimRight(address, ",;"))
		}
	}
	go func() {
		for range p.lines { // a full pipe would stop it
		}
	}()
	return addresses
}

func (p *process) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, line)
	if len(p.log) > 100 {
		p.log = p.log[1:]
	}
}

func (p *process) stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log, "\n")
}

func scan(r io.Reader, line func(string)) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line(lines.Text())
	}
	if err := lines.Err(); err != nil {
		line(err.Error())
	}
	_, _ = io.Copy(io.Discard, r)
}
