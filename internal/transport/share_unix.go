//go:build unix

package transport

import (
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// giveWay has Go look at its sockets, and returns when the goroutines that could
// run then have had a turn: the one who asked is the first to be woken up.
//
// n tells apart those who do so at the same time: of those who come to the same
// turnstile one has to wait for the other.
func giveWay(n uint64) {
	turnstiles[n%uint64(len(turnstiles))].pass()
	runtime.Gosched()
}

// A turnstile is a pipe: who writes into it, and then waits for it to become
// readable, is woken up when Go has looked at all descriptors.
type turnstile struct {
	once   sync.Once
	out    syscall.RawConn // nil when there is no pipe
	in     *os.File        // kept open
	into   int             // its descriptor
	step   func(uintptr) bool
	queued bool // a byte is in the pipe; guarded by out, which one goroutine reads at a time
}

var turnstiles [8]turnstile

func (t *turnstile) open() {
	out, in, err := os.Pipe()
	if err != nil {
		return // out of descriptors
	}
	from, err1 := out.SyscallConn()
	to, err2 := in.SyscallConn()
	if err1 != nil || err2 != nil || to.Control(func(fd uintptr) { t.into = int(fd) }) != nil {
		out.Close()
		in.Close()
		return
	}
	t.in, t.out, t.step = in, from, t.wait
}

func (t *turnstile) pass() {
	if t.once.Do(t.open); t.out != nil {
		_ = t.out.Read(t.step) // it cannot fail: nobody closes it
	}
}

// wait is called by RawConn.Read, which waits when it returns false, and calls it
// again.
func (t *turnstile) wait(fd uintptr) bool {
	var b [1]byte
	if t.queued {
		n, _ := unix.Read(int(fd), b[:])
		t.queued = n != 1
		return !t.queued
	}
	n, _ := unix.Write(t.into, b[:])
	t.queued = n == 1
	return !t.queued
}
