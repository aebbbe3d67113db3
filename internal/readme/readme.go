// Package readme runs the commands that a README prints, as a reader would, and
// compares what they print with what the README says.
//
// A fence of sh is a terminal, in which its commands run one after the other. A
// fence of text right behind it, with nothing but empty lines between, is what
// will be seen there. A program that goes on keeps its terminal, and the next
// fence is the next one.
package readme

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long commands may take to build, to install and to answer.
const patience = 3 * time.Minute

// port is the one that READMEs name. It is replaced by one that is free.
const port = "8080"

// Terminal is a fence of commands.
type Terminal struct {
	Commands string
	Output   []string // lines, in order, among others; … stands for anything
}

// first returns how many lines are what the terminal shows first: one, or as many
// as are the same, of several programs that are started at once.
func (t *Terminal) first() int {
	n := 0
	for n < len(t.Output) && t.Output[n] == t.Output[0] {
		n++
	}
	return n
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// Terminals returns the terminals of a README.
func Terminals(text string) []Terminal {
	var list []Terminal
	found := fence.FindAllStringSubmatchIndex(text, -1)
	for i, at := range found {
		if text[at[2]:at[3]] != "sh" {
			continue
		}
		t := Terminal{Commands: text[at[4]:at[5]]}
		if i+1 < len(found) {
			next := found[i+1]
			if text[next[2]:next[3]] == "text" && strings.TrimSpace(text[at[1]:next[0]]) == "" {
				t.Output = strings.Split(strings.TrimSpace(text[next[4]:next[5]]), "\n")
			}
		}
		list = append(list, t)
	}
	return list
}

// Run runs the commands of a README in dir. Each terminal is opened when those
// before it show what they show first. Before that before is called, unless it
// is nil, with the terminal's number, counted from 0, and the port that replaces
// 8080. In the end each terminal has to show everything, and programs that go on
// have to end when they are interrupted.
func Run(t *testing.T, file, dir string, before func(terminal int, port string)) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	terminals := Terminals(string(text))
	if len(terminals) == 0 {
		t.Fatalf("%s prints no commands", file)
	}
	free := freePort(t)
	var running []*process
	defer func() {
		for _, p := range running {
			p.kill()
		}
	}()
	for i, term := range terminals {
		if before != nil {
			before(i, free)
		}
		term.Commands = strings.ReplaceAll(term.Commands, port, free)
		for j, line := range term.Output {
			term.Output[j] = strings.ReplaceAll(line, port, free)
		}
		p, err := start(term, dir)
		if err != nil {
			t.Fatal(err)
		}
		running = append(running, p)
		if len(term.Output) == 0 {
			p.ends(t)
			continue
		}
		p.shows(t, term.first())
	}
	for _, p := range running {
		p.shows(t, len(p.Output))
	}
	for i := len(running) - 1; i >= 0; i-- {
		running[i].interrupt()
		running[i].ends(t)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	_, free, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return free
}

// process is a terminal at work.
type process struct {
	Terminal
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{}
	err   error // after ended

	mu      sync.Mutex
	out     bytes.Buffer
	changed chan struct{}
	stopped bool // it was told to end
}

func start(term Terminal, dir string) (*process, error) {
	p := &process{Terminal: term, ended: make(chan struct{}), changed: make(chan struct{})}
	p.cmd = exec.Command("bash", "-euo", "pipefail", "-c", term.Commands)
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.WaitDelay = 5 * time.Second
	group(p.cmd)
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil { // a keyboard that nobody uses
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Write takes output.
func (p *process) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.Write(data)
	close(p.changed)
	p.changed = make(chan struct{})
	return len(data), nil
}

// shows waits until the first n lines that are expected have been printed.
func (p *process) shows(t *testing.T, n int) {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		p.mu.Lock()
		out, changed := p.out.String(), p.changed
		p.mu.Unlock()
		if missing := Missing(out, p.Output[:n]); missing == "" {
			return
		}
		select {
		case <-changed:
			continue
		case <-p.ended:
		case <-timeout.C:
		}
		p.mu.Lock()
		out = p.out.String()
		p.mu.Unlock()
		if missing := Missing(out, p.Output[:n]); missing != "" {
			t.Fatalf("%s\ndoes not print %q, but\n%s", p.Commands, missing, out)
		}
		return
	}
}

// Missing returns the first of lines that out does not have, in their order;
// "" when it has all.
func Missing(out string, lines []string) string {
	printed := strings.FieldsFunc(out, func(c rune) bool { return c == '\n' || c == '\r' })
	for _, want := range lines {
		parts := strings.Split(strings.TrimSpace(want), "…")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		pattern := regexp.MustCompile("^" + strings.Join(parts, ".*") + "$")
		for {
			if len(printed) == 0 {
				return want
			}
			line := strings.TrimSpace(printed[0])
			printed = printed[1:]
			if pattern.MatchString(line) {
				break
			}
		}
	}
	return ""
}

// interrupt is Ctrl-C.
func (p *process) interrupt() {
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	interruptGroup(p.cmd)
}

// ends waits until the terminal has ended, without failing unless it was
// interrupted.
func (p *process) ends(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Errorf("%s\ndoes not end", p.Commands)
		p.kill()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var exit *exec.ExitError
	if p.err != nil && !(p.stopped && errors.As(p.err, &exit)) {
		t.Error(fmt.Errorf("%s\nends with %w:\n%s", p.Commands, p.err, p.out.String()))
	}
}

func (p *process) kill() {
	killGroup(p.cmd)
	_ = p.stdin.Close()
	<-p.ended
}
